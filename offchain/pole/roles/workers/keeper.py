"""The keeper: the steps of a round that anybody may take, so that every round ends."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Final

from pole.errors import RefusedError
from pole.protocol.encoding.hashing import keccak256
from pole.roles.loop import Duty
from pole.roles.ports import Chain, Moment, Receipt
from pole.roles.support.events import report

LOG: Final = logging.getLogger("pole.keeper")
LOST_AFTER_BLOCKS: Final = 256


@dataclass(frozen=True, slots=True)
class Step:
    """A step that anybody may take: the event that tells of it, its sentence, and the transaction it is."""

    name: str
    sentence: str
    send: Callable[[Chain, Moment, str], Receipt]


OPEN: Final = Step(
    "opened",
    "opened",
    lambda chain, _, intent: chain.open_round(intent=intent),
)
ARM_TEST_SEED: Final = Step(
    "test-seed-armed",
    "the draw of its test set is armed",
    lambda chain, moment, intent: chain.arm_test_seed(moment.round_id, intent=intent),
)
DRAW_TEST_SEED: Final = Step(
    "test-seed-drawn",
    "its test set is drawn",
    lambda chain, moment, intent: chain.draw_test_seed(moment.round_id, intent=intent),
)
ARM_DRAW: Final = Step(
    "armed",
    "the draw of its committee is armed",
    lambda chain, moment, intent: chain.arm_draw(moment.round_id, intent=intent),
)
DRAW_COMMITTEE: Final = Step(
    "drawn",
    "its committee is drawn",
    lambda chain, moment, intent: chain.draw_committee(moment.round_id, intent=intent),
)
CHALLENGE: Final = Step(
    "challenged",
    "its committee came to nothing, a larger one is called for",
    lambda chain, moment, intent: chain.challenge(moment.round_id, bond=0, intent=intent),
)
FINALISE: Final = Step(
    "finalised",
    "finalised",
    lambda chain, moment, intent: chain.finalise(moment.round_id, intent=intent),
)


@dataclass(frozen=True, slots=True)
class Due:
    """A step that is due, and the intent under which every keeper takes it.

    It must have been due for `patience` seconds before any keeper's turn.
    """

    step: Step
    intent: str
    patience: float = 0.0


@dataclass(slots=True)
class Keeper:
    """Opens rounds, arms draws, draws test seeds and committees, finalises; challenges where that is free.

    Each after a delay of its own. The delay, up to `spread` seconds by `clock`, or half of the time that the
    phase lasts, is a hash of step and address: of many keepers usually one sends, and the others find its
    work done. Being late is normal and costs nothing. An idle round is opened once no task has waited for
    `idle_after` seconds, never when that is None.
    """

    chain: Chain
    clock: Callable[[], float]
    spread: float
    idle_after: float | None = None
    _moment: Moment | None = field(default=None, init=False)
    _due: Due | None = field(default=None, init=False)
    _tally: tuple[int, int] = field(default=(0, 0), init=False)
    _seen: Due | None = field(default=None, init=False)
    _since: float = field(default=0.0, init=False)
    _spread: float = field(default=0.0, init=False)

    def take_turn(self, moment: Moment, look: Callable[["Keeper", Moment], Due | None]) -> str | None:
        """Take the step that `look` finds due, once this keeper's turn has come."""
        if moment != self._moment:
            self._moment, self._due = moment, look(self, moment)
        due, now = self._due, self.clock()
        if due != self._seen:
            self._seen, self._since = due, now
            self._spread = min(self.spread, time_left(moment) / 2)
        if due is None:
            return None
        if now - self._since < due.patience + turn(due.intent, self.chain.identity.address, self._spread):
            return None
        try:
            due.step.send(self.chain, moment, due.intent)
        except RefusedError as error:
            LOG.debug("somebody was faster, or it is too early: %s", error)
            # Another turn, not another try at once: the state that refused it may last.
            self._since = now
            return None
        round_id = moment.round_id + (due.step is OPEN)
        report(LOG, due.step.name, f"Round {round_id}: {due.step.sentence}.", round=round_id)
        return due.step.name

    def challenge_bond(self, ballot_id: int) -> int:
        """Return what challenging the newest tally costs, asked for once."""
        if self._tally[0] != ballot_id:
            self._tally = ballot_id, self.chain.challenge_bond(ballot_id)
        return self._tally[1]


def in_turn(look: Callable[[Keeper, Moment], Due | None]) -> Duty[Keeper]:
    """Return the duty to take the step that is found due, in this keeper's turn."""

    @wraps(look)
    def duty(keeper: Keeper, moment: Moment) -> str | None:
        return keeper.take_turn(moment, look)

    return duty


@in_turn
def open_round(keeper: Keeper, moment: Moment) -> Due | None:
    """Open the next round on the most valuable task, after a while without tasks an idle one."""
    intent = f"open/{moment.round_id + 1}"
    if moment.waiting:
        return Due(OPEN, intent)
    return None if keeper.idle_after is None else Due(OPEN, intent, keeper.idle_after)


@in_turn
def draw_test_seed(keeper: Keeper, moment: Moment) -> Due | None:
    """Name the block that seeds an idle round's test set, then draw the seed from it."""
    round_id = moment.round_id
    if not keeper.chain.round(round_id).is_idle:
        return None
    draw_block = keeper.chain.test_seed(round_id).draw_block
    if _must_arm(draw_block, moment):
        return Due(ARM_TEST_SEED, f"arm-test/{round_id}/{draw_block}")
    if moment.block <= draw_block:
        return None
    return Due(DRAW_TEST_SEED, f"draw-test/{round_id}/{draw_block}")


@in_turn
def draw_committee(keeper: Keeper, moment: Moment) -> Due | None:
    """Name the block that draws the committee, then draw it."""
    draw_block = keeper.chain.round(moment.round_id).draw_block
    if _must_arm(draw_block, moment):
        # The block named before is part of the intent: a lost hash needs a second transaction.
        return Due(ARM_DRAW, f"arm/{moment.ballot_id}/{draw_block}")
    if moment.block <= draw_block:
        return None
    return Due(DRAW_COMMITTEE, f"draw/{moment.ballot_id}/{draw_block}")


@in_turn
def challenge_open_tally(keeper: Keeper, moment: Moment) -> Due | None:
    """Call for a larger committee, for free, where a tally leaves a choice open."""
    # What a tally leaves open could have won, or kept the round from being void: a larger one may tell.
    if keeper.challenge_bond(moment.ballot_id) > 0:
        return None
    return Due(CHALLENGE, f"challenge/{moment.ballot_id}")


@in_turn
def finalise(_: Keeper, moment: Moment) -> Due | None:
    """End the round: pay everybody, and append its block."""
    return Due(FINALISE, f"finalise/{moment.round_id}")


@in_turn
def leave_alone(_: Keeper, __: Moment) -> Due | None:
    """Do nothing: the phase ends by its clock, or by what others send."""
    return None


def time_left(moment: Moment) -> float:
    """Return the seconds until the phase ends by the clock, infinity where no clock ends it."""
    return max(moment.deadline - moment.timestamp, 0) if moment.deadline else float("inf")


def turn(intent: str, address: str, spread: float) -> float:
    """Return how many seconds, below `spread`, this address leaves a step to others before it takes it."""
    digest = keccak256(f"{intent}/{address.lower()}".encode())
    return spread * int.from_bytes(digest[:4], "big") / 2**32


def _must_arm(draw_block: int, moment: Moment) -> bool:
    return draw_block == 0 or moment.block > draw_block + LOST_AFTER_BLOCKS
