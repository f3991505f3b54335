"""What a miner keeps of how its trainings went: lines of JSON, appended as they go.

Each line has `round`, `task`, `lane`, `event` and `time` in whole seconds since 1970. Event `began` has also
`samples`, `needed` and `learner`; `check` has `epoch`, `loss`, `correct`, `learningRate`, `seconds` and
`samplesPerSecond`; `ended` has `outcome`, `correct` and `seconds`. A number that nobody knows, or that is not
finite, is null. The process may end at any moment, so that a reader leaves out a line which is none.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final

from pole.errors import IntegrityError
from pole.protocol.models.documents import parse_json
from pole.quoting import MAX_QUOTED, one_line

MAX_BYTES: Final = 2**20
"""Of a history: old trainings make room for new ones."""

MAX_LINE: Final = 1_000
MAX_CHECKS: Final = 512
"""Checks of a training: of a longer one every second, fourth, eighth … epoch is kept."""

OLD_CHECKS: Final = 128
"""Checks of a training that another one has followed."""

MAX_SECONDS: Final = 10**9
"""Of a training: 31 years."""

LARGEST: Final = 2**53
"""The largest whole number of a line: up to it JSON's numbers are exact everywhere."""


class Outcome(Enum):
    """How a training ended: with the score that the round asked for, with less, stopped, or without a model.

    It is stopped where the round is over, another lane calls, or the worker ends.
    """

    GOAL = "goal"
    BELOW = "below"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Start:
    """What is trained for: the round, its samples, how many of them must be right, and by what it learns."""

    round_id: int
    task_id: int
    lane: int
    samples: int
    needed: int
    learner: str


@dataclass(frozen=True, slots=True)
class Check:
    """A training at the end of an epoch, or where a learner of the user's reported a model.

    `loss` is the epoch's mean, `correct` how many samples the best model so far gets right by its exact
    evaluation, `seconds` count from the start. None is what is not known. `time`, in seconds since 1970, is
    that of the line, 0 before it is written.
    """

    epoch: int
    loss: float | None
    correct: int | None
    learning_rate: float | None
    seconds: float
    samples_per_second: float | None
    time: int = 0


@dataclass(frozen=True, slots=True)
class Ending:
    """How a training ended, when, and after how many seconds; `correct` is that of its model, if any."""

    outcome: Outcome
    correct: int | None
    seconds: float
    time: int = 0


@dataclass(frozen=True, slots=True)
class Training:
    """A round's training. Where it was interrupted its checks are those that led to the newest one."""

    start: Start
    began: int
    checks: tuple[Check, ...] = ()
    ending: Ending | None = None

    @property
    def newest(self) -> int:
        """Return when its newest line was written."""
        return self.ending.time if self.ending else self.checks[-1].time if self.checks else self.began


def read_history(data: bytes) -> tuple[Training, ...]:
    """Return the trainings of a history, that which began or went on last at the end.

    Lines that are torn, or none of ours, are left out. Raises IntegrityError for more than MAX_BYTES.
    """
    if len(data) > MAX_BYTES:
        raise IntegrityError(f"The history of trainings has more than {MAX_BYTES} bytes.")
    found: dict[int, _Read] = {}
    for line in data.split(b"\n"):
        _take(found, _fields(line))
    return tuple(Training(each.start, each.began, tuple(each.checks), each.ending) for each in found.values())


@dataclass(slots=True)
class _Read:
    """A training as far as its lines were read."""

    start: Start
    began: int
    checks: list[Check]
    ending: Ending | None = None


