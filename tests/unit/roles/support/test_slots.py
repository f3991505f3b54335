"""Where shards are worked on: here while a thread is free, elsewhere beside it, here without a cluster."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from tests.unit.roles.elsewhere import FakeShards

from pole.errors import AbandonedError, ShardError
from pole.roles.ports import Shards
from pole.roles.support.slots import Slots


def here() -> str:
    return "here"


def there(_: Shards) -> str:
    return "there"


def test_without_a_cluster_everything_is_done_here() -> None:
    slots = Slots(2, None)
    assert slots.count == 2
    assert slots.run(here, there) == "here"


def test_a_cluster_without_workers_is_none(caplog: pytest.LogCaptureFixture) -> None:
    slots = Slots(2, FakeShards(workers=0))
    assert slots.count == 2
    assert slots.run(here, there) == "here"
    assert not caplog.records


def test_a_cluster_that_does_not_answer_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    slots = Slots(2, FakeShards(lasts=0))
    assert slots.count == 2
    assert slots.run(here, there) == "here"
    assert "This machine does the work itself" in caplog.text


@contextmanager
def busy(slots: Slots) -> Iterator[tuple[ThreadPoolExecutor, threading.Event]]:
    """Keep this machine's only thread at work until the event is set; gives threads to call from, too."""
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        go_on.wait()
        return "here"

    with ThreadPoolExecutor(slots.count) as pool:
        first = pool.submit(slots.run, slow, there)
        begun.wait()
        try:
            yield pool, go_on
        finally:
            go_on.set()
        assert first.result() == "here"


def test_what_no_thread_is_free_for_goes_elsewhere() -> None:
    slots = Slots(1, FakeShards(workers=1))
    with busy(slots) as (pool, _):
        assert pool.submit(slots.run, here, there).result() == "there"
    assert slots.run(here, there) == "here"


def test_what_a_lost_cluster_had_waits_for_a_thread_of_this_machine(caplog: pytest.LogCaptureFixture) -> None:
    cluster = FakeShards(workers=1)
    slots = Slots(1, cluster)
    with busy(slots) as (pool, go_on):

        def lost(shards: Shards) -> str:
            go_on.set()
            cluster.lasts = 0
            shards.at_once()
            return "there"

        assert pool.submit(slots.run, here, lost).result() == "here"
    assert "This machine does the work itself" in caplog.text


def test_a_shard_that_workers_fail_at_is_not_tried_here() -> None:
    def failed(_: Shards) -> str:
        raise ShardError("Three workers died.")

    slots = Slots(1, FakeShards(workers=1))
    with busy(slots) as (pool, _), pytest.raises(ShardError, match="Three workers"):
        pool.submit(slots.run, here, failed).result()


def numbered(part: int) -> str:
    return f"{part} here"


def elsewhere(_: Shards, part: int) -> str:
    return f"{part} there"


def test_all_parts_come_back_in_their_order() -> None:
    slots = Slots(1, FakeShards(workers=3))
    found = slots.run_all(range(20), numbered, elsewhere)
    assert [int(each.split()[0]) for each in found] == list(range(20))
    assert Slots(1, None).run_all(range(3), numbered, elsewhere) == ["0 here", "1 here", "2 here"]
    assert Slots(1, None).run_all([], numbered, elsewhere) == []


def test_a_part_that_others_do_not_give_back_is_done_here_in_the_end() -> None:
    slots, ends, was_sent = Slots(1, FakeShards(workers=1)), threading.Event(), threading.Event()

    def first_waits(part: int) -> str:
        was_sent.wait(60)
        return numbered(part)

    def stalls(_: Shards, part: int) -> str:
        was_sent.set()
        ends.wait(60)
        return elsewhere(_, part)

    found = slots.run_all(range(5), first_waits, stalls)
    ends.set()
    assert found == [f"{part} here" for part in range(5)]


def test_the_first_error_of_a_part_is_raised_while_others_are_under_way() -> None:
    slots, ends, was_sent = Slots(1, FakeShards(workers=1)), threading.Event(), threading.Event()

    def fails(_: int) -> str:
        was_sent.wait(60)
        raise ShardError("It cannot be done.")

    def stalls(_: Shards, part: int) -> str:
        was_sent.set()
        ends.wait(60)
        return elsewhere(_, part)

    with pytest.raises(ShardError, match="cannot be done"):
        slots.run_all(range(2), fails, stalls)
    ends.set()


def test_parts_are_left_where_nobody_waits_for_them() -> None:
    begun: list[int] = []

    def noted(part: int) -> str:
        begun.append(part)
        time.sleep(0.01)
        return numbered(part)

    with pytest.raises(AbandonedError):
        Slots(1, None).run_all(range(10_000), noted, elsewhere, stop=lambda: True)
    assert len(begun) < 10_000
