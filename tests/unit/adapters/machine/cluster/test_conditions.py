"""What a worker computes with: whatever differs is said in a sentence."""

from dataclasses import replace
from typing import Any

import pytest

from pole.adapters.machine.cluster.conditions import Conditions, conditions, refusal, slowness
from pole.ipfe import backend

OWN = Conditions(version="0.1.0", sources="ab" * 32, answers="cd" * 32, arithmetic="ef" * 32, path="ifma")


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (replace(OWN, version="0.2.0"), "runs PoLe 0.2.0 .sources abababababab., but 0.1.0"),
        (replace(OWN, sources="12" * 32), "runs PoLe 0.1.0 .sources 121212121212."),
        (replace(OWN, answers="12" * 32), "to other bytes, by the code path ifma"),
        (replace(OWN, arithmetic="12" * 32), "does not compute with float64"),
    ],
)
def test_what_differs_is_why_a_worker_is_refused(found: Conditions, told: str) -> None:
    why = refusal(OWN, found.report(), "This worker")
    assert why is not None
    with pytest.raises(AssertionError, match=told):
        raise AssertionError(why)


@pytest.mark.parametrize("found", [{}, {"version": 7}, {"version": "x" * 10_000}])
def test_whatever_else_it_sends_is_refused_in_a_short_sentence(found: dict[str, Any]) -> None:
    why = refusal(OWN, found, "This worker")
    assert why is not None
    assert len(why) < 200


def test_another_code_path_gives_the_same_bytes() -> None:
    assert refusal(OWN, replace(OWN, path="avx2").report(), "This worker") is None


def test_every_code_path_of_this_machine_answers_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = set()
    for path in backend.available():
        monkeypatch.setenv("POLE_IPFE_BACKEND", path)
        conditions.cache_clear()
        found = conditions()
        assert found.path == path
        answers.add(found.answers)
    conditions.cache_clear()
    assert len(answers) == 1


def test_plain_python_is_too_slow_for_a_worker() -> None:
    assert slowness(OWN) is None
    assert "would hold the others up" in str(slowness(replace(OWN, path="python")))
