"""Where shards are worked on: here while a thread is free, elsewhere beside it, here without a cluster."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from tests.unit.roles.elsewhere import FakeShards

from pole.errors import ShardError
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
