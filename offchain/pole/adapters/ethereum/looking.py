"""The look at the newest block: where every lane stands, asked anew only where something can have changed."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from pole.adapters.ethereum.connection import in_one_request, node_answers
from pole.adapters.ethereum.decoding import member, to_round
from pole.adapters.ethereum.events.event_index import REREAD
from pole.adapters.node.contract import Contract
from pole.adapters.node.node import Node, NoSuchBlockError
from pole.adapters.node.questions import Question, Values, block, logs
from pole.adapters.node.refusals import TooMuchError
from pole.protocol.state import ENDED, Phase, Round
from pole.roles.ports import Moment

MOVING: Final = ("Ledger", "PoLeChain", "TaskList", "VerifierCommittee")
"""The contracts whose events move a round; the reservoir's move money only."""
STALE: Final = 60.0
"""Seconds after which the contracts are asked instead of searching all blocks since for events."""

Call = tuple[Any, ...]
"""A view: its contract, its name and its arguments."""

_FREE: Final = ENDED | {Phase.NONE}
_UNOPENED: Final = (Phase.NONE, 0, 0)


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen at an Ethereum block, its head, and the block at which the contracts were asked."""

    head: Values
    moments: tuple[Moment, ...]
    rounds: dict[int, Round]
    asked_at: int


class Lookout:
    """Looks at the contracts of a deployment; `clock` tells seconds of any epoch."""

    def __init__(
        self, node: Node, contracts: Mapping[str, Contract], lanes: int, clock: Callable[[], float]
    ) -> None:
        self._node = node
        self._contracts = contracts
        self._lanes = lanes
        self._clock = clock
        self._last: Look | None = None
        self._looked_at = self._seen_at = -math.inf
        self._fresh_for = 0.0
        self._told: dict[Call, Any] = {}

    def ask(self, calls: Sequence[Call]) -> list[Any]:
        """Return what views answer that nothing but what ends a look's hold changes: an event or a deadline.

        Until then each is asked once, where a look was fresh; else the node is asked every time. Raises
        NodeRefusalError for what the contracts refuse.
        """
        if self._last is None or not self._is_fresh():
            return self._node.ask_all([self._question(each, None) for each in calls])
        number, told = self._last.head["number"], self._told
        unknown = [each for each in calls if each not in told]
        found = self._node.ask_all([self._question(each, number) for each in unknown])
        told |= dict(zip(unknown, found, strict=True))
        return [told[each] for each in calls]

    def _question(self, call: Call, number: int | None) -> Question[Any]:
        contract, function, *arguments = call
        return self._contracts[contract].call(function, *arguments, block=number)

    def latest(self) -> Look:
        """Return the last look where that is fresh, else a new one."""
        return self._last if self._last is not None and self._is_fresh() else self.look()

    def remember(self, seconds: float) -> None:
        """Let what a look showed answer questions for so long after it; `moments` looks anew."""
        self._fresh_for = seconds

    def forget(self) -> None:
        """Look anew before anything else is answered: something was sent."""
        self._looked_at = -math.inf

    def _is_fresh(self) -> bool:
        return self._clock() - self._looked_at < self._fresh_for

    def fresh_head(self) -> Values | None:
        """Return the head that was seen just now, None where that is some time ago."""
        return self._last.head if self._last is not None and self._is_fresh() else None

    def look(self) -> Look:
        """Return the newest block's moments and rounds."""
        with node_answers():
            self._last = self._look_on(self._last) if self._last is not None else None
            if self._last is None:
                self._last = self._look_anew(self._node.ask(block()), [])
        self._looked_at = self._seen_at = self._clock()
        return self._last

    def _look_anew(self, head: Values, known: list[int]) -> Look:
        """Return what the contracts say at a block, by one request where `known` are the newest rounds."""
        self._told = {}
        number, lanes = head["number"], range(self._lanes)
        chain, tasks = self._contracts["PoLeChain"], self._contracts["TaskList"]
        waiting, *told = in_one_request(
            self._node,
            [
                tasks.call("waiting", block=number),
                *(chain.call("newestRound", lane, block=number) for lane in lanes),
                *self._standing_of(known, number),
            ],
        )
        newest, standing = told[: len(lanes)], _pairs(known, told[len(lanes) :])
        opened = [round_id for round_id in newest if round_id]
        unseen = [round_id for round_id in opened if round_id not in standing]
        standing |= _pairs(unseen, in_one_request(self._node, self._standing_of(unseen, number)))
        rounds = {each: to_round(each, standing[each][0]) for each in opened}
        phases = {each: _to_phase(standing[each][1]) for each in opened}
        free = [lane for lane in lanes if phases.get(newest[lane], _UNOPENED)[0] in _FREE]
        moments = []
        for lane, round_id in enumerate(newest):
            phase, deadline, deadline_block = phases.get(round_id, _UNOPENED)
            moment = Moment(
                lane=lane,
                lanes=len(lanes),
                round_id=round_id,
                phase=phase,
                deadline=deadline,
                deadline_block=deadline_block,
                attempt=rounds[round_id].attempt if round_id else 0,
                waiting=waiting,
                free_lane=free[0] if free else None,
                timestamp=head["timestamp"],
                block=number,
            )
            moments.append(moment)
        return Look(head, tuple(moments), rounds, number)

    def _standing_of(self, rounds: list[int], number: int) -> list[Question[Any]]:
        """Return the questions that tell of each round its state and its phase at a block."""
        chain = self._contracts["PoLeChain"]
        return [
            chain.call(function, each, block=number) for each in rounds for function in ("round", "phaseOf")
        ]

    def _look_on(self, seen: Look) -> Look | None:
        """Return what holds at the newest block, by one request where nothing happened since.

        None where it is of another chain than what was seen, long after, or there are more events since than
        the node gives at once. What was seen holds, but for its time and block, until a deadline or an event
        of the contracts, which is looked for in some blocks again: a node may not have known of it. A draw
        that seats too few leaves no event: it is told by the phase.
        """
        if self._clock() - self._seen_at > STALE:
            return None
        before = seen.moments[0].block
        first = max(seen.asked_at, before - REREAD) + 1
        addresses = [self._contracts[name].address for name in MOVING]
        drawing = [moment.round_id for moment in seen.moments if moment.phase is Phase.DRAW]
        chain = self._contracts["PoLeChain"]
        asked: list[Question[Any]] = [
            block(),
            block(before),
            # A node may refuse to search from a block that it has not yet.
            logs(addresses, min(first, before)),
            *(chain.call("phaseOf", round_id) for round_id in drawing),
        ]
        try:
            head, passed, events, *phases = in_one_request(self._node, asked)
        except (NoSuchBlockError, TooMuchError):
            return None
        is_drawing = all(phase == Phase.DRAW for phase, _, _ in phases)
        is_same = passed["hash"] == seen.head["hash"]
        is_quiet = all(log["blockNumber"] < first for log in events)
        if not is_same:
            return None
        if not is_quiet or not is_drawing or any(_is_over(each, head) for each in seen.moments):
            return self._look_anew(head, sorted(seen.rounds))
        moments = tuple(
            replace(moment, timestamp=head["timestamp"], block=head["number"]) for moment in seen.moments
        )
        return replace(seen, head=head, moments=moments)


def _to_phase(raw: tuple[int, int, int]) -> tuple[Phase, int, int]:
    """Return a phase and its deadline by clock and block."""
    phase, deadline, at_block = raw
    return member(Phase, phase), deadline, at_block


def _pairs(rounds: list[int], told: list[Any]) -> dict[int, tuple[Any, Any]]:
    """Return for each round the two answers that are its."""
    return dict(zip(rounds, zip(told[::2], told[1::2], strict=True), strict=True))


def _is_over(moment: Moment, head: Values) -> bool:
    """Return whether the clock has ended a moment's phase by a block."""
    is_late = head["timestamp"] >= moment.deadline and head["number"] >= moment.deadline_block
    return bool(moment.deadline > 0 and is_late)
