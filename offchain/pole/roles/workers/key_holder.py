"""The key holder: makes partial keys of its share when a round of the task opens, and may combine them."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pole.errors import InputError, IntegrityError, JournalError
from pole.ipfe.threshold import KeyShare, derive_partial_keys
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.formats.key_sharing import read_share, write_partial_keys
from pole.protocol.mapping.layer import query_plan
from pole.protocol.models.specification import MAX_DOCUMENT_BYTES, ModelSpecification, parse_specification
from pole.protocol.state import FileRef, Phase, PostedTask
from pole.roles.keys.combiner import KeyCombiner, KeyRound
from pole.roles.keys.sharing import read_task_sharing
from pole.roles.ports import Chain, Journal, Moment, Store
from pole.roles.support.events import tell
from pole.roles.support.files import Wanted, fetch, write_durably
from pole.roles.support.opening_wait import OpeningWait
from pole.roles.workers.settlement import Settlement

LOG: Final = logging.getLogger("pole.key-holder")


@dataclass(slots=True)
class KeyHolder:
    """Serves every task of which its wallet holds a share or is the delegate.

    `open_share` returns the file of the accepted share of the sharing with this digest, None without one. The
    seed is that of the contract as the wallet's node tells it; only one seed is ever served for a master
    secret, so that a node that lies about it gains one set of keys at most. Keys, partial and
    combined, wait for so many `confirmations` of the round's opening.
    """

    chain: Chain
    store: Store
    journal: Journal
    home: Path
    settlement: Settlement
    combiner: KeyCombiner
    open_share: Callable[[bytes], bytes | None]
    confirmations: int = 0
    _current: KeyRound | None = field(default=None, init=False)
    _contributed: KeyRound | None = field(default=None, init=False)
    _idle: KeyRound | None = field(default=None, init=False)
    _given_up: int = field(default=0, init=False)
    _wait: OpeningWait = field(init=False)

    def __post_init__(self) -> None:
        """Make ready to wait for confirmations."""
        self._wait = OpeningWait(self.chain, self.confirmations)

    def step(self, moment: Moment) -> str | None:
        """Announce partial keys, then combine what is there, while the round waits for its keys."""
        if moment.phase is not Phase.KEYS:
            return self.settlement.step(moment)
        if self._given_up == moment.round_id:
            return None
        try:
            current = self._key_round(moment.round_id)
            if current is None or not self._wait.is_over(moment, current.open_round):
                return None
            return self._contribute(current) or self.combiner.combine(current)
        except JournalError:
            raise
        except (InputError, IntegrityError) as error:
            self._given_up = moment.round_id
            LOG.warning("Round %d: this holder cannot serve it: %s", moment.round_id, error)
            return None

    def _key_round(self, round_id: int) -> KeyRound | None:
        """Return what the round's keys are made of, None when its data node shared nothing."""
        open_round = self.chain.round(round_id)
        delegation = self.chain.delegation(open_round.task_id)
        known = self._current
        if known is not None and (known.open_round, known.shared.delegation) == (open_round, delegation):
            return known
        shared = read_task_sharing(self.chain, self.store, self.home / "files", open_round.task_id)
        if shared is None:
            return None
        plan = query_plan(self._specification(shared.task), open_round.seed)
        self._current = KeyRound(open_round, shared, plan)
        return self._current

    def _specification(self, task: PostedTask) -> ModelSpecification:
        files = task.files
        wanted = Wanted(files.spec_cid, files.spec_digest, MAX_DOCUMENT_BYTES)
        return parse_specification(fetch(self.store, wanted, self.home / "files"))

    def _contribute(self, current: KeyRound) -> str | None:
        """Announce the partial keys of this wallet's share, once for a round and sharing."""
        if self._contributed is current:
            return None
        index = current.shared.sharing.index_of(self.chain.identity.address)
        if index is None:
            return None
        content = self.open_share(current.shared.digest)
        if content is None:
            self._tell_idle(current, index)
            return None
        round_id, task_id = current.open_round.round_id, current.shared.task.task_id
        self.settlement.follow(round_id)
        self._enter_in_ledger(current.shared.task.files.mpk_digest, current.open_round.seed)
        ref = self._publish(current, index, content)
        intent = f"partial-keys/{round_id}/{current.shared.digest.hex()}"
        self.chain.announce_partial_keys(task_id, ref, intent=intent)
        sentence = f"Round {round_id}: announced the partial keys of holder {index}."
        tell(LOG, "partial-keys-announced", sentence, round=round_id, index=index, cid=ref.cid)
        self._contributed = current
        return "partial keys announced"

    def _publish(self, current: KeyRound, index: int, content: bytes) -> FileRef:
        shared, open_round = current.shared, current.open_round
        dimension = shared.sharing.commitments.shape[1]
        scalars = read_share(content, sharing_digest=shared.digest, index=index, dimension=dimension)
        partial = derive_partial_keys(KeyShare(index, scalars), current.plan)
        written = write_partial_keys(
            partial.eta,
            round_id=open_round.round_id,
            seed=open_round.seed,
            sharing_digest=shared.digest,
            index=index,
        )
        path = self.home / "partial-keys" / f"{open_round.round_id}.safetensors"
        write_durably(path, written)
        return FileRef(self.store.add(path), keccak256(written))

    def _tell_idle(self, current: KeyRound, index: int) -> None:
        """Say once that the share is missing; it may still be accepted while the round waits."""
        if self._idle is not current:
            LOG.warning(
                "Round %d: this wallet is holder %d of task %d, but its share is not here: take it in with "
                "`pole key-holder accept`.",
                current.open_round.round_id,
                index,
                current.shared.task.task_id,
            )
        self._idle = current

    def _enter_in_ledger(self, mpk_digest: bytes, seed: bytes) -> None:
        """Note that partial keys for this seed are given away; raises IntegrityError for a second seed."""
        first = self.journal.secret(f"keys-given/{mpk_digest.hex()}", lambda: seed)
        if first != seed:
            raise IntegrityError(
                "Partial keys of another seed were already given for this master secret: the data node has "
                "to post the task again, under a fresh master key."
            )
