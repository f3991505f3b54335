"""What each worker has at stake: in rounds that are open, and beside them.

Contracts let nobody refuse a draw or a round. A verifier's seat and a data node's tasks call them to new
duties, and only giving those up ends that: docs/decisions/0066.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic

from pole.protocol.amounts import ether
from pole.protocol.state import ENDED, Phase
from pole.quoting import utc
from pole.roles.loop import Means
from pole.roles.memory import SettlementMemory
from pole.roles.ports import Chain, Moment
from pole.roles.support.draining import end_of, phase_of
from pole.roles.workers.data_node.data_node import DataNode
from pole.roles.workers.key_holder.key_holder import KeyHolder
from pole.roles.workers.miner.miner import Miner
from pole.roles.workers.verifier.leaving import give_up_seat
from pole.roles.workers.verifier.verifier import Verifier


def nothing(_means: object, _moments: Sequence[Moment]) -> tuple[str, ...]:
    """Return nothing: who takes steps that are nobody's has nothing to lose."""
    return ()


def keep(_means: object) -> None:
    """Give up nothing."""


def is_free(_means: object, _moment: Moment) -> bool:
    """Return False: nothing is asked of it."""
    return False


@dataclass(frozen=True, slots=True)
class Stakes(Generic[Means]):
    """What a worker has at stake in open rounds, what it owes beside them, and how it gives up what it can.

    The first two are phrases, the third is the name of what was done, the last says whether a moment asks for
    a transaction of its wallet: see Participant.
    """

    at_stake: Callable[[Means, Sequence[Moment]], Iterator[str] | tuple[str, ...]] = nothing
    owed: Callable[[Means, Sequence[Moment]], Iterator[str] | tuple[str, ...]] = nothing
    give_up: Callable[[Means], str | None] = keep
    owes: Callable[[Means, Moment], bool] = is_free


def rounds_of_miner(miner: Miner, moments: Sequence[Moment]) -> Iterator[str]:
    """Yield the rounds that it has committed to, or is about to: a bond hangs on its reveal."""
    return (end_of(moment) for moment in _open(moments) if miner.takes_part(moment.round_id))


def settlements_of_miner(miner: Miner, moments: Sequence[Moment]) -> Iterator[str]:
    """Yield the ended rounds that it took part in and has not settled."""
    return unsettled(miner.settlement.memory, moments)


def ballots_of_verifier(verifier: Verifier, moments: Sequence[Moment]) -> Iterator[str]:
    """Yield the ballots that it was drawn into and that are open: a penalty hangs on each."""
    for moment in _open(moments):
        if verifier.sits(moment):
            yield f"its vote in round {moment.round_id}, {phase_of(moment)}"


def seat_of_verifier(verifier: Verifier, moments: Sequence[Moment]) -> Iterator[str]:
    """Yield what can still draw its seat, as VerifierCommittee.reclaim sees it, and what is not settled."""
    chain = verifier.chain
    held = chain.stake_of(chain.identity.address)
    drawn_until = held.left_at + chain.parameters.committee.seat_age
    if held.seated:
        yield "its seat, which every round may draw: `pole verifier unstake` gives it up"
    elif held.amount:
        if moments[0].timestamp <= drawn_until:
            yield f"rounds that open until {utc(drawn_until)}, which may draw the seat that it gave up"
        for moment in _open(moments):
            if chain.round(moment.round_id).opened_at <= drawn_until:
                yield f"{end_of(moment)}, which may draw the seat that it gave up"
    yield from unsettled(verifier.settlement.memory, moments)


def rounds_of_data_node(node: DataNode, moments: Sequence[Moment]) -> Iterator[str]:
    """Yield the open rounds on its tasks: its bond hangs on what it serves there."""
    for moment in _open(moments):
        if node.chain.round(moment.round_id).data_node == node.chain.identity.address:
            yield end_of(moment)


def tasks_of_data_node(node: DataNode, moments: Sequence[Moment]) -> Iterator[str]:
    """Yield its tasks that a round may open any time, what is not settled, and models that it bought."""
    window = node.chain.parameters.chain.key_window
    for task_id in waiting(node.chain, moments):
        task = node.chain.task(task_id)
        if task.owner == node.chain.identity.address:
            yield (
                f"the round of task {task_id}, which costs the data bond of {ether(task.terms.data_bond)} "
                f"where no keys come within {window} s of its opening (`pole task cancel {task_id}` takes "
                "the task back)"
            )
    yield from unsettled(node.settlement.memory, moments)
    for round_id in node.models.memory.awaited_models():
        if has_ended(round_id, moments):
            yield f"the model of round {round_id}, which is asked for every minute"


def keys_of_holder(holder: KeyHolder, moments: Sequence[Moment]) -> Iterator[str]:
    """Yield the rounds that wait for keys which it makes, or combines: a data node's bond hangs on them."""
    for moment in moments:
        if moment.phase in (Phase.SEED, Phase.KEYS) and moment.round_id not in holder.given_up:
            task_id = holder.chain.round(moment.round_id).task_id
            if holder.serves(task_id):
                yield f"the keys of round {moment.round_id}, {phase_of(moment)}"


def tasks_of_holder(holder: KeyHolder, moments: Sequence[Moment]) -> Iterator[str]:
    """Yield the tasks that wait and count on it, and what is not settled."""
    for task_id in waiting(holder.chain, moments):
        if holder.serves(task_id):
            yield f"the keys of task {task_id}, which waits for a round: its owner alone can cancel it"
    yield from unsettled(holder.settlement.memory, moments)


def unsettled(memory: SettlementMemory, moments: Sequence[Moment]) -> Iterator[str]:
    """Yield the rounds that have ended, and that the wallet has still to come back to."""
    rounds = memory.open_rounds()
    return (f"the settlement of round {number}" for number in rounds if has_ended(number, moments))


def has_ended(round_id: int, moments: Sequence[Moment]) -> bool:
    """Return whether moments of all lanes show that a round has ended."""
    return any(moment.has_ended(round_id) for moment in moments)


def waiting(chain: Chain, moments: Sequence[Moment]) -> Sequence[int]:
    """Return the numbers of the tasks that wait for a round."""
    return [task.task_id for task in chain.waiting_tasks()] if moments[0].waiting else []


def _open(moments: Sequence[Moment]) -> Iterator[Moment]:
    return (moment for moment in moments if moment.phase not in (Phase.NONE, *ENDED))


def files_due(node: DataNode, moment: Moment) -> bool:
    """Return whether a round on its task waits for keys, or for the test set: both move the round on."""
    is_waiting = moment.phase in (Phase.KEYS, Phase.TEST_RELEASE)
    return is_waiting and node.chain.round(moment.round_id).data_node == node.chain.identity.address


def keys_due(holder: KeyHolder, moment: Moment) -> bool:
    """Return whether a round waits for keys that a holder has not announced, nor given up to make."""
    if moment.phase is not Phase.KEYS or moment.round_id in holder.given_up:
        return False
    made = holder.contributed.get(moment.lane)
    is_made = made is not None and made.open_round.round_id == moment.round_id
    return not is_made and holder.serves(holder.chain.round(moment.round_id).task_id)


OF_MINER: Final = Stakes(rounds_of_miner, settlements_of_miner, owes=Miner.owes)
OF_VERIFIER: Final = Stakes(ballots_of_verifier, seat_of_verifier, give_up_seat, Verifier.owes)
OF_DATA_NODE: Final = Stakes(rounds_of_data_node, tasks_of_data_node, owes=files_due)
OF_KEY_HOLDER: Final = Stakes(keys_of_holder, tasks_of_holder, owes=keys_due)
