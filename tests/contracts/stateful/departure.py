"""The end of every run: anyone plus time ends the round, and then everybody takes everything out."""

from collections.abc import Iterator

from tests.contracts.stateful import moves
from tests.contracts.stateful.model import draws, rounds
from tests.contracts.stateful.model.system import Call, Round, System, Wait
from tests.contracts.stateful.pair import Action
from tests.contracts.stateful.people import PEOPLE, STRANGER

from pole.protocol.state import Phase

MAXIMUM_STEPS = 40
LONG = 10**4


def departure(system: System) -> Iterator[Action]:
    """Yield what ends the round by a stranger's hand, then what each person does to leave with all it has."""
    yield from _end_round(system)
    # Longer than any seat is frozen, or any stake unbonding.
    yield Wait(LONG, LONG)
    for person in PEOPLE:
        if person in system.order:
            yield Call(person, "VerifierCommittee.unstake")
    yield Wait(LONG, LONG)
    for person in PEOPLE:
        yield from _take_all(system, person)


def _end_round(system: System) -> Iterator[Action]:
    steps = 0
    while (opened := system.newest) is not None and not opened.is_settled:
        yield _step(system, opened)
        steps += 1
        assert steps < MAXIMUM_STEPS, "the round does not end by a stranger and time"


def _step(system: System, opened: Round) -> Action:
    phase, deadline = rounds.phase(system, opened)
    if phase is Phase.SETTLEMENT:
        return Call(STRANGER, "PoLeChain.finalise", (opened.round_id,))
    if phase is not Phase.DRAW:
        return moves.wait_until(system, deadline)
    clock, armed = system.clock, opened.draw_block
    if not armed or draws.is_lost(clock, armed):
        return Call(STRANGER, "PoLeChain.armDraw", (opened.round_id,))
    if clock.number <= armed:
        return Wait(armed + 1 - clock.number, 1)
    return Call(STRANGER, "PoLeChain.drawCommittee", (opened.round_id,))


def _take_all(system: System, person: str) -> Iterator[Action]:
    for task in system.waiting:
        if task.owner == person:
            yield Call(person, "TaskList.cancel", (task.task_id,))
    if system.seats[person].stake:
        yield Call(person, "VerifierCommittee.reclaim")
    for (holder, account), amount in list(system.books.balances.items()):
        if holder == person and amount:
            yield Call(person, "RewardReservoir.credit", (account, person, amount))
    if system.books.credits[person]:
        yield Call(person, "RewardReservoir.withdraw", (person,))
