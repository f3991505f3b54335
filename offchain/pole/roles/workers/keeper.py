"""The keeper: the steps of a round that anybody may take, so that every round ends.

Who takes which step first is one rule, `patience`; docs/roles.md says why each step is worth its gas.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Final

from pole.errors import IntegrityError, RefusedError
from pole.protocol.encoding.abi import ZERO_ADDRESS
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.state import Phase, Round, Step
from pole.roles.loop import Duty
from pole.roles.ports import Chain, Moment, Receipt
from pole.roles.support.events import report

LOG: Final = logging.getLogger("pole.keeper")
LOST_AFTER_BLOCKS: Final = 256
"""Younger hashes every chain has."""
LEADING_MINERS: Final = 2
BLOCKS_BETWEEN: Final = 2
"""Ethereum blocks that one who has an interest leaves the one before, and all of them the others."""
SLOTS: Final = 8
"""Blocks over which the others' turns are spread: each of these has twice as many turns as the one before."""


@dataclass(frozen=True, slots=True)
class Action:
    """A transaction that anybody may send: the event that tells of it, its sentence, and how it is sent."""

    name: str
    sentence: str
    send: Callable[[Chain, Moment, str], Receipt]


OPEN: Final = Action(
    "opened",
    "opened",
    lambda chain, moment, intent: chain.open_round(moment.lane, intent=intent),
)
ARM: Final = Action(
    "armed",
    "an Ethereum block is named for its draw",
    lambda chain, moment, intent: chain.arm(moment.round_id, intent=intent),
)
DRAW_SEED: Final = Action(
    "seed-drawn",
    "its seed is drawn",
    lambda chain, moment, intent: chain.draw(moment.round_id, intent=intent),
)
CLOSE: Final = Action(
    "closed",
    "its time is over, submissions are closed",
    lambda chain, moment, intent: chain.close_submissions(moment.round_id, intent=intent),
)
END_TEST_RELEASE: Final = Action(
    "test-missed",
    "no test set was released in time",
    lambda chain, moment, intent: chain.end_test_release(moment.round_id, intent=intent),
)
END_VOTES: Final = Action(
    "votes-ended",
    "its committee's time is over",
    lambda chain, moment, intent: chain.end_votes(moment.ballot_id, intent=intent),
)
DRAW_TEST_SEED: Final = Action(
    "test-seed-drawn",
    "its test set is drawn",
    lambda chain, moment, intent: chain.draw(moment.round_id, intent=intent),
)
DRAW_COMMITTEE: Final = Action(
    "drawn",
    "its committee is drawn",
    lambda chain, moment, intent: chain.draw(moment.round_id, intent=intent),
)
FINALISE: Final = Action(
    "finalised",
    "finalised",
    lambda chain, moment, intent: chain.finalise(moment.round_id, intent=intent),
)
FINALISE_NEXT: Final = Action(
    "finalised",
    "finalised",
    lambda chain, moment, intent: chain.finalise_next(moment.round_id, intent=intent),
)


@dataclass(frozen=True, slots=True)
class Due:
    """An action that is due, and the intent under which every keeper takes it.

    It must have been due for `seconds` before any keeper's turn.
    """

    action: Action
    intent: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Turn:
    """What is due in a lane as of a moment, since when by clock and block, and for how long it is left."""

    moment: Moment
    due: Due | None
    since: float
    since_block: int
    patience: int


@dataclass(slots=True)
class Keeper:
    """Opens rounds, arms and draws, closes what is over, finalises: in all lanes, each step in its turn.

    Being late is normal and costs nothing. An idle round is opened once no task has waited for `idle_after`
    seconds by `clock`, never when that is None.
    """

    chain: Chain
    clock: Callable[[], float]
    idle_after: float | None = None
    _turns: dict[int, _Turn] = field(default_factory=dict, init=False)
    _told: dict[int, str] = field(default_factory=dict, init=False)

    def take_turn(self, moment: Moment, look: Callable[["Keeper", Moment], Due | None]) -> str | None:
        """Take the step that `look` finds due, once this keeper's turn has come; if it fails, in another."""
        turn = self._turn(moment, look)
        due = turn.due
        if due is None or not self._has_come(turn, due):
            return None
        try:
            due.action.send(self.chain, moment, due.intent)
        except (RefusedError, IntegrityError) as error:
            self._report(moment, error)
            # Another turn, not another try at once: what kept it from being taken may last.
            self._turns[moment.lane] = self._begin(moment, due)
            return None
        round_id = moment.next_round if due.action is OPEN else moment.round_id
        report(LOG, due.action.name, f"Round {round_id}: {due.action.sentence}.", round=round_id)
        return due.action.name

    def _report(self, moment: Moment, error: RefusedError | IntegrityError) -> None:
        """Log why a step was not taken; what the node tells wrongly once, however often it is tried."""
        if isinstance(error, RefusedError):
            LOG.debug("somebody was faster, or it is too early: %s", error)
        elif self._told.get(moment.lane) != str(error):
            self._told[moment.lane] = str(error)
            LOG.warning("Round %d: its next step is left to others. %s", moment.round_id, error)

    def _turn(self, moment: Moment, look: Callable[["Keeper", Moment], Due | None]) -> _Turn:
        seen = self._turns.get(moment.lane)
        if seen is None or seen.moment != moment:
            due = look(self, moment)
            if seen is None or due != seen.due:
                seen = self._begin(moment, due)
            else:
                seen = _Turn(moment, due, seen.since, seen.since_block, seen.patience)
            self._turns[moment.lane] = seen
        return seen

    def _begin(self, moment: Moment, due: Due | None) -> _Turn:
        blocks = 0
        if due is not None:
            blocks = patience(due.intent, self.chain.identity.address, interested(self.chain, moment))
        return _Turn(moment, due, self.clock(), moment.block, blocks)

    def _has_come(self, turn: _Turn, due: Due) -> bool:
        is_patient = turn.moment.block >= turn.since_block + turn.patience
        return is_patient and self.clock() - turn.since >= due.seconds


