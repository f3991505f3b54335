"""A shard with one connection to a scheduler, whose answers are played here."""

from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from pole.adapters.machine.cluster.attempt import Attempt, Patience
from pole.errors import UnreachableError
from pole.roles.ports import WorkShard

SHARD = WorkShard("encryption", b"rows")


class Ticking:
    """A clock of which each look takes ten seconds."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 10
        assert self.now < 10_000, "waited for ever"
        return self.now


class Scheduler:
    """A scheduler whose only worker is away at some times: what is sent to it stays where it is."""

    def __init__(self, is_away: Callable[[], bool] = lambda: True) -> None:
        def threads() -> dict[str, int]:
            return {} if is_away() else {"tls://worker": 1}

        self.scheduler = SimpleNamespace(ncores=threads, processing=dict)

    def sync(self, question: Any, **_: object) -> Any:
        return question()

    def submit(self, *_: object, **__: object) -> SimpleNamespace:
        return SimpleNamespace(status="pending", add_done_callback=lambda _: None, release=lambda: None)


@pytest.mark.parametrize("seconds", [deque(), deque([1.0])], ids=["none was done yet", "one was done"])
def test_a_shard_for_which_no_worker_is_left_is_given_back_in_time(seconds: deque[float]) -> None:
    client: Any = Scheduler()
    patience = Patience(look=0.0)
    with pytest.raises(UnreachableError, match="No worker is there"):
        Attempt(client, SHARD, patience, Ticking(), seconds).result()


def test_a_worker_that_is_started_again_keeps_its_long_shard() -> None:
    clock = Ticking()
    away = [(500.0, 520.0), (900.0, 2000.0)]
    client: Any = Scheduler(lambda: any(begin <= clock.now <= end for begin, end in away))
    with pytest.raises(UnreachableError, match="No worker is there"):
        Attempt(client, SHARD, Patience(look=0.0), clock, deque([1.0])).result()
    assert 900 < clock.now < 1000
