"""The time of a round: its phases one after the other, how long each took and might have, and who acted when.

A phase begins with a record, but for those that begin when a window is over: nobody records that, so their
beginning follows from the windows, and is not exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, Final

from sqlalchemy import func, select

from pole.explore.schema import acts
from pole.explore.views.looking import Look, Time
from pole.protocol.ballots import LAST_ATTEMPT
from pole.protocol.idle.task import IDLE_TASK_ID
from pole.protocol.parameters import Parameters
from pole.protocol.rounds.rent import judging_time
from pole.protocol.state import Phase, PostedTask

PHASE_OF: Final = {
    "SolutionCommitted": Phase.TRAINING,
    "SolutionDisplaced": Phase.TRAINING,
    "SeedDrawn": Phase.SEED,
    "KeysPosted": Phase.KEYS,
    "SubmissionsClosed": Phase.TRAINING,
    "TestSetReleased": Phase.TEST_RELEASE,
    "TestSeedDrawn": Phase.TEST_RELEASE,
    "SolutionRevealed": Phase.REVEAL,
    "CommitteeDrawn": Phase.DRAW,
    "VoteCommitted": Phase.VOTE_COMMIT,
    "VoteLeaked": Phase.VOTE_COMMIT,
    "VoteRevealed": Phase.VOTE_REVEAL,
    "TallyChallenged": Phase.CHALLENGE,
    "Payouts": Phase.SETTLEMENT,
}
"""The phase in which each act is done."""

OF_COMMITTEE: Final = frozenset(
    phase.name for phase in (Phase.DRAW, Phase.VOTE_COMMIT, Phase.VOTE_REVEAL, Phase.CHALLENGE)
)
"""The phases that each committee of a round has."""

MAX_MARKS: Final = 10_000
"""Marks of a round: more are only where somebody commits anew in that many Ethereum blocks."""


@dataclass(frozen=True, slots=True)
class Mark:
    """So many acts of one kind in one block, in a phase; `attempt` counts committees from 0."""

    time: Time
    kind: str
    count: int
    phase: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """A phase: when it began, and when it ended, None while it is under way.

    `deadline` is when it had to end, None where no clock ended it. `exact` is whether a record began it.
    """

    phase: str
    attempt: int
    begins: Time
    ends: Time | None
    deadline: Time | None
    exact: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """The phases of a round in their order, and the acts in them."""

    stretches: tuple[Stretch, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """What the times of a round follow from beside its acts.

    `choices` is how many models its committees judge, `members` how many members each has; `phase` and
    `deadline` are those of the newest look, None where it is not a lane's newest.
    """

    opened: int
    ended: int | None
    task: PostedTask
    places: int
    choices: int
    members: tuple[int, ...]
    phase: Phase | None
    deadline: int | None


def round_timeline(look: Look, round_id: int, course: Course) -> Timeline:
    """Return the time of a round."""
    marks = _marks(look, round_id)
    return Timeline(stretches_of(marks, course, look.parameters), marks)


def stretches_of(marks: Sequence[Mark], course: Course, parameters: Parameters) -> tuple[Stretch, ...]:
    """Return the phases of a round in which such acts were done."""
    found = _before_votes(marks, course, parameters)
    challenges = [mark.time for mark in marks if mark.kind == "TallyChallenged"]
    for attempt in range(LAST_ATTEMPT + 1):
        found += _votes(marks, course, parameters, attempt, found[-1])
        if attempt >= len(challenges):
            break
    return _closed(_now(found, course), course)


def _marks(look: Look, round_id: int) -> tuple[Mark, ...]:
    """Return the acts of a round, those of one Ethereum block and kind together."""
    columns = (acts.c.block, acts.c.time, acts.c.kind)
    asked = select(*columns, func.count().label("times")).where(acts.c.round_id == round_id)
    grouped = asked.group_by(*columns).order_by(acts.c.block, acts.c.kind).limit(MAX_MARKS)
    found = [row for row in look.rows(grouped) if row.kind in PHASE_OF]
    challenges = [row.block for row in found if row.kind == "TallyChallenged"]
    return tuple(_mark(row, challenges) for row in found)


def _mark(row: Any, challenges: Sequence[int]) -> Mark:
    # What a challenge leads to waits for a block after its own.
    attempt = sum(block < row.block for block in challenges)
    return Mark(Time(row.time), row.kind, row.times, PHASE_OF[row.kind].name, attempt)


def _begun(
    phase: Phase, time: int, window: int | None = None, *, attempt: int = 0, exact: bool = True
) -> Stretch:
    deadline = None if window is None else Time(time + window)
    return Stretch(phase.name, attempt, Time(time), None, deadline, exact)


def _first(marks: Sequence[Mark], *kinds: str) -> int | None:
    return next((mark.time for mark in marks if mark.kind in kinds), None)


def _before_votes(marks: Sequence[Mark], course: Course, parameters: Parameters) -> list[Stretch]:
    """Return the phases up to Reveal that have begun."""
    limits, terms = parameters.chain, course.task.terms
    is_idle = course.task.task_id == IDLE_TASK_ID
    found = [_begun(Phase.SEED, course.opened)]
    seeded, closed = _first(marks, "SeedDrawn"), _first(marks, "SubmissionsClosed")
    trained = seeded if is_idle else _first(marks, "KeysPosted")
    if seeded is not None and not is_idle:
        found.append(_begun(Phase.KEYS, seeded, limits.key_window))
    if trained is not None:
        some = _first(marks, "SolutionCommitted") is not None
        window = terms.time_limit if some else min(limits.grace_window, terms.time_limit)
        found.append(_begun(Phase.TRAINING, trained, window))
    if closed is None:
        return found
    found.append(_begun(Phase.TEST_RELEASE, closed, None if is_idle else limits.test_window))
    released = _first(marks, "TestSetReleased", "TestSeedDrawn")
    later = _first(marks, "SolutionRevealed", "CommitteeDrawn", "Payouts")
    if released is not None:
        found.append(_begun(Phase.REVEAL, released, limits.reveal_window))
    elif later is not None:
        begun = min(later, closed + limits.test_window)
        found.append(_begun(Phase.REVEAL, begun, limits.reveal_window, exact=False))
    return found


def _votes(
    marks: Sequence[Mark], course: Course, parameters: Parameters, attempt: int, before: Stretch
) -> list[Stretch]:
    """Return the phases of a committee that have begun; `before` is the one that goes before its draw."""
    own = [mark for mark in marks if mark.attempt == attempt]
    drawn = _first(own, "CommitteeDrawn")
    if drawn is None:
        return []
    limits = parameters.chain
    judging = course.choices * judging_time(course.task.terms, parameters.task_list)
    found = [
        _draw(marks, course, before, drawn, attempt),
        _begun(Phase.VOTE_COMMIT, drawn, limits.vote_commit_window + judging, attempt=attempt),
    ]
    challenged = _first(own, "TallyChallenged")
    until = challenged if challenged is not None else course.ended
    members = course.members[attempt] if attempt < len(course.members) else 0
    committed, leaked = _count(own, "VoteCommitted"), _count(own, "VoteLeaked")
    shown = _first(own, "VoteRevealed")
    shown = until if shown is None else shown
    begun = _over(found[-1], own, "VoteCommitted", shown, all_have=committed == members)
    if begun is None:
        return found
    found.append(
        replace(begun, phase=Phase.VOTE_REVEAL.name, deadline=Time(begun.begins + limits.vote_reveal_window))
    )
    done = _count(own, "VoteRevealed") == committed - leaked
    begun = _over(found[-1], own, "VoteRevealed", until, all_have=done)
    return found if begun is None else [*found, _after_votes(begun, course, parameters, challenged, until)]


def _after_votes(
    begun: Stretch, course: Course, parameters: Parameters, challenged: int | None, until: int | None
) -> Stretch:
    """Return what follows votes: a challenge where there was one or time for one, else the settlement."""
    doubted = Time(begun.begins + parameters.chain.challenge_window)
    awaited = course.phase is Phase.CHALLENGE if until is None else until >= doubted
    if challenged is not None or (awaited and begun.attempt < LAST_ATTEMPT):
        return replace(begun, phase=Phase.CHALLENGE.name, deadline=doubted)
    return replace(begun, phase=Phase.SETTLEMENT.name, deadline=None)


def _draw(marks: Sequence[Mark], course: Course, before: Stretch, drawn: int, attempt: int) -> Stretch:
    if attempt:
        challenged = [mark.time for mark in marks if mark.kind == "TallyChallenged"]
        return _begun(Phase.DRAW, challenged[attempt - 1], attempt=attempt)
    done = _count(marks, "SolutionRevealed") == course.places
    begun = _over(before, marks, "SolutionRevealed", drawn, all_have=done)
    return (
        _begun(Phase.DRAW, drawn) if begun is None else replace(begun, phase=Phase.DRAW.name, deadline=None)
    )


def _count(marks: Sequence[Mark], kind: str) -> int:
    return sum(mark.count for mark in marks if mark.kind == kind)


def _over(
    stretch: Stretch, marks: Sequence[Mark], kind: str, until: int | None, *, all_have: bool
) -> Stretch | None:
    """Return what follows a phase that ends once all have acted, or its window is over before `until`."""
    times = [mark.time for mark in marks if mark.kind == kind]
    if all_have and times:
        return replace(stretch, begins=times[-1], ends=None, exact=True)
    if until is None or stretch.deadline is None:
        return None
    return replace(stretch, begins=Time(min(until, stretch.deadline)), ends=None, exact=False)


def _now(found: list[Stretch], course: Course) -> list[Stretch]:
    """Return the phases of a round that is open with the one that it is in."""
    if course.ended is not None or course.phase is None:
        return found
    last, deadline = found[-1], None if course.deadline is None else Time(course.deadline)
    if last.phase == course.phase.name:
        return [*found[:-1], replace(last, deadline=deadline)]
    begun = last.begins if last.deadline is None else last.deadline
    now = Stretch(course.phase.name, last.attempt, begun, None, deadline, exact=False)
    return [*found, now]


def _closed(found: Sequence[Stretch], course: Course) -> tuple[Stretch, ...]:
    """Return the phases, each ending where the next begins, and the settlement of a round that has ended."""
    whole = list(found)
    last = whole[-1]
    if course.ended is not None and last.phase != Phase.SETTLEMENT.name:
        over = course.ended if last.deadline is None else min(last.deadline, course.ended)
        whole.append(
            replace(last, phase=Phase.SETTLEMENT.name, begins=Time(over), deadline=None, exact=False)
        )
    begins = [Time(each) for each in accumulate((each.begins for each in whole), max)]
    ends = [*begins[1:], None if course.ended is None else Time(course.ended)]
    times = zip(whole, begins, ends, strict=True)
    return tuple(replace(each, begins=begin, ends=end) for each, begin, end in times)
