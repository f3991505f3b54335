"""The end of every run: anyone plus time ends all rounds, and then everybody takes everything out."""

from collections.abc import Iterator

from tests.contracts.stateful import moves
from tests.contracts.stateful.evm import header
from tests.contracts.stateful.model import draws, phases
from tests.contracts.stateful.model.system import Call, Round, System, Wait
from tests.contracts.stateful.pair import Action
from tests.contracts.stateful.people import PEOPLE, STRANGER

from pole.protocol.state import Phase, Step

MAXIMUM_STEPS = 40
LONG = 10**4


def departure(system: System) -> Iterator[Action]:
    """Yield what ends the rounds by a stranger's hand, then how everybody leaves with all it has."""
    for opened in system.open_rounds:
        yield from _end(system, opened)
    for person in PEOPLE:
        if person in system.order:
            yield Call(person, "VerifierCommittee.unstake")
    # Longer than any seat's age.
    yield Wait(LONG, LONG)
    for person in PEOPLE:
        yield from _take_all(system, person)


def _end(system: System, opened: Round) -> Iterator[Action]:
    steps = 0
    while not opened.is_settled:
        yield _step(system, opened)
        steps += 1
        assert steps < MAXIMUM_STEPS, "the round does not end by a stranger and time"


def _step(system: System, opened: Round) -> Action:
    phase, end = phases.phase(system, opened)
    if phase is Phase.SETTLEMENT:
        return Call(STRANGER, "PoLeChain.finalise", (opened.round_id,))
    if phase is Phase.TEST_RELEASE and opened.step is Step.KEYED:
        return Call(STRANGER, "PoLeChain.closeSubmissions", (opened.round_id,))
    clock, named = system.clock, opened.draw_block
    if phase not in (Phase.SEED, Phase.DRAW):
        if phases.has_come(system, end):
            return moves.end_window(opened, phase, STRANGER)
        return Wait(max(0, end.number - clock.number), max(0, end.time - clock.time))
    if not named or draws.is_lost(system, named):
        return Call(STRANGER, "PoLeChain.arm", (opened.round_id,))
    if clock.number <= named:
        return Wait(named + 1 - clock.number, 1)
    return Call(STRANGER, "PoLeChain.draw", (opened.round_id, header(named)))


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
