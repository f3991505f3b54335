"""The loop: it survives what passes, ends on what does not, and stops when it is told to."""

import logging
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.roles.conftest import OWNER, Stage

from pole.errors import (
    DiskError,
    FundsError,
    IntegrityError,
    JournalError,
    RefusedError,
    TooLateError,
    UnreachableError,
)
from pole.protocol.state import Phase, Step
from pole.roles.loop import NextBlock, Pace, after_rounds, at_height, either, never, run
from pole.roles.ports import Moment
from pole.roles.support.refusals import Heeding


def moment(round_id: int, phase: Phase, *, lane: int = 0, lanes: int = 1) -> Moment:
    return Moment(
        lane=lane,
        lanes=lanes,
        round_id=round_id,
        phase=phase,
        deadline=0,
        deadline_block=0,
        attempt=0,
        waiting=0,
        free_lane=None,
        timestamp=1,
        block=1,
    )


class Scripted:
    """A role that does what the script says; an exception in it is raised."""

    def __init__(self, *script: str | Exception | None) -> None:
        self.script = iter(script)

    def step(self, _: Moment) -> str | None:
        entry = next(self.script)
        if isinstance(entry, Exception):
            raise entry
        return entry


class Waits:
    """A wait that notes its seconds and says stop after so many."""

    def __init__(self, times: int) -> None:
        self.seconds: list[float] = []
        self.times = times

    def __call__(self, seconds: float) -> bool:
        self.seconds.append(seconds)
        return len(self.seconds) >= self.times


def test_it_stops_between_two_steps_when_told_to_and_looks_again_soon_after_one(stage: Stage) -> None:
    waits = Waits(3)
    run(stage.chain("x"), [Scripted("a", None, "c")], wait=waits, finished=never, pace=Pace(0.5))
    assert waits.seconds == [0.05, 0.5, 0.05]


@pytest.mark.parametrize(
    "passing",
    [
        UnreachableError("down"),
        JournalError("full"),
        RefusedError("no"),
        FundsError("poor"),
        DiskError("full"),
    ],
)
def test_it_waits_longer_after_each_failure_and_recovers(stage: Stage, passing: Exception) -> None:
    waits = Waits(6)
    role = Scripted(passing, passing, passing, passing, None, None)
    run(stage.chain("x"), [role], wait=waits, finished=never, pace=Pace(1.0, 5.0))
    assert waits.seconds == [2.0, 4.0, 5.0, 5.0, 1.0, 1.0]


