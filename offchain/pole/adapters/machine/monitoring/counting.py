"""Counting what a worker's log says, its traces included: one place that knows, and no rule anywhere else."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from pole.adapters.machine.monitoring.series import Series
from pole.protocol.amounts import WEI_PER_ETHER

TRACED: Final = ("pole.loop", "pole.node", "pole.sending", "pole.ipfs", "pole.training")
"""The loggers that have events to count below level INFO."""

Details = Mapping[str, Any]


class CountingLog(logging.Handler):
    """Counts the records that reach it; of an event it reads the details, and never the sentence."""

    def __init__(self, series: Series) -> None:
        super().__init__()
        self.series = series

    def emit(self, record: logging.LogRecord) -> None:
        """Count a record."""
        event = getattr(record, "event", None)
        if record.levelno >= logging.INFO:
            self.series.records.labels(record.levelname.lower()).inc()
            if event is not None:
                self.series.events.labels(event).inc()
        count = COUNTED.get(event)
        if count is not None:
            count(self.series, getattr(record, "details", {}), record.created)


@contextmanager
def counted_log(series: Series) -> Iterator[None]:
    """Count pole's log while the context lasts, with what is traced for that alone."""
    pole, counting = logging.getLogger("pole"), CountingLog(series)
    loggers = [logging.getLogger(name) for name in TRACED]
    levels = [logger.level for logger in loggers]
    pole.addHandler(counting)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        pole.removeHandler(counting)


def _looked(series: Series, details: Details, now: float) -> None:
    series.failures_in_a_row.set(details["failures"])
    if details["failures"]:
        series.failures.labels(details["error"]).inc()
    else:
        series.looked_at.set(now)


def _step(series: Series, details: Details, now: float) -> None:
    series.steps.labels(details["name"]).inc()
    series.stepped_at.set(now)


def _asked(series: Series, details: Details, now: float) -> None:
    outcome = details["outcome"]
    for method in details["methods"].split():
        series.requests.labels(method, outcome).inc()
    series.exchanges.labels(outcome).observe(details["seconds"])
    if outcome != "unanswered":
        series.answered_at.set(now)


def _sent(series: Series, _details: Details, _now: float) -> None:
    series.sent.inc()


def _mined(series: Series, details: Details, _now: float) -> None:
    series.mined.labels(details["outcome"]).inc()
    series.gas.inc(details["gas"])
    series.gas_cost.inc(details["wei"] / WEI_PER_ETHER)


def _transfer(direction: str) -> Callable[[Series, Details, float], None]:
    def count(series: Series, details: Details, _now: float) -> None:
        series.ipfs_bytes.labels(direction).inc(details["bytes"])
        series.ipfs_seconds.labels(direction).inc(details["seconds"])
        series.ipfs_transfers.labels(direction, details["outcome"]).inc()

    return count


def _epoch(series: Series, details: Details, _now: float) -> None:
    series.epochs.inc()
    series.loss.set(details["loss"])
    series.epoch_seconds.set(details["seconds"])


def _trained(series: Series, details: Details, _now: float) -> None:
    series.trainings.inc()
    series.training_seconds.inc(details["seconds"])


def _result(series: Series, details: Details, _now: float) -> None:
    # A verifier's has one for each committee that it sat on.
    for ending in details["ending"].split(", "):
        series.results.labels(ending).inc()
    series.paid.inc(int(details["paid"]) / WEI_PER_ETHER)
    series.lost.inc(int(details["lost"]) / WEI_PER_ETHER)


COUNTED: Final[Mapping[object, Callable[[Series, Details, float], None]]] = {
    "looked": _looked,
    "step": _step,
    "asked": _asked,
    "sent": _sent,
    "mined": _mined,
    "fetched": _transfer("fetched"),
    "added": _transfer("added"),
    "epoch": _epoch,
    "trained": _trained,
    "result": _result,
}
"""What is counted of an event besides its name; its time is in seconds since 1970."""
