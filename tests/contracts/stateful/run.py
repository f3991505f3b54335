"""One run: a deployment of its own, many steps, and at the end everybody takes their money and goes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from tests.contracts.stateful import mischief, moves
from tests.contracts.stateful.books import Books
from tests.contracts.stateful.departure import departure
from tests.contracts.stateful.history import History
from tests.contracts.stateful.interface import Artifact
from tests.contracts.stateful.model import views
from tests.contracts.stateful.model.system import Call, Clock, Force, Round, System, Wait
from tests.contracts.stateful.pair import Action, Pair
from tests.contracts.stateful.parameters import Parameters, some_parameters
from tests.contracts.stateful.people import PEOPLE, Knowledge

from pole.protocol.state import Phase, RecordKind, VoidReason

# How often a step is what comes next, and how often it is something else.
KINDS = {"right": 74, "nearly right": 10, "untimely": 8, "any": 8}


@dataclass(slots=True)
class Counts:
    """What runs went through: calls by function and outcome, records, rounds by ending, addresses called."""

    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    records: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    touched: set[str] = field(default_factory=set)
    runs: int = 0

    @property
    def steps(self) -> int:
        return self.calls.total()


@dataclass(slots=True)
class Course:
    """How a run began and what was done in it: enough to do it again."""

    parameters: Parameters
    start: Clock
    actions: list[Action] = field(default_factory=list)


def seeded(seed: int) -> Random:
    """Return the source of a run's choices: the same seed makes the same run."""
    return Random(seed)  # noqa: S311 - choices of a test


def run(compiled: dict[str, Artifact], random: Random, steps: int, counts: Counts) -> Course:
    """Take `steps` calls and then depart; raises AssertionError where contracts and model differ.

    An error before the end carries the course as `course`, so that it can be shortened.
    """
    start = Clock(random.randint(1_000, 10**6), random.randint(10**9, 2 * 10**9))
    course = Course(some_parameters(random), start)
    stage = Stage(compiled, course, counts)
    known = Knowledge(random)
    before = counts.steps
    while counts.steps < before + steps:
        for action in _some_actions(stage.pair.model, known):
            stage.take(action)
    for action in departure(stage.pair.model):
        stage.take(action)
    stage.end()
    counts.runs += 1
    return course


class Stage:
    """A pair under watch: every action is kept, compared and counted."""

    def __init__(self, compiled: dict[str, Artifact], course: Course, counts: Counts) -> None:
        clock = Clock(course.start.number, course.start.time)
        self.pair = Pair(compiled, course.parameters, PEOPLE, clock)
        self._books = Books(self.pair)
        self._history = History(self.pair, self._books)
        self._course = course
        self._counts = counts

    def take(self, action: Action) -> None:
        self._course.actions.append(action)
        try:
            outcome = self.pair.act(action)
            self._history.look()
            if self.pair.events or isinstance(action, Force):
                self._books.look()
        except AssertionError as error:
            error.course = self._course  # type: ignore[attr-defined]
            raise
        if isinstance(action, Call):
            self._counts.calls[action.function, outcome] += 1
        for _, name, arguments in self.pair.events:
            if name == "Recorded":
                self._counts.records[RecordKind(arguments[2]).name] += 1

    def end(self) -> None:
        """Compare all views once more, and count the rounds."""
        self.pair.compare(views.all_of(self.pair.model, PEOPLE))
        self._books.look_back()
        self._counts.touched |= self.pair.evm.touched()
        for ended in self.pair.model.rounds.values():
            self._counts.endings[_ending(ended)] += 1


def _ending(ended: Round) -> str:
    assert ended.is_settled
    reason = ended.void_reason
    ending = Phase.FINAL.name if reason is VoidReason.NONE else f"{Phase.VOID.name}: {reason.name}"
    return f"idle {ending}" if ended.is_idle else ending


def _some_actions(system: System, known: Knowledge) -> Sequence[Action]:
    """Return some waiting, perhaps, and one call."""
    actions: list[Action] = [_some_time(system, known.random)] if known.random.random() < 0.3 else []
    kind = known.random.choices(list(KINDS), list(KINDS.values()))[0]
    if kind == "any":
        return [*actions, mischief.any_call(system, known)]
    if kind == "untimely":
        return [*actions, mischief.untimely(system, known)]
    move = moves.next_move(system, known)
    if kind == "nearly right" and isinstance(move, Call):
        move = mischief.nearly_right(system, known, move)
    return [*actions, move]


def _some_time(system: System, random: Random) -> Wait:
    if random.random() < 0.005:
        return Wait(300, 2000)
    return Wait(1, random.choice([1, 1, 2, 12]))
