"""`pole task cancel`: what happened before is not told as if it happened now."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pole.cli import main

TASK = SimpleNamespace(
    task_id=4,
    terms=SimpleNamespace(reward=5 * 10**16, data_bond=10**16, fee=10**15),
    files=SimpleNamespace(mpk_digest=b"\x01" * 32),
)


class Chain:
    """A chain with a task that waits, until it is cancelled; rent is a tenth of the reward."""

    parameters = SimpleNamespace(task_list=SimpleNamespace(rent_bps=1000))

    def __init__(self) -> None:
        self.cancelled: list[str] = []
        self.index = SimpleNamespace(events=self._events)
        self.parameters = SimpleNamespace(task_list=SimpleNamespace(rent_bps=1000))

    def _events(self, name: str) -> list[Any]:
        return [SimpleNamespace(arguments={"taskId": 4}) for _ in self.cancelled if name == "TaskCancelled"]

    def tasks(self) -> tuple[Any, ...]:
        return (TASK,)

    def task(self, _: int) -> Any:
        return TASK

    def replaced_tasks(self) -> dict[int, int]:
        return {}

    def cancel_task(self, _: int, *, intent: str) -> None:
        self.cancelled.append(intent)

    def credit_of(self, _: str) -> int:
        return 65 * 10**15 * len(self.cancelled)


class Session(SimpleNamespace):
    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        pass


def cancel(home: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["task", "cancel", "4", "--wallet", "a", "--home", str(home), *words])


def test_a_second_cancel_says_that_the_task_was_cancelled_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = Chain()
    session = Session(chain=chain, account=SimpleNamespace(address="0x1"))
    monkeypatch.setattr("pole.cli.task.tasks.open_session", lambda *_: session)
    monkeypatch.setattr("pole.cli.task.tasks.read_password", lambda _: "password")
    first = cancel(tmp_path)
    assert first.stdout == "Task 4 is cancelled; 0.065 ETH can be withdrawn with `pole withdraw`.\n"
    second = cancel(tmp_path)
    assert second.stdout == "Task 4 was cancelled before; the wallet's credit is 0.065 ETH now.\n"
    assert chain.cancelled == ["cancel/4"]
    told = json.loads(cancel(tmp_path, "--json").stdout)
    assert told == {
        "taskId": 4,
        "cancelledBefore": True,
        "refund": "65" + "0" * 15,
        "credit": "65" + "0" * 15,
    }
