"""How a miner's trainings go, as lines of a file that any bytes may stand in."""

import json
import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pole.errors import IntegrityError
from pole.roles.training.history.trainings import (
    LARGEST,
    MAX_BYTES,
    MAX_CHECKS,
    MAX_SECONDS,
    OLD_CHECKS,
    Check,
    Ending,
    Outcome,
    Start,
    Training,
    begun,
    bounded,
    line_of_check,
    line_of_start,
    lines_of,
    read_history,
    thinned,
    write_history,
)

whole = st.integers(0, LARGEST)
real = st.floats(0, MAX_SECONDS).map(lambda value: round(value, 3))
known = st.none() | st.floats(-1e308, 1e308)
starts = st.builds(
    Start, whole, whole, whole, whole, whole, st.text("abc<&\"'>:./ é", max_size=30)
)  # what prints is kept as it is
endings = st.builds(Ending, st.sampled_from(Outcome), st.none() | whole, real, whole)


@st.composite
def trainings(draw: st.DrawFn) -> Training:
    epochs = sorted(draw(st.sets(st.integers(0, 1_000), max_size=8)))
    rest = st.builds(Check, st.just(0), known, st.none() | whole, known, real, known, whole)
    checks = tuple(replace(draw(rest), epoch=epoch) for epoch in epochs)
    return Training(draw(starts), draw(whole), checks, draw(st.none() | endings))


several = st.lists(trainings(), max_size=4, unique_by=lambda each: each.start.round_id)


def a_start(round_id: int = 7, samples: int = 60) -> Start:
    return Start(round_id, 3, 0, samples, 50, "built in")


def a_check(epoch: int, loss: float | None = 0.5) -> Check:
    return Check(epoch, loss, 40, 0.001, 1.5, 1_000.0, 100 + epoch)


def of_checks(count: int, round_id: int = 7) -> Training:
    return Training(a_start(round_id), 100, tuple(a_check(epoch) for epoch in range(1, count + 1)))


@given(several)
def test_what_is_written_reads_back_the_same(given_trainings: list[Training]) -> None:
    assert read_history(write_history(given_trainings)) == tuple(given_trainings)


@given(several, st.data())
def test_a_kill_at_any_byte_costs_the_line_that_was_under_way_alone(
    given_trainings: list[Training], data: st.DataObject
) -> None:
    written = write_history(given_trainings)
    torn = written[: data.draw(st.integers(0, len(written)))]
    whole_lines = torn[: torn.rfind(b"\n") + 1]
    assert read_history(torn) in (read_history(whole_lines), read_history(torn + b"\n"))
    after = line_of_start(a_start(LARGEST), 5)
    assert read_history(torn + b"\n" + after)[-1].start.round_id == LARGEST


@settings(max_examples=300)
@given(
    st.binary(max_size=400)
    | st.lists(
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=6,
        ).map(lambda value: json.dumps(value).encode())
    ).map(b"\n".join)
)
def test_any_bytes_are_read_and_nothing_that_is_not_finite_comes_out(data: bytes) -> None:
    for training in read_history(write_history([of_checks(2)]) + data):
        for check in training.checks:
            numbers = (check.loss, check.seconds, check.learning_rate, check.samples_per_second)
            assert all(math.isfinite(each) for each in numbers if each is not None)


@pytest.mark.parametrize(
    "loss", ["NaN", "Infinity", "-Infinity", "1e999", "true", '"0.5"', "[]", "9" * 5_000]
)
def test_a_line_with_a_loss_that_is_no_finite_number_is_left_out(loss: str) -> None:
    line = line_of_check(a_start(), a_check(1, 0.5)).replace(b"0.5,", loss.encode() + b",")
    (found,) = read_history(line_of_start(a_start(), 1) + line + line_of_check(a_start(), a_check(2)))
    assert [check.epoch for check in found.checks] == [2]


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_is_written_as_unknown(loss: float) -> None:
    written = line_of_start(a_start(), 1) + line_of_check(a_start(), a_check(1, loss))
    assert read_history(written)[0].checks[0].loss is None


