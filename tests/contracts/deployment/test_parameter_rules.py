"""What a constructor refuses, pole.protocol.rounds.parameter_rules refuses before anything is sent."""

import pytest
from tests.contracts import stage
from tests.contracts.deployment import test_constructor

from pole.protocol.parameters import Parameters, parameters_from_json
from pole.protocol.rounds.parameter_rules import broken_rules

GROUPS = {"task_list": "taskList", "committee": "committee", "chain": "chain"}
(CASES,) = (
    mark.args[1]
    for mark in test_constructor.test_parameters_that_do_not_hold_together_are_refused.pytestmark  # type: ignore[attr-defined]
    if mark.name == "parametrize"
)


def parsed(group: str = "chain", changes: dict[str, int] | None = None) -> Parameters:
    # Without rent a deployment works; nobody should have one.
    chosen = stage.parameters(task_list={"rentBps": 500})
    return parameters_from_json({**chosen, GROUPS[group]: chosen[GROUPS[group]] | (changes or {})})


def test_the_parameters_of_the_contract_tests_hold_together() -> None:
    assert broken_rules(parsed()) == []


@pytest.mark.parametrize(("group", "wrong", "what"), CASES)
def test_what_a_constructor_refuses_is_refused_before(group: str, wrong: dict[str, int], what: str) -> None:
    assert broken_rules(parsed(group, wrong)), what
