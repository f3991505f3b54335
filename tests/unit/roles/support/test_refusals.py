"""What no later block lets pass is not asked of the node again."""

import pytest
from tests.unit.roles.test_loop import Scripted, moment

from pole.errors import LastingRefusalError, NoPlaceError, RefusedError, TooLateError, UnreachableError
from pole.protocol.state import Phase
from pole.roles.support.refusals import Heeding


@pytest.mark.parametrize("kind", [RefusedError, UnreachableError])
def test_what_may_pass_is_raised_for_the_loop_to_try_again(kind: type[Exception]) -> None:
    role = Heeding(Scripted(kind("no"), "revealed"))
    with pytest.raises(kind):
        role.step(moment(1, Phase.REVEAL))
    assert role.step(moment(1, Phase.REVEAL)) == "revealed"


@pytest.mark.parametrize("kind", [LastingRefusalError, TooLateError, NoPlaceError])
def test_what_cannot_pass_is_said_once_and_not_tried_again(
    kind: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    role = Heeding(Scripted(kind("Round 1 is in phase REVEAL.")))
    for _ in range(3):
        assert role.step(moment(1, Phase.TRAINING)) is None
    assert caplog.messages == ["Round 1 is in phase REVEAL. It is not tried again."]


@pytest.mark.parametrize("later", [moment(1, Phase.REVEAL), moment(2, Phase.TRAINING)])
def test_the_next_phase_or_round_is_served_again(later: object) -> None:
    role = Heeding(Scripted(TooLateError("late"), "served"))
    assert role.step(moment(1, Phase.TRAINING)) is None
    assert role.step(later) == "served"  # type: ignore[arg-type]


def test_a_refusal_in_one_lane_keeps_no_other_from_being_served() -> None:
    role = Heeding(Scripted(TooLateError("late"), "served"))
    assert role.step(moment(2, Phase.TRAINING, lane=0, lanes=2)) is None
    assert role.step(moment(3, Phase.TRAINING, lane=1, lanes=2)) == "served"
