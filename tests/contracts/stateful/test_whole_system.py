"""All contracts against a plain Python model that predicts every outcome, event, view and refusal."""

from random import SystemRandom

import pytest
from tests.contracts.stateful import departure, moves
from tests.contracts.stateful.arguments import ARGUMENTS
from tests.contracts.stateful.course import played
from tests.contracts.stateful.evm import Values
from tests.contracts.stateful.interface import artifacts
from tests.contracts.stateful.model import seats, views
from tests.contracts.stateful.model.rules import PAYABLE, RULES
from tests.contracts.stateful.model.system import Call, Clock, System
from tests.contracts.stateful.pair import Pair
from tests.contracts.stateful.parameters import some_parameters
from tests.contracts.stateful.people import PEOPLE, STRANGER
from tests.contracts.stateful.run import Counts, seeded

RUNS, STEPS = 3, 200


@pytest.fixture
def pair() -> Pair:
    return Pair(artifacts(), some_parameters(seeded(1)), PEOPLE, Clock(1000, 10**9))


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the model forget what a seat costs."""

    def stake(system: System, call: Call) -> Values:
        if call.value % 2:
            return ()
        return seats.stake(system, call)

    monkeypatch.setitem(RULES, "VerifierCommittee.stake", stake)


def played_often(runs: int) -> None:
    for seed in range(runs):
        played(artifacts(), seed, STEPS, Counts())


def test_every_function_is_predicted_and_called(pair: Pair) -> None:
    assert set(RULES) == set(ARGUMENTS) == pair.functions(is_view=False)
    assert pair.functions(is_view=False, is_payable=True) == PAYABLE


def test_every_view_is_compared(pair: Pair) -> None:
    pair.act(moves.post(pair.model, seeded(1)))
    pair.act(moves.stake(pair.model, STRANGER))
    # These hold nothing: what they say is compared where a round ends, a release is relayed, a mix proven.
    asked_elsewhere = {f"PoLeChain.{name}" for name in ("judge", "releaseSignature", "entropy")}
    compared = {name for name, _, _ in views.all_of(pair.model, PEOPLE)}
    assert compared == pair.functions(is_view=True) - asked_elsewhere


def test_a_wrong_prediction_is_found_and_told_in_few_words(forgetful: None) -> None:
    with pytest.raises(AssertionError, match=r"VerifierCommittee\.stake") as raised:
        played_often(20)
    assert len(str(raised.value).splitlines()) < 20


def test_everybody_can_leave_a_system_in_which_nothing_happened(pair: Pair) -> None:
    assert [pair.act(action) for action in departure.departure(pair.model)] == ["ok"]


@pytest.mark.parametrize("_run", range(RUNS))
def test_the_contracts_do_what_the_model_says(_run: int) -> None:
    # A new seed every time; a failure names it.
    counts = Counts()
    played(artifacts(), SystemRandom().getrandbits(64), STEPS, counts)
    assert counts.steps >= STEPS