@pytest.mark.parametrize("seconds", ["-1", "1e308", "1e10", "null"])
def test_a_line_whose_seconds_no_training_takes_is_left_out(seconds: str) -> None:
    line = line_of_check(a_start(), a_check(1)).replace(b'"seconds": 1.5', b'"seconds": ' + seconds.encode())
    assert read_history(line_of_start(a_start(), 1) + line)[0].checks == ()


def test_half_of_too_many_checks_are_kept() -> None:
    kept = thinned(of_checks(MAX_CHECKS + 1)).checks
    assert [check.epoch for check in kept] == [*range(2, MAX_CHECKS + 1, 2), MAX_CHECKS + 1]


def test_the_largest_numbers_are_numbers() -> None:
    written = line_of_start(a_start(), 1) + line_of_check(a_start(), a_check(1, 1e308))
    assert read_history(written)[0].checks[0].loss == 1e308


def test_a_line_nested_deeply_is_left_out() -> None:
    assert read_history(b"[" * 900 + b"\n" + line_of_start(a_start(), 1))[0].start == a_start()


def test_a_training_that_went_on_has_the_checks_that_led_to_the_newest() -> None:
    start = a_start()
    written = lines_of(replace(of_checks(3), ending=Ending(Outcome.STOPPED, None, 2.0, 110)))
    written += line_of_start(start, 200) + line_of_check(start, a_check(3, 0.1))
    (found,) = read_history(written)
    assert [check.loss for check in found.checks] == [0.5, 0.5, 0.1]
    assert found.began == 100
    assert found.ending is None


def test_another_round_of_the_same_number_is_a_training_of_its_own() -> None:
    (found,) = read_history(lines_of(of_checks(3)) + line_of_start(a_start(samples=61), 200))
    assert (found.began, found.checks) == (200, ())


def test_the_training_that_went_on_last_is_the_last() -> None:
    written = lines_of(of_checks(1, 1)) + lines_of(of_checks(1, 2)) + line_of_start(a_start(1), 300)
    assert [each.start.round_id for each in read_history(written)] == [2, 1]


def test_a_history_beyond_the_bound_is_refused() -> None:
    assert read_history(b"\n" * MAX_BYTES) == ()
    with pytest.raises(IntegrityError, match="more than 1048576 bytes"):
        read_history(b"\n" * (MAX_BYTES + 1))


@given(st.integers(0, 5_000))
def test_a_long_training_keeps_few_checks_and_the_newest(count: int) -> None:
    training = of_checks(count)
    kept = thinned(training).checks
    assert len(kept) <= MAX_CHECKS
    assert kept[-1:] == training.checks[-1:]
    steps = {after.epoch - before.epoch for before, after in pairwise(kept[:-1])}
    assert len(steps) <= 1


@given(st.lists(st.integers(0, 50), max_size=20), st.integers(0, 20_000))
def test_old_trainings_make_room(counts: list[int], max_bytes: int) -> None:
    given_trainings = [of_checks(count, number) for number, count in enumerate(counts)]
    written = bounded(given_trainings, max_bytes)
    kept = read_history(written)
    assert kept == tuple(given_trainings[len(given_trainings) - len(kept) :])
    assert len(kept) == min(1, len(counts)) or len(written) <= max_bytes


def test_trainings_that_others_followed_keep_fewer_checks() -> None:
    old, new = read_history(bounded([of_checks(MAX_CHECKS, 1), of_checks(MAX_CHECKS, 2)], MAX_BYTES))
    assert len(old.checks) <= OLD_CHECKS
    assert len(new.checks) == MAX_CHECKS


@given(trainings(), starts, whole)
def test_what_begins_is_what_a_reader_of_its_line_finds(before: Training, start: Start, time: int) -> None:
    for training in (before, replace(before, start=replace(before.start, round_id=start.round_id))):
        expected = read_history(lines_of(training) + line_of_start(start, time))
        assert begun([training], start, time) == expected
