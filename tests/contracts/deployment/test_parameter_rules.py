"""What a constructor refuses, pole.protocol.rounds.parameter_rules refuses before anything is sent."""

import pytest
from tests.contracts import stage
from tests.contracts.deployment import test_constructor

from pole.protocol.parameters import Parameters, parameters_from_json
from pole.protocol.rounds.parameter_rules import broken_rules, longest_round

GROUPS = {"task_list": "taskList", "committee": "committee", "chain": "chain"}
(CASES,) = (
    mark.args[1]
    for mark in test_constructor.test_parameters_that_do_not_hold_together_are_refused.pytestmark  # type: ignore[attr-defined]
    if mark.name == "parametrize"
)


# Contracts may have bonds of one size; those that a script deploys must cover the committee's fee.
COVERING = stage.CHAIN | {"minerBondBps": 334}


def parsed(group: str = "chain", changes: dict[str, int] | None = None) -> Parameters:
    groups = {"taskList": stage.TASK_LIST, "committee": stage.COMMITTEE, "chain": COVERING}
    return parameters_from_json({**groups, GROUPS[group]: groups[GROUPS[group]] | (changes or {})})


def test_the_parameters_of_the_contract_tests_hold_together() -> None:
    assert broken_rules(parsed()) == []
    assert longest_round(parsed()) == test_constructor.LONGEST


@pytest.mark.parametrize(("group", "wrong", "what"), CASES)
def test_what_a_constructor_refuses_is_refused_before(group: str, wrong: dict[str, int], what: str) -> None:
    assert broken_rules(parsed(group, wrong)), what
