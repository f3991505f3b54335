"""`pole task watch`, `list` and `show`: what happened to a task, for people and for scripts."""

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.unit.cli.task.task_events import BEGUN, CANCELLED, JUDGED, OTHERS, TASK, VOID, WINNER, snapshot

from pole.adapters.ethereum.events.event_index import Event
from pole.adapters.ethereum.task_story import outcomes
from pole.cli import main
from pole.cli.task.telling import duration
from pole.errors import UnreachableError
from pole.protocol.state import Phase, PostedTask
from pole.roles.ports import Moment

Events = Mapping[str, tuple[Event, ...]]


class Reader:
    """A chain of one lane that is at the next of some moments whenever somebody looks."""

    def __init__(self, *looks: tuple[Events | Exception, Moment]) -> None:
        self._looks = iter(looks)
        self._events: Events = {}
        self.index = SimpleNamespace(
            snapshot=lambda: self._events, events=lambda name: self._events.get(name, ())
        )

    def moments(self) -> tuple[Moment, ...]:
        events, moment = next(self._looks)
        if isinstance(events, Exception):
            raise events
        self._events = events
        return (moment,)

    def task(self, _: int) -> PostedTask:
        return TASK

    def tasks(self) -> tuple[PostedTask, ...]:
        return (TASK,)

    def replaced_tasks(self) -> dict[int, int]:
        return {}

    def view(self, *_: Any) -> tuple[int, int, int]:
        return Phase.FINAL, 0, 0

    def posted_at(self, _: int) -> int:
        return 1_799_999_000

    def posting_of(self, _: int) -> str:
        return "0xabc"


def at(phase: Phase, left: int = 0, round_id: int = 3) -> Moment:
    deadline = 1000 + left if left else 0
    return Moment(
        lane=0,
        lanes=1,
        round_id=round_id,
        phase=phase,
        deadline=deadline,
        deadline_block=0,
        attempt=0,
        waiting=1,
        free_lane=None,
        timestamp=1000,
        block=50,
    )


WAITING = snapshot(BEGUN[0], *OTHERS), at(Phase.TRAINING, 10, round_id=8)
TRAINING = snapshot(*BEGUN, *OTHERS), at(Phase.TRAINING, 130)
WON = snapshot(*BEGUN, *JUDGED, won=True), at(Phase.FINAL)


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waits: list[float] = []
    monkeypatch.setattr("pole.cli.task.watch.time", SimpleNamespace(sleep=waits.append))
    return waits


def pole(monkeypatch: pytest.MonkeyPatch, *words: str, looks: tuple[Any, ...]) -> Result:
    reader = Reader(*looks)
    for module in ("watch", "tasks"):
        monkeypatch.setattr(f"pole.cli.task.{module}.open_reader", lambda _: reader)
    if words[0] != "watch":
        reader.moments()
    return CliRunner().invoke(main, ["task", *words])


def test_a_task_is_watched_from_its_posting_to_its_winner(monkeypatch: pytest.MonkeyPatch) -> None:
    result = pole(monkeypatch, "watch", "4", looks=(WAITING, TRAINING, TRAINING, WON))
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines == [
        "Task 4 was posted by 0x1111…1111, for 1 ETH.",
        "Task 4 waits for a round.",
        "Round 3 was opened on it.",
        "The functional keys were issued: miners decrypt and train.",
        "0x2222…2222 committed, and claims 98.3 % of the training samples.",
        "0x3333…3333 committed, and claims 96.7 % of the training samples.",
        "Round 3: training, 2m 10s left, 2 committed.",
        "0x3333…3333 lost its place to a higher claim.",
        "Submissions were closed.",
        "The test set was released.",
        "0x2222…2222 revealed its model, and claims 96.7 % of the test samples.",
        "0x3333…3333 revealed its model, and claims 93.3 % of the test samples.",
        "A committee of 2 was drawn (0x4444…4444, 0x5555…5555); it judges 0x2222…2222, 0x3333…3333.",
        "0x4444…4444 committed its vote.",
        "0x4444…4444 voted: 0x2222…2222 118 training and 29 test samples right, 0x3333…3333 unavailable.",
        "0x3333…3333 challenged the tally, with a bond of 0.05 ETH.",
        "0.9 ETH were credited in 1 payment.",
        f"{WINNER} won task 4 in round 3, with 98.3 % of the training and 96.7 % of the test samples by the "
        "committee's count. The model: pole model get 4",
    ]