def test_a_failure_that_repeats_is_told_once(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    failure = UnreachableError("The chain does not answer.")
    with caplog.at_level(logging.INFO, "pole"):
        run(
            stage.chain("x"),
            [Scripted(failure, failure, failure, None)],
            wait=Waits(4),
            finished=never,
            pace=Pace(),
        )
    assert [record.message for record in caplog.records] == [
        "The chain does not answer. Trying again.",
        "Working again after 3 failed attempts.",
    ]


def test_what_cannot_pass_ends_it(stage: Stage) -> None:
    role = Scripted(IntegrityError("tampered"))
    with pytest.raises(IntegrityError):
        run(stage.chain("x"), [role], wait=Waits(9), finished=never, pace=Pace())


def test_it_ends_when_finished_and_nothing_was_due(stage: Stage) -> None:
    waits = Waits(9)
    run(stage.chain("x"), [Scripted("last", None)], wait=waits, finished=lambda _: True, pace=Pace())
    assert len(waits.seconds) == 1


def test_rounds_are_counted_from_the_start(stage: Stage) -> None:
    finished = after_rounds(2)
    assert not finished([moment(5, Phase.TRAINING)])
    assert not finished([moment(5, Phase.FINAL)])
    assert not finished([moment(6, Phase.KEYS)])
    assert finished([moment(6, Phase.VOID)])
    assert finished([moment(7, Phase.KEYS)])


def test_rounds_of_all_lanes_are_counted() -> None:
    finished = after_rounds(2)
    unopened = moment(0, Phase.NONE, lane=1, lanes=2)
    assert not finished([moment(2, Phase.TRAINING, lanes=2), unopened])
    assert not finished([moment(2, Phase.FINAL, lanes=2), unopened])
    assert not finished([moment(4, Phase.KEYS, lanes=2), moment(3, Phase.DRAW, lane=1, lanes=2)])
    assert finished([moment(4, Phase.KEYS, lanes=2), moment(3, Phase.VOID, lane=1, lanes=2)])


def test_the_lane_whose_phase_ends_first_is_served_first_and_every_lane_is(stage: Stage) -> None:
    stage.with_lanes(2)
    stage.post(seed=1)
    stage.post(seed=2)
    for _ in range(2):
        stage.keeper(OWNER).step(stage.world.moment(0 if not stage.world.rounds else 1))
    stage.world.advance(3, Step.SEEDED)
    served: list[int] = []

    class Noting:
        def step(self, moment: Moment) -> str | None:
            served.append(moment.lane)
            if moment.lane == 1:
                raise UnreachableError("The file is not to be had.")
            return None

    run(stage.chain("x"), [Noting()], wait=Waits(1), finished=never, pace=Pace())
    assert served == [1, 0]


def test_a_height_is_reached_with_its_block(stage: Stage) -> None:
    stage.post()
    finished = at_height(stage.chain("x"), 1)
    stage.play(Phase.SETTLEMENT)
    assert not finished(stage.world.moments())
    stage.play(Phase.FINAL)
    assert finished(stage.world.moments())
    assert not at_height(stage.chain("x"), 2)(stage.world.moments())


def test_the_longest_wait_is_never_shorter_than_the_interval() -> None:
    assert Pace(60.0, 30.0).after(0) == 60.0
    assert Pace(1.0, 5.0).after(100) == 5.0


def test_what_comes_too_late_is_not_said_to_be_tried_again(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    late = TooLateError("Round 3 is in phase REVEAL.")
    with caplog.at_level(logging.WARNING, "pole"):
        run(stage.chain("x"), [Heeding(Scripted(late, None))], wait=Waits(2), finished=never, pace=Pace())
    assert [record.message for record in caplog.records] == [
        "Round 3 is in phase REVEAL. It is not tried again."
    ]


def looks_at(blocks: Sequence[float], pace: Pace, until: float) -> list[float]:
    """Return when a loop looks that follows blocks, each there at its time, in seconds."""
    now, looks = 0.0, []
    following = NextBlock(pace, lambda: now)
    while now < until:
        looks.append(now)
        number = bisect_right(blocks, now)
        stamp = int(blocks[number - 1]) if number else 0
        now += following.pause(replace(moment(1, Phase.TRAINING), block=number, timestamp=stamp))
    return looks


@pytest.mark.parametrize(("between", "interval"), [(1.0, 0.5), (1.0, 1.0), (12.0, 1.0), (2.0, 0.25)])
def test_a_regular_chain_is_looked_at_less_than_twice_a_block_and_soon_after_each(
    between: float, interval: float
) -> None:
    blocks = [between * number for number in range(1, 101)]
    looks = looks_at(blocks, Pace(interval, 30), between * 100)
    settled = [look for look in looks if look > 10 * between]
    assert len(settled) < 2 * 90
    late = [min(look for look in settled if look >= block) - block for block in blocks[11:-2]]
    assert max(late) <= max(interval / 2, between / 4)
    assert sum(late) / len(late) < between / 5


@given(st.lists(st.floats(0.01, 30), min_size=5, max_size=60), st.floats(0.05, 5), st.floats(1, 20))
def test_no_block_is_awaited_longer_than_the_longest_pause(
    gaps: list[float], interval: float, longest: float
) -> None:
    blocks = list(accumulate(gaps))
    looks = looks_at(blocks, Pace(interval, longest), blocks[-1])
    pauses = [later - earlier for earlier, later in pairwise(looks)]
    assert all(0 < pause <= max(longest, interval) + 1e-6 for pause in pauses)


def test_a_chain_that_stands_still_is_looked_at_once_an_interval() -> None:
    looks = looks_at([1, 2, 3], Pace(1.0), 60)
    assert [later - earlier for earlier, later in pairwise(looks)][-10:] == [1.0] * 10


def test_a_node_that_does_not_answer_whether_the_end_has_come_is_asked_again(stage: Stage) -> None:
    failures = iter([UnreachableError("down"), RefusedError("no")])

    def finished(_: object) -> bool:
        for failure in failures:
            raise failure
        return True

    waits = Waits(9)
    run(stage.chain("x"), [Scripted(None, None, None)], wait=waits, finished=finished, pace=Pace(1.0, 5.0))
    assert waits.seconds == [2.0, 4.0]


def test_one_of_two_ends_is_enough() -> None:
    assert not either(never, never)([])
    assert either(never, lambda _: True)([])
    assert either(lambda _: True, never)([])
