import threading
import time
from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_info, threadpool_limits  # type: ignore[import-untyped]

from pole.errors import AbandonedError
from pole.learning.machine.threads import allowed_threads, beside_each_other, limit_threads

A_PART = 0.001
"""Seconds of a part: parts that take none can all be done before anybody looks whether to stop."""


def blas_threads() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    with threadpool_limits(limits=1, user_api="blas"):
        yield
    limit_threads(1)


@pytest.mark.parametrize("count", [1, 2])
def test_matrix_products_and_evaluation_use_as_many_threads_as_they_are_given(count: int) -> None:
    limit_threads(count)
    assert (allowed_threads(), blas_threads()) == (count, {count})


@pytest.mark.parametrize("count", [1, 3])
def test_every_part_is_done_once(count: int) -> None:
    limit_threads(count)
    done: list[int] = []
    beside_each_other(done.append, range(100))
    assert sorted(done) == list(range(100))


def test_parts_run_beside_each_other_with_one_thread_a_product() -> None:
    limit_threads(3)
    all_there = threading.Barrier(3, timeout=30)
    seen: list[set[int]] = []

    def meet(_: int) -> None:
        all_there.wait()
        seen.append(blas_threads())

    beside_each_other(meet, range(6))
    assert seen == [{1}] * 6
    assert blas_threads() == {3}


@pytest.mark.parametrize("count", [1, 2])
def test_work_ends_between_two_parts_when_it_is_told_to_stop(count: int) -> None:
    limit_threads(count)
    done: list[int] = []

    def work(part: int) -> None:
        done.append(part)
        time.sleep(A_PART)

    with pytest.raises(AbandonedError, match="nobody waits for it"):
        beside_each_other(work, range(10_000), lambda: len(done) > 20)
    assert 20 < len(done) < 10_000


def test_an_error_ends_the_work_and_is_raised() -> None:
    limit_threads(2)
    done: list[int] = []

    def fail(part: int) -> None:
        if part == 1:
            raise ValueError("part 1")
        done.append(part)
        time.sleep(A_PART)

    with pytest.raises(ValueError, match="part 1"):
        beside_each_other(fail, range(1000))
    assert len(done) < 1000
    assert blas_threads() == {2}