def test_scripts_read_an_object_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    result = pole(monkeypatch, "watch", "4", "--json", looks=(TRAINING, WON))
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert [each["event"] for each in told] == [
        *("task-posted", "round-opened", "keys-posted", "solution-committed", "solution-committed", "phase"),
        *("solution-displaced", "submissions-closed", "test-set-released", "solution-revealed"),
        "solution-revealed",
        *(
            "committee-drawn",
            "vote-committed",
            "vote-revealed",
            "tally-challenged",
            "payouts",
            "ended",
        ),
    ]
    assert told[5] == {"taskId": 4, "event": "phase", "roundId": 3, "phase": "TRAINING", "left": 130}
    assert told[3]["claimedTrainCorrect"] == 118
    assert told[13]["votes"][0] == {
        **{"verdict": "OK", "trainCorrect": 118, "testCorrect": 29},
        "predictions": "0x" + "00" * 32,
    }
    assert told[14]["bond"] == str(5 * 10**16)
    assert told[15]["payouts"] == [{"payee": WINNER, "reason": "TASK_REWARD", "amount": str(9 * 10**17)}]
    assert told[16]["winner"] == WINNER
    assert (told[16]["trainCorrect"], told[16]["trainTotal"]) == (118, 120)
    assert (told[16]["testCorrect"], told[16]["testTotal"]) == (29, 30)


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (VOID, "Round 3 ended without a block (THRESHOLD_MISSED): nobody won task 4."),
        (CANCELLED, "Task 4 was cancelled: reward and bond are its owner's credit."),
    ],
)
def test_the_exit_code_says_that_nobody_won(monkeypatch: pytest.MonkeyPatch, end: Any, told: str) -> None:
    records = (*BEGUN[: 1 if end is CANCELLED else 5], end)
    result = pole(monkeypatch, "watch", "4", looks=(TRAINING, (snapshot(*records), at(Phase.VOID))))
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1] == told


def test_a_node_that_is_silent_for_a_while_is_told_once_and_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    silent = (UnreachableError("No node answers."), at(Phase.NONE))
    result = pole(monkeypatch, "watch", "4", looks=(TRAINING, silent, silent, WON))
    assert result.exit_code == 0
    assert result.stderr == "warning: No node answers. Trying again.\n"
    assert pole(monkeypatch, "watch", "4", looks=(silent,)).exit_code == 3


def test_a_terminal_shows_the_same_news(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "pole.cli.task.watch.sys", SimpleNamespace(stdout=SimpleNamespace(isatty=lambda: True))
    )
    result = pole(monkeypatch, "watch", "4", looks=(TRAINING, WON))
    assert result.exit_code == 0, result.output
    assert "Round 3 was opened on it." in result.stdout
    assert "won task 4 in round 3" in " ".join(result.stdout.split())


def test_the_list_has_the_winner_and_its_score(monkeypatch: pytest.MonkeyPatch) -> None:
    result = pole(monkeypatch, "list", looks=(WON,))
    assert result.stdout.splitlines()[1].endswith("0x2222…2222  98.3 %  96.7 %")
    assert "round 3: final  0x1111…1111  1 ETH   5m          95 %" in result.stdout
    (told,) = json.loads(pole(monkeypatch, "list", "--json", looks=(WON,)).stdout)
    assert (told["reward"], told["timeLimit"], told["outcome"]["winner"]) == (str(10**18), 300, WINNER)
    (told,) = json.loads(pole(monkeypatch, "list", "--json", looks=(TRAINING,)).stdout)
    assert told["outcome"] is None


def test_show_speaks_in_ether_percent_and_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = pole(monkeypatch, "show", "4", looks=(WON,)).stdout
    found = {line[:22].strip(): line[22:] for line in shown.splitlines()}
    assert found["posted"] == "2027-01-15 07:43:20 UTC, transaction 0xabc"
    assert (found["reward"], found["data bond"], found["fee"]) == ("1 ETH", "0.1 ETH", "0.01 ETH")
    assert found["time to train"] == "0s to 5m"
    assert found["of training samples"] == "95 % of 120"
    assert found["winner"] == f"{WINNER}, block 2, 2027-01-15 08:00:00 UTC"
    assert found["test score"] == "96.7 %, 29 of 30"
    told = json.loads(pole(monkeypatch, "show", "4", "--json", looks=(WON,)).stdout)
    assert (told["reward"], told["transaction"]) == (str(10**18), "0xabc")


def test_a_test_set_that_was_not_released_counts_for_nothing() -> None:
    found = outcomes(snapshot(*BEGUN, won=True), {4: TASK})[4]
    assert (found.train_total, found.test_total) == (120, 0)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (59, "59s"), (300, "5m"), (3661, "1h 1m 1s"), (90_000, "1d 1h")]
)
def test_a_duration_is_told_as_it_is_typed(seconds: int, text: str) -> None:
    assert duration(seconds) == text
