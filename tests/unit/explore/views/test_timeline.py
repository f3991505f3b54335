"""The phases of a round follow one another from its opening to its end, whatever happened in it."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from tests.unit.explore.chains import where
from tests.unit.explore.databases import opened
from tests.unit.explore.generated import GeneratedChain
from tests.unit.protocol.example_rounds import DATA_NODE, PARAMETERS, TERMS
from tests.unit.protocol.ledger import FILES

from pole.explore import schema
from pole.explore.index.following import EventDatabase
from pole.explore.server.rendering import environment
from pole.explore.views.looking import Look, Time
from pole.explore.views.rounds.drawing import LABEL, WIDTH, drawn_timeline, lasting
from pole.explore.views.rounds.pages import round_page
from pole.explore.views.rounds.timeline import PHASE_OF, Course, Mark, Stretch, Timeline, stretches_of
from pole.protocol.idle.task import idle_task
from pole.protocol.state import Phase, PostedTask

ROUNDS = 40
START = 1_000
TASK = PostedTask(1, DATA_NODE, TERMS, FILES)
COURSE = Course(START, None, TASK, places=2, choices=2, members=(3, 7, 7), phase=None, deadline=None)
ALL = ("SeedDrawn", "KeysPosted", "SolutionCommitted", "SubmissionsClosed", "TestSetReleased")
VOTES = ("CommitteeDrawn", "VoteCommitted", "VoteRevealed")
LIMITS = PARAMETERS.chain


@pytest.fixture(scope="module")
def look(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Look]:
    with opened(tmp_path_factory.mktemp("time")) as engine:
        EventDatabase(engine, where(PARAMETERS)).catch_up(GeneratedChain(ROUNDS))
        with engine.connect() as connection:
            yield Look(connection, where(PARAMETERS))


def marks(*kinds: str, attempt: int = 0, start: int = START + 10, count: int = 1) -> list[Mark]:
    """Return acts ten seconds apart."""
    return [
        Mark(Time(start + 10 * n), kind, count, PHASE_OF[kind].name, attempt) for n, kind in enumerate(kinds)
    ]


def check(stretches: Sequence[Stretch], course: Course) -> None:
    assert stretches[0].phase == "SEED"
    assert stretches[0].begins == course.opened
    assert all(one.ends == other.begins for one, other in pairwise(stretches))
    assert all(each.begins <= (each.ends or each.begins) for each in stretches)
    assert stretches[-1].ends == course.ended


def phases(acts: Sequence[Mark], course: Course) -> list[str]:
    found = stretches_of(acts, course, PARAMETERS)
    check(found, course)
    return [each.phase for each in found]


def test_the_phases_of_every_round_fill_its_time(look: Look) -> None:
    for round_id in look.connection.scalars(select(schema.rounds.c.round_id)):
        page = round_page(look, round_id)
        timeline, line = page.timeline, page.line
        assert timeline.stretches[0].begins == line.opened_at
        assert timeline.stretches[-1].ends == line.ended_at
        assert all(one.ends == other.begins for one, other in pairwise(timeline.stretches))
        assert sum(each.phase == "DRAW" for each in timeline.stretches) == line.committees
        rows = {(each.phase, each.attempt) for each in timeline.stretches}
        assert {(mark.phase, mark.attempt) for mark in timeline.marks} <= rows
        assert sum(m.count for m in timeline.marks if m.kind == "SolutionRevealed") == line.revealed


def test_a_round_that_is_open_is_in_the_phase_of_the_newest_look() -> None:
    course = replace(COURSE, phase=Phase.TRAINING, deadline=5_000)
    found = stretches_of(marks("SeedDrawn", "KeysPosted"), course, PARAMETERS)
    assert found[-1] == Stretch("TRAINING", 0, Time(1_020), None, Time(5_000), exact=True)
    late = replace(course, phase=Phase.SETTLEMENT, deadline=None)
    assert phases(marks("SeedDrawn"), late) == ["SEED", "KEYS", "SETTLEMENT"]


def test_a_window_that_is_over_ends_its_phase_without_a_record() -> None:
    ended = replace(COURSE, ended=START + 3_000)
    found = stretches_of(marks("SeedDrawn"), ended, PARAMETERS)
    check(found, ended)
    keys, settlement = found[1:]
    assert keys.ends == settlement.begins == START + 10 + LIMITS.key_window
    assert not settlement.exact


def test_an_unreleased_test_set_lets_reveal_begin_when_its_window_is_over() -> None:
    acts = [*marks(*ALL[:4]), *marks("SolutionRevealed", start=START + 400)]
    found = stretches_of(acts, replace(COURSE, ended=START + 900), PARAMETERS)
    reveal = next(each for each in found if each.phase == "REVEAL")
    assert reveal.begins == START + 40 + LIMITS.test_window
    assert not reveal.exact


def test_an_idle_round_has_no_phase_of_keys() -> None:
    course = replace(COURSE, task=idle_task(PARAMETERS), ended=START + 500)
    acts = marks("SeedDrawn", "SolutionCommitted", "SubmissionsClosed", "TestSeedDrawn", "SolutionRevealed")
    assert phases(acts, course)[:4] == ["SEED", "TRAINING", "TEST_RELEASE", "REVEAL"]


def test_a_challenge_has_a_second_committee() -> None:
    first = [*marks(*ALL, "SolutionRevealed"), *marks(*VOTES, start=START + 100, count=3)]
    second = marks(*VOTES, attempt=1, start=START + 200, count=7)
    acts = [*first, *marks("TallyChallenged", start=START + 150), *second]
    acts += marks("Payouts", attempt=1, start=START + 300)
    wanted = ["DRAW", "VOTE_COMMIT", "VOTE_REVEAL"]
    course = replace(COURSE, ended=START + 300, places=1)
    assert phases(acts, course)[5:] == [*wanted, "CHALLENGE", *wanted, "SETTLEMENT"]


kinds = st.lists(st.sampled_from(sorted(PHASE_OF)), max_size=40)


@given(
    told=kinds,
    gaps=st.lists(st.integers(0, 10**6), min_size=40, max_size=40),
    open_=st.booleans(),
    phase=st.sampled_from([None, *Phase]),
    idle=st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_whatever_was_recorded_has_a_drawing(
    told: list[str], gaps: list[int], open_: bool, phase: Phase | None, idle: bool
) -> None:
    time, attempt, acts = START, 0, list[Mark]()
    for kind, gap in zip(told, gaps, strict=False):
        time += gap
        acts.append(Mark(Time(time), kind, 1, PHASE_OF[kind].name, attempt))
        attempt += kind == "TallyChallenged"
    task = idle_task(PARAMETERS) if idle else TASK
    course = replace(COURSE, task=task, ended=None if open_ else time, phase=phase, deadline=time + 50)
    found = stretches_of(acts, course, PARAMETERS)
    drawing = drawn_timeline(Timeline(found, tuple(acts)), time)
    assert len(drawing.rows) == len(found) <= 20
    assert all(one.ends == other.begins >= one.begins for one, other in pairwise(found))
    for row in drawing.rows:
        assert LABEL <= row.x <= WIDTH
        assert row.width > 0
        assert all(LABEL <= sign.x <= WIDTH for sign in row.signs)


def test_a_thousand_acts_are_drawn_where_there_is_room() -> None:
    acts = [Mark(Time(START + 20 + n), "SolutionCommitted", 2, "TRAINING", 0) for n in range(1_000)]
    found = stretches_of([*marks("SeedDrawn", "KeysPosted"), *acts], COURSE, PARAMETERS)
    drawing = drawn_timeline(Timeline(found, tuple(acts)), START + 2_000)
    (training,) = [row for row in drawing.rows if row.phase == "TRAINING"]
    assert len(training.signs) <= WIDTH - LABEL
    assert sum(sign.count for sign in training.signs) == 2_000


def test_the_drawing_says_what_it_shows(look: Look) -> None:
    page = round_page(look, 1)
    macro: Any = getattr(environment().get_template("drawings.html").module, "timeline")  # noqa: B009
    figure = ElementTree.fromstring(macro(drawn_timeline(page.timeline, 0)))  # noqa: S314 - our own template
    said = " ".join(figure.itertext())
    assert "vote commit" in said
    assert "solution committed, 20" in said
    ids = {each.get("id") for each in figure.iter() if each.get("id")}
    svg = figure.find("svg")
    assert svg is not None
    assert set(svg.get("aria-labelledby", "").split()) <= ids


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3_725, "1 h 2 min"), (10**9, "11,574 d 1 h")],
)
def test_how_long_something_takes(seconds: int, words: str) -> None:
    assert lasting(seconds) == words
