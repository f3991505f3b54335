"""A worker under Prometheus' eyes: counted, watched and served from its start to its end."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version

from prometheus_client import CollectorRegistry

from pole.adapters.machine.monitoring.counting import counted_log
from pole.adapters.machine.monitoring.endpoint import serving
from pole.adapters.machine.monitoring.series import Series
from pole.adapters.machine.monitoring.standing import Standing, Wallets, Watching
from pole.roles.support.draining import Participant


@dataclass(frozen=True, slots=True)
class Monitoring:
    """What is served at `url`; what is noted in `standing` is part of it."""

    url: str
    standing: Standing

    def watching(self, worker: Participant, chain: Wallets) -> Watching:
        """Return the role that notes where a worker stands; during long work the worker itself lets it."""
        watching = Watching(self.standing, worker, chain, time.monotonic)
        worker.sight.seen = watching.look
        return watching


@contextmanager
def monitored(role: str, port: int) -> Iterator[Monitoring]:
    """Count and serve a worker of this process while the context lasts; raises what `serving` raises."""
    registry, standing = CollectorRegistry(), Standing()
    series = Series(registry)
    series.worker.info({"role": role, "version": version("pole")})
    # Until it answers first, the wait for it counts from the start.
    series.answered_at.set_to_current_time()
    registry.register(standing)
    with serving(registry, port) as url, counted_log(series):
        yield Monitoring(url, standing)
