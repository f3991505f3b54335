"""What only an event or a deadline changes is asked of the contracts once until then."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.adapters.ethereum.test_chain_reader import (
    ROUND_TYPES,
    Contracts,
    in_phase,
    reader,
    round_in,
    signature_of,
)

from pole.adapters.ethereum.chain_reader import ChainReader
from pole.adapters.ethereum.decoding import to_round
from pole.errors import RefusedError
from pole.protocol.encoding import records
from pole.protocol.state import Phase

PASSED = 2
"""A round that no lane has now, so that no look tells of it."""
DEADLINE = 1_100


class Case:
    """A reader of contracts in whose hidden state every event counts up; the state is told by a view."""

    def __init__(self) -> None:
        self.now = 0.0
        self.events = 0
        self.node = Contracts()
        self.node.answer("waiting()", ["uint256"], 2)
        self.node.newest = [3]
        in_phase(self.node, Phase.TRAINING, DEADLINE)
        self._answer()
        self.chain: ChainReader = reader(self.node, clock=lambda: self.now)
        self.chain.remember(0.5)
        self.chain.moments()

    def _answer(self) -> None:
        self.node.answer("round(uint256)", [signature_of(ROUND_TYPES)], round_in(attempt=self.events))

    def event(self) -> None:
        self.node.block += 1
        self.node.record(records.SubmissionsClosed(3))
        self.events += 1
        self._answer()

    def block(self) -> None:
        self.node.block += 1

    def reorganise(self) -> None:
        self.node.fork += b"other"
        self.events += 1
        self._answer()

    def asked(self) -> int:
        """Return the attempt that the contracts tell of the round."""
        return to_round(PASSED, self.chain.standing("PoLeChain", "round", PASSED)).attempt

    def journeys(self) -> int:
        before = self.node.journeys
        self.asked()
        return self.node.journeys - before


def test_it_is_asked_once_while_nothing_happens() -> None:
    case = Case()
    assert case.journeys() == 1
    for _ in range(3):
        case.block()
        case.chain.moments()
        assert case.journeys() == 0


def test_it_is_asked_again_after_an_event_a_deadline_or_a_fork() -> None:
    for happens in (Case.event, Case.reorganise, lambda case: setattr(case.node, "block", DEADLINE - 1_000)):
        case = Case()
        assert case.journeys() == 1
        happens(case)
        case.chain.moments()
        assert case.journeys() == 1
        assert case.asked() == case.events


def test_it_is_asked_every_time_after_something_was_sent_or_a_while_after_a_look() -> None:
    case = Case()
    case.asked()
    case.chain.forget()
    assert [case.journeys(), case.journeys()] == [1, 1]
    case.chain.moments()
    assert case.journeys() == 0
    case.now += 0.5
    assert [case.journeys(), case.journeys()] == [1, 1]


def test_a_refusal_is_told_and_not_kept() -> None:
    case = Case()
    case.node.answers.clear()
    for _ in range(2):
        with pytest.raises(RefusedError, match="There is no round 9"):
            case.asked()


STEPS = {
    "event": Case.event,
    "block": Case.block,
    "reorganise": Case.reorganise,
    "sent": lambda case: case.chain.forget(),
    "wait": lambda case: setattr(case, "now", case.now + 0.4),
    "look": lambda case: case.chain.moments(),
    "ask": Case.asked,
}


@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=40))
def test_after_a_look_it_is_what_the_contracts_say(steps: list[str]) -> None:
    case = Case()
    for step in steps:
        STEPS[step](case)
    case.chain.moments()
    assert case.asked() == case.events