def patience(step: str, address: str, interested: Sequence[str]) -> int:
    """Return for how many Ethereum blocks this address leaves a due step to others.

    Who has an interest goes first, in order. Of all others few have an early turn, and twice as many one a
    block later: however many there are, the first turns that anybody has are those of one or two.
    """
    if address in interested:
        return BLOCKS_BETWEEN * interested.index(address)
    digest = keccak256(f"{step}/{address.lower()}".encode())
    zeros = 32 - int.from_bytes(digest[:4], "big").bit_length()
    return BLOCKS_BETWEEN * len(interested) + max(SLOTS - zeros, 0)


def interested(chain: Chain, moment: Moment) -> tuple[str, ...]:
    """Return who gains most by the next step in a lane, first who does so soonest.

    The owner of the task that waits; in a round who bought a larger committee that is not drawn, the miners
    that lead by their claims, and the data node.
    """
    if moment.round_id == 0 or moment.has_ended(moment.round_id):
        task = chain.next_task()
        return () if task is None else (task.owner,)
    standing = chain.round(moment.round_id)
    challengers = standing.challengers[: standing.attempt] if moment.phase is Phase.DRAW else ()
    found = dict.fromkeys((*challengers[-1:], *_leading_miners(chain, standing), standing.data_node))
    return tuple(address for address in found if address != ZERO_ADDRESS)


def _leading_miners(chain: Chain, standing: Round) -> list[str]:
    """Return the miners that lead by their claims, those who revealed first."""
    if not standing.committed:
        return []
    solutions = [
        each for each in chain.solutions(standing.round_id) if each.revealed or not standing.revealed
    ]
    solutions.sort(key=lambda s: (-s.claimed_test_correct, -s.claimed_train_correct, s.order))
    return [solution.miner for solution in solutions[:LEADING_MINERS]]


def in_turn(look: Callable[[Keeper, Moment], Due | None]) -> Duty[Keeper]:
    """Return the duty to take the step that is found due, in this keeper's turn."""

    @wraps(look)
    def duty(keeper: Keeper, moment: Moment) -> str | None:
        return keeper.take_turn(moment, look)

    return duty


@in_turn
def open_round(keeper: Keeper, moment: Moment) -> Due | None:
    """Open the next round on the most valuable task, after a while without tasks an idle one."""
    # One lane after the other: a second one opened for the same task would be an idle round.
    if moment.lane != moment.free_lane:
        return None
    intent = f"open/{moment.next_round}"
    if moment.waiting:
        return Due(OPEN, intent)
    return None if keeper.idle_after is None else Due(OPEN, f"{intent}/idle", keeper.idle_after)


@in_turn
def draw_seed(keeper: Keeper, moment: Moment) -> Due | None:
    """Draw the round's seed, once the block named for it is mined."""
    return _draw(keeper, moment, DRAW_SEED)


@in_turn
def end_training(keeper: Keeper, moment: Moment) -> Due | None:
    """Close submissions after the time limit; begin the reveals where no test set came.

    Draw the seed of an idle round's test set.
    """
    standing = keeper.chain.round(moment.round_id)
    if standing.step is Step.KEYED:
        return Due(CLOSE, f"close/{moment.round_id}")
    if standing.is_idle:
        return _draw(keeper, moment, DRAW_TEST_SEED)
    return Due(END_TEST_RELEASE, f"end-test/{moment.round_id}") if moment.is_over else None


@in_turn
def end_votes(_: Keeper, moment: Moment) -> Due | None:
    """End the commitments, or the reveals, of a committee whose time is over."""
    intent = f"end-votes/{moment.ballot_id}/{moment.phase.name.lower()}"
    return Due(END_VOTES, intent) if moment.is_over else None


@in_turn
def draw_committee(keeper: Keeper, moment: Moment) -> Due | None:
    """Draw the committee, once the block named for it is mined."""
    return _draw(keeper, moment, DRAW_COMMITTEE)


@in_turn
def finalise(_: Keeper, moment: Moment) -> Due | None:
    """End the round: pay everybody, and append its block."""
    return Due(FINALISE, f"finalise/{moment.round_id}")


@in_turn
def finalise_next(_: Keeper, moment: Moment) -> Due | None:
    """End a round of a single committee that nobody can challenge any more from the next block on."""
    is_next = moment.attempt == 0 and moment.is_over_next
    return Due(FINALISE_NEXT, f"finalise/{moment.round_id}") if is_next else None


@in_turn
def leave_alone(_: Keeper, __: Moment) -> Due | None:
    """Do nothing: the phase ends by its clock, or by what others send."""
    return None


def _draw(keeper: Keeper, moment: Moment, action: Action) -> Due | None:
    """Return the draw, or the naming of a block for it where none is named or the named one is lost."""
    named = keeper.chain.round(moment.round_id).draw_block
    # What is drawn and the block named before are part of the intent: each is sent once.
    intent = f"{moment.ballot_id}/{moment.phase.name.lower()}/{named}"
    if named == 0:
        return Due(ARM, f"arm/{intent}")
    # What is sent at the named block is in a later one.
    if moment.block < named:
        return None
    if moment.block > named + LOST_AFTER_BLOCKS and keeper.chain.is_lost(named):
        return Due(ARM, f"arm/{intent}")
    return Due(action, f"draw/{intent}")
