"""The keeper: the steps of a round that anybody may take, so that every round ends."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pole.errors import RefusedError
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.state import Phase
from pole.roles.ports import Chain, Moment, Receipt
from pole.roles.support.events import tell

LOG: Final = logging.getLogger("pole.keeper")
LOST_AFTER_BLOCKS: Final = 256


@dataclass(frozen=True, slots=True)
class Duty:
    """A step that is due: its name, and the intent under which every keeper takes it.

    It must have been due for `patience` seconds before any keeper's turn.
    """

    name: str
    intent: str
    patience: float = 0.0


@dataclass(slots=True)
class Keeper:
    """Opens rounds, arms draws, draws test seeds and committees, finalises; challenges where that is free.

    Each after a delay of its own. The delay, up to `spread` seconds by `clock`, or half of the time that the
    phase lasts, is a hash of duty and address: of many keepers usually one sends, and the others find its
    work done. Being late is normal and costs nothing. An idle round is opened once no task has waited for
    `idle_after` seconds, never when that is None.
    """

    chain: Chain
    clock: Callable[[], float]
    spread: float
    idle_after: float | None = None
    _moment: Moment | None = field(default=None, init=False)
    _duty: Duty | None = field(default=None, init=False)
    _tallied: int = field(default=0, init=False)
    _bond: int = field(default=0, init=False)
    _seen: Duty | None = field(default=None, init=False)
    _since: float = field(default=0.0, init=False)
    _spread: float = field(default=0.0, init=False)

    def step(self, moment: Moment) -> str | None:
        """Take the step that is due, once this keeper's turn has come."""
        if moment != self._moment:
            self._moment, self._duty = moment, self._due(moment)
        duty, now = self._duty, self.clock()
        if duty != self._seen:
            self._seen, self._since = duty, now
            self._spread = min(self.spread, time_left(moment) / 2)
        if duty is None:
            return None
        if now - self._since < duty.patience + turn(duty, self.chain.identity.address, self._spread):
            return None
        try:
            self._take(duty, moment)
        except RefusedError as error:
            LOG.debug("somebody was faster, or it is too early: %s", error)
            # Another turn, not another try at once: the state that refused it may last.
            self._since = now
            return None
        round_id = moment.round_id + (duty.name == "opened")
        tell(LOG, duty.name, f"Round {round_id}: {SENTENCES[duty.name]}.", round=round_id)
        return duty.name

    def _due(self, moment: Moment) -> Duty | None:
        match moment.phase:
            case Phase.NONE | Phase.FINAL | Phase.VOID:
                return self._due_between_rounds(moment)
            case Phase.TEST_RELEASE:
                return self._due_in_test_release(moment)
            case Phase.DRAW:
                return self._due_in_draw(moment)
            case Phase.CHALLENGE:
                return self._due_in_challenge(moment)
            case Phase.SETTLEMENT:
                return Duty("finalised", f"finalise/{moment.round_id}")
        return None

    def _due_in_challenge(self, moment: Moment) -> Duty | None:
        # What a tally leaves open could have won, or kept the round from being void: a larger one may tell.
        if self._tallied != moment.ballot_id:
            self._tallied, self._bond = moment.ballot_id, self.chain.challenge_bond(moment.ballot_id)
        if self._bond > 0:
            return None
        return Duty("challenged", f"challenge/{moment.ballot_id}")

    def _due_between_rounds(self, moment: Moment) -> Duty | None:
        intent = f"open/{moment.round_id + 1}"
        if moment.waiting:
            return Duty("opened", intent)
        return None if self.idle_after is None else Duty("opened", intent, self.idle_after)

    def _due_in_test_release(self, moment: Moment) -> Duty | None:
        round_id = moment.round_id
        if not self.chain.round(round_id).is_idle:
            return None
        draw_block = self.chain.test_seed(round_id).draw_block
        if _must_arm(draw_block, moment):
            return Duty("test-seed-armed", f"arm-test/{round_id}/{draw_block}")
        return (
            Duty("test-seed-drawn", f"draw-test/{round_id}/{draw_block}")
            if moment.block > draw_block
            else None
        )

    def _due_in_draw(self, moment: Moment) -> Duty | None:
        draw_block = self.chain.round(moment.round_id).draw_block
        if _must_arm(draw_block, moment):
            # The block named before is part of the intent: a lost hash needs a second transaction.
            return Duty("armed", f"arm/{moment.ballot_id}/{draw_block}")
        if moment.block <= draw_block:
            return None
        return Duty("drawn", f"draw/{moment.ballot_id}/{draw_block}")

    def _take(self, duty: Duty, moment: Moment) -> Receipt:
        match duty.name:
            case "opened":
                return self.chain.open_round(intent=duty.intent)
            case "test-seed-armed":
                return self.chain.arm_test_seed(moment.round_id, intent=duty.intent)
            case "test-seed-drawn":
                return self.chain.draw_test_seed(moment.round_id, intent=duty.intent)
            case "armed":
                return self.chain.arm_draw(moment.round_id, intent=duty.intent)
            case "drawn":
                return self.chain.draw_committee(moment.round_id, intent=duty.intent)
            case "challenged":
                return self.chain.challenge(moment.round_id, bond=0, intent=duty.intent)
            case _:
                return self.chain.finalise(moment.round_id, intent=duty.intent)


SENTENCES: Final = {
    "opened": "opened",
    "test-seed-armed": "the draw of its test set is armed",
    "test-seed-drawn": "its test set is drawn",
    "armed": "the draw of its committee is armed",
    "drawn": "its committee is drawn",
    "challenged": "its committee came to nothing, a larger one is called for",
    "finalised": "finalised",
}


def time_left(moment: Moment) -> float:
    """Return the seconds until the phase ends by the clock, infinity where no clock ends it."""
    return max(moment.deadline - moment.timestamp, 0) if moment.deadline else float("inf")


def _must_arm(draw_block: int, moment: Moment) -> bool:
    return draw_block == 0 or moment.block > draw_block + LOST_AFTER_BLOCKS


def turn(duty: Duty, address: str, spread: float) -> float:
    """Return how many seconds, below `spread`, this address leaves a duty to others before it takes it."""
    digest = keccak256(f"{duty.intent}/{address.lower()}".encode())
    return spread * int.from_bytes(digest[:4], "big") / 2**32
