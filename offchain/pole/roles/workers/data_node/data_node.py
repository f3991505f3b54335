"""What a data node works with, and what all its duties ask of it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Final

from pole.errors import InputError, IntegrityError, JournalError
from pole.ipfe.scheme import MasterSecretKey
from pole.learning.privacy.rules import Rule
from pole.protocol.state import Phase, PostedTask, Round
from pole.roles.keys.budget import KeyBudget
from pole.roles.keys.ledger import GivenKeys
from pole.roles.keys.seeds import ServedSeeds
from pole.roles.loop import Duty
from pole.roles.memory import DataNodeMemory
from pole.roles.ports import Chain, Moment, Store
from pole.roles.publishing.task_folder import TaskFolder
from pole.roles.support.events import report
from pole.roles.support.recent import Recent
from pole.roles.workers.data_node.collecting import WonModels
from pole.roles.workers.settlement import Settlement

LOG: Final = logging.getLogger("pole.data-node")


@dataclass(slots=True)
class DataNode:
    """Serves every task that its wallet posted.

    `open_secret` returns the master secret key whose public key has this digest. Keys that break a rule of
    the data set's `budget` are issued where the task was posted with consent, or `may_disclose` covers it;
    `seeds` allows one seed for each secret; `models` keeps what was won. Keys wait for so many
    `confirmations` of the seed, the test set for as many of the close.

    `noted` are the rounds whose keys, issued by others, are in the budget; `given_up` those that cannot be
    served; `looked` says by lane when replaced tasks were looked for.
    """

    chain: Chain
    store: Store
    memory: DataNodeMemory
    home: Path
    settlement: Settlement
    open_secret: Callable[[bytes], MasterSecretKey]
    budget: KeyBudget
    seeds: ServedSeeds
    models: WonModels
    may_disclose: Rule | None = None
    confirmations: int = 0
    noted: Recent[int] = field(default_factory=Recent, init=False)
    given_up: Recent[int] = field(default_factory=Recent, init=False)
    looked: dict[int, tuple[int, Phase]] = field(default_factory=dict, init=False)

    def mpk_digest(self, open_round: Round) -> bytes:
        """Return the digest of the master public key of a round's task."""
        return self.chain.task(open_round.task_id).files.mpk_digest

    def look_for_replaced(self, moment: Moment) -> None:
        """Look once a phase: nothing is lost meanwhile, and looking asks the node for events."""
        look = (moment.round_id, moment.phase)
        if self.looked.get(moment.lane) != look:
            settle_replaced_tasks(self.chain, self.memory, self.budget, self.settlement)
            self.looked[moment.lane] = look


Service = Callable[[DataNode, Moment, Round], str | None]
"""What a data node does for a round of a task of its own."""


def of_own_round(service: Service) -> Duty[DataNode]:
    """Return the duty that does a service in rounds of this data node's tasks, and nothing in others.

    A round that its data node cannot serve is given up, and says why.
    """

    def serve(node: DataNode, moment: Moment) -> str | None:
        if moment.round_id in node.given_up:
            return None
        open_round = node.chain.round(moment.round_id)
        if open_round.data_node != node.chain.identity.address:
            return None
        node.settlement.follow(moment.round_id)
        node.models.expect(moment.round_id)
        try:
            return service(node, moment, open_round)
        except JournalError:
            # The data bond is at stake, and the loop tries again.
            raise
        except (InputError, IntegrityError) as error:
            node.given_up.add(moment.round_id)
            LOG.warning("Round %d: this data node cannot serve its own task: %s", moment.round_id, error)
            return None

    @wraps(service)
    def duty(node: DataNode, moment: Moment) -> str | None:
        return _and_look(node, moment, serve(node, moment))

    return duty


def settle(node: DataNode, moment: Moment) -> str | None:
    """Settle rounds that have ended, keep the models that won them, and settle tasks that were replaced."""
    return _and_look(node, moment, node.settlement.step(moment))


def _and_look(node: DataNode, moment: Moment, done: str | None) -> str | None:
    """Do what has no deadline, where nothing else was `done`: it may wait for a transaction, or a signer."""
    done = done or node.models.step(moment)
    if done is None:
        node.look_for_replaced(moment)
    return done


def note_keys(node: DataNode, open_round: Round) -> None:
    """Enter keys that others issued for this data node, such as the holders of a shared secret, once."""
    if open_round.round_id in node.noted:
        return
    mpk_digest = node.mpk_digest(open_round)
    specification = TaskFolder.of(node.home, mpk_digest).read_specification()
    node.budget.note(mpk_digest, specification, GivenKeys(open_round.seed, open_round.round_id))
    node.noted.add(open_round.round_id)


def settle_replaced_tasks(
    chain: Chain, memory: DataNodeMemory, budget: KeyBudget, settlement: Settlement
) -> None:
    """Tell of each task that was replaced since, free what it had reserved, and fetch its escrow.

    One whose entry in the key ledger is damaged is told, keeps no other waiting, and is tried again.
    """
    for task_id, by in chain.replaced_tasks().items():
        task = chain.task(task_id)
        if task.owner != chain.identity.address or memory.has_settled_replaced(task_id):
            continue
        try:
            _settle(task, by, budget, settlement)
        except JournalError:
            raise
        except (InputError, IntegrityError) as error:
            LOG.warning("Task %d was pushed out of the full list, and is not settled: %s", task_id, error)
        else:
            memory.note_settled_replaced(task_id)


def _settle(task: PostedTask, by: int, budget: KeyBudget, settlement: Settlement) -> None:
    entry = budget.ledger.read(task.files.mpk_digest)
    if entry is not None and entry.given is None:
        budget.release(task.files.mpk_digest)
    sentence = (
        f"Task {task.task_id} was pushed out of the full list by task {by}, which is worth more: its "
        "reward and bond are this wallet's credit. To have it served, post it again with a higher reward."
    )
    report(LOG, "task-replaced", sentence, task=task.task_id, by=by)
    settlement.withdraw(f"replaced-{task.task_id}", f"Task {task.task_id}")
