"""The data node: issues a round's functional keys, closes its submissions, and releases the test set."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pole.errors import InputError, IntegrityError, JournalError
from pole.ipfe.scheme import MasterSecretKey, derive_keys
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.formats.functional_keys import write_functional_keys
from pole.protocol.mapping.layer import query_plan
from pole.protocol.models.specification import ModelSpecification
from pole.protocol.state import FileRef, Phase, Round
from pole.roles.keys.budget import KeyBudget
from pole.roles.keys.ledger import GivenKeys
from pole.roles.keys.sharing import is_dropped
from pole.roles.ports import Chain, Journal, Moment, Store
from pole.roles.publishing.release import publish_test_set
from pole.roles.publishing.task_folder import TaskFolder
from pole.roles.support.events import tell
from pole.roles.support.files import write_durably
from pole.roles.support.opening_wait import OpeningWait
from pole.roles.workers.replaced_tasks import ReplacedTasks
from pole.roles.workers.settlement import Settlement

LOG: Final = logging.getLogger("pole.data-node")


@dataclass(slots=True)
class DataNode:
    """Serves every task that its wallet posted.

    `open_secret` returns the master secret key whose public key has this digest. Keys that bring a data set's
    `budget` to D - 1 are issued where the task was posted with consent, or `may_disclose`. Keys wait for so
    many `confirmations` of the round's opening.
    """

    chain: Chain
    store: Store
    journal: Journal
    home: Path
    settlement: Settlement
    open_secret: Callable[[bytes], MasterSecretKey]
    budget: KeyBudget
    may_disclose: bool = False
    confirmations: int = 0
    _noted: int = field(default=0, init=False)
    _given_up: int = field(default=0, init=False)
    _wait: OpeningWait = field(init=False)
    _looked: tuple[int, Phase] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Make ready to wait for confirmations."""
        self._wait = OpeningWait(self.chain, self.confirmations)

    def step(self, moment: Moment) -> str | None:
        """Do what the round asks of its data node now."""
        self._look_for_replaced(moment)
        if moment.phase not in (Phase.KEYS, Phase.TRAINING, Phase.TEST_RELEASE):
            return self.settlement.step(moment)
        if self._given_up == moment.round_id:
            return None
        open_round = self.chain.round(moment.round_id)
        if open_round.data_node != self.chain.identity.address:
            return None
        self.settlement.follow(moment.round_id)
        try:
            return self._serve(moment, open_round)
        except JournalError:
            # The data bond is at stake, and the loop tries again.
            raise
        except (InputError, IntegrityError) as error:
            self._given_up = moment.round_id
            LOG.warning("Round %d: this data node cannot serve its own task: %s", moment.round_id, error)
            return None

    def _look_for_replaced(self, moment: Moment) -> None:
        """Look once a phase: nothing is lost meanwhile, and looking asks the node for events."""
        if self._looked != (moment.round_id, moment.phase):
            ReplacedTasks(self.chain, self.journal, self.budget, self.settlement).settle()
            self._looked = (moment.round_id, moment.phase)

    def _serve(self, moment: Moment, open_round: Round) -> str | None:
        if moment.phase is not Phase.KEYS and self._noted != moment.round_id:
            self._note_keys(open_round)
        match moment.phase:
            case Phase.KEYS:
                return self._issue_keys(open_round) if self._wait.is_over(moment, open_round) else None
            case Phase.TRAINING:
                return self._close(moment, open_round)
            case _:
                return self._release(moment, open_round)

    def _issue_keys(self, open_round: Round) -> str | None:
        mpk_digest = self._mpk_digest(open_round)
        if is_dropped(self.journal, mpk_digest):
            return None
        specification = TaskFolder.of(self.home, mpk_digest).read_specification()
        self._enter_in_ledger(mpk_digest, specification, open_round)
        keys = derive_keys(self.open_secret(mpk_digest), query_plan(specification, open_round.seed))
        content = write_functional_keys(keys.eta, round_id=open_round.round_id, seed=open_round.seed)
        path = self.home / "keys" / f"{open_round.round_id}.safetensors"
        write_durably(path, content)
        ref = FileRef(self.store.add(path), keccak256(content))
        self.chain.post_functional_keys(open_round.round_id, ref, intent=f"keys/{open_round.round_id}")
        sentence = (
            f"Round {open_round.round_id}: issued {len(keys.eta)} x {keys.eta.shape[1]} functional keys."
        )
        tell(LOG, "keys-issued", sentence, round=open_round.round_id, cid=ref.cid)
        return "keys issued"

    def _close(self, moment: Moment, open_round: Round) -> str | None:
        terms, round_id = open_round.terms, open_round.round_id
        enough = open_round.ready >= terms.min_solutions
        if not enough or moment.timestamp < open_round.keys_at + terms.min_training_time:
            return None
        self.chain.close_submissions(round_id, intent=f"close/{round_id}")
        sentence = f"Round {round_id}: closed submissions with {open_round.committed} commitments."
        tell(LOG, "closed", sentence, round=round_id, committed=open_round.committed)
        return "closed"

    def _release(self, moment: Moment, open_round: Round) -> str | None:
        if moment.block <= open_round.closed_block:
            return None
        round_id = open_round.round_id
        ref = publish_test_set(self.chain, self.store, self.home, open_round)
        self.chain.release_test_set(round_id, ref, intent=f"release/{round_id}")
        tell(
            LOG,
            "test-released",
            f"Round {round_id}: released the test set as {ref.cid}.",
            round=round_id,
            cid=ref.cid,
        )
        return "released"

    def _mpk_digest(self, open_round: Round) -> bytes:
        return self.chain.task(open_round.task_id).files.mpk_digest

    def _enter_in_ledger(
        self, mpk_digest: bytes, specification: ModelSpecification, open_round: Round
    ) -> None:
        """Note that keys for the round's seed are given away.

        Raises IntegrityError when keys for another seed already were: two sets of keys together may disclose
        the data where one does not. Raises BudgetSpentError when all tasks of the data together do.
        """
        first = self.journal.secret(f"keys-given/{mpk_digest.hex()}", lambda: open_round.seed)
        if first != open_round.seed:
            raise IntegrityError(
                "Functional keys of another seed were already given for this data set: post the task again, "
                "under a fresh master key."
            )
        keys = GivenKeys(open_round.seed, open_round.round_id)
        self.budget.give(mpk_digest, specification, keys, consent=self.may_disclose)

    def _note_keys(self, open_round: Round) -> None:
        """Enter keys that others issued for this data node, such as the holders of a shared secret."""
        mpk_digest = self._mpk_digest(open_round)
        specification = TaskFolder.of(self.home, mpk_digest).read_specification()
        self.budget.note(mpk_digest, specification, GivenKeys(open_round.seed, open_round.round_id))
        self._noted = open_round.round_id