def _fields(line: bytes) -> Mapping[str, Any]:
    """Return the object in a line, an empty one where there is none."""
    if not line or len(line) > MAX_LINE:
        return {}
    try:
        found = parse_json(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _take(found: dict[int, _Read], fields: Mapping[str, Any]) -> None:
    """Let a line's event happen; one whose fields are not what they must be did not."""
    try:
        round_id, time = _whole(fields.get("round")), _whole(fields.get("time"))
        match fields.get("event"):
            case "began":
                start, before = _start(fields), found.pop(round_id, None)
                if before is not None and _goes_on(before.start, start):
                    found[round_id] = _Read(start, before.began, before.checks)
                else:
                    found[round_id] = _Read(start, time, [])
            case "check" if round_id in found:
                _note(found[round_id], _check(fields, time))
            case "ended" if round_id in found:
                found[round_id].ending = _ending(fields, time)
    except ValueError:
        return


def _note(training: _Read, check: Check) -> None:
    """Add a check in the place of those that a training did which began anew, or from a checkpoint."""
    while training.checks and training.checks[-1].epoch >= check.epoch:
        training.checks.pop()
    training.checks.append(check)
    training.ending = None


def _start(fields: Mapping[str, Any]) -> Start:
    return Start(
        round_id=_whole(fields.get("round")),
        task_id=_whole(fields.get("task")),
        lane=_whole(fields.get("lane")),
        samples=_whole(fields.get("samples")),
        needed=_whole(fields.get("needed")),
        learner=_text(fields.get("learner")),
    )


def _check(fields: Mapping[str, Any], time: int) -> Check:
    return Check(
        epoch=_whole(fields.get("epoch")),
        loss=_known(fields.get("loss")),
        correct=_count(fields.get("correct")),
        learning_rate=_known(fields.get("learningRate")),
        seconds=_seconds(fields.get("seconds")),
        samples_per_second=_known(fields.get("samplesPerSecond")),
        time=time,
    )


def _ending(fields: Mapping[str, Any], time: int) -> Ending:
    outcome = Outcome(fields.get("outcome"))
    return Ending(outcome, _count(fields.get("correct")), _seconds(fields.get("seconds")), time)


def _whole(value: object) -> int:
    if type(value) is not int or not 0 <= value <= LARGEST:
        raise ValueError("no whole number")
    return value


def _text(value: object) -> str:
    # One error for all that a field may be is what `_take` heeds.
    if type(value) is not str:
        raise ValueError("no text")
    return one_line(value, MAX_QUOTED)


def _count(value: object) -> int | None:
    return None if value is None else _whole(value)


def _real(value: object) -> float:
    if type(value) is int:
        return float(_whole(value))
    # 1e999 is JSON, and infinite.
    if type(value) is not float or not math.isfinite(value):
        raise ValueError("no finite number")
    return value


def _seconds(value: object) -> float:
    seconds = _real(value)
    if not 0 <= seconds <= MAX_SECONDS:
        raise ValueError("no seconds of a training")
    return seconds


def _known(value: object) -> float | None:
    return None if value is None else _real(value)


def write_history(trainings: Sequence[Training]) -> bytes:
    """Return the lines of trainings."""
    return b"".join(map(lines_of, trainings))


def lines_of(training: Training) -> bytes:
    """Return the lines of one training."""
    start, ending = training.start, training.ending
    lines = [line_of_start(start, training.began)]
    lines += [line_of_check(start, check) for check in training.checks]
    lines += [] if ending is None else [line_of_ending(start, ending)]
    return b"".join(lines)


def line_of_start(start: Start, time: int) -> bytes:
    """Return the line of a training that begins, or goes on after it was interrupted."""
    learner = one_line(start.learner, MAX_QUOTED)
    more = {"samples": start.samples, "needed": start.needed, "learner": learner}
    return _line(start, "began", time, more)


def line_of_check(start: Start, check: Check) -> bytes:
    """Return the line of a check."""
    more = {
        "epoch": check.epoch,
        "loss": _finite(check.loss),
        "correct": check.correct,
        "learningRate": _finite(check.learning_rate),
        "seconds": round(check.seconds, 3),
        "samplesPerSecond": _finite(check.samples_per_second),
    }
    return _line(start, "check", check.time, more)


def line_of_ending(start: Start, ending: Ending) -> bytes:
    """Return the line of a training that has ended."""
    more = {
        "outcome": ending.outcome.value,
        "correct": ending.correct,
        "seconds": round(ending.seconds, 3),
    }
    return _line(start, "ended", ending.time, more)


def _line(start: Start, event: str, time: int, more: Mapping[str, Any]) -> bytes:
    place = {"round": start.round_id, "task": start.task_id, "lane": start.lane, "event": event, "time": time}
    return json.dumps({**place, **more}, allow_nan=False).encode() + b"\n"


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def begun(trainings: Sequence[Training], start: Start, time: int) -> tuple[Training, ...]:
    """Return the trainings with one at the end that begins, or goes on where its round is among them."""
    others = tuple(each for each in trainings if each.start.round_id != start.round_id)
    before = next((each for each in trainings if _goes_on(each.start, start)), None)
    return (*others, Training(start, time) if before is None else replace(before, start=start, ending=None))


def _goes_on(before: Start, start: Start) -> bool:
    """Return whether a training is of the same round; another network on the same chain begins anew."""
    return (before.round_id, before.samples) == (start.round_id, start.samples)


def thinned(training: Training, max_checks: int = MAX_CHECKS) -> Training:
    """Return a training with at most so many checks, the newest among them, evenly spread."""
    if len(training.checks) <= max_checks:
        return training
    # Half of them and the newest: those that stay are the same ones again when the others have grown.
    stride = 2
    while len(kept := _every(training.checks, stride)) > max_checks // 2 + 1:
        stride *= 2
    return replace(training, checks=kept)


def _every(checks: Sequence[Check], stride: int) -> tuple[Check, ...]:
    """Return the checks of every so many epochs, and the newest."""
    kept = [check for check in checks[:-1] if check.epoch % stride == 0]
    return (*kept, checks[-1])


def bounded(trainings: Sequence[Training], max_bytes: int) -> bytes:
    """Return the lines of the newest trainings, thinned, at most so many bytes; the last one's always."""
    kept: list[bytes] = []
    size = 0
    for training in reversed(trainings):
        lines = lines_of(thinned(training, OLD_CHECKS if kept else MAX_CHECKS))
        size += len(lines)
        if kept and size > max_bytes:
            break
        kept.append(lines)
    return b"".join(reversed(kept))
