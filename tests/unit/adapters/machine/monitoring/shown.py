"""What Prometheus reads of a registry, as tests compare it."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import urlopen

from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from pole.adapters.machine.monitoring.counting import counted_log
from pole.adapters.machine.monitoring.series import Series


@contextmanager
def counted() -> Iterator[CollectorRegistry]:
    """Count the log of this process; give the registry that has what was counted."""
    registry = CollectorRegistry()
    with counted_log(Series(registry)):
        yield registry


def read(url: str) -> dict[str, float]:
    """Return the samples that an endpoint shows, by name with labels in the order of their names."""
    text = urlopen(url, timeout=5).read().decode()
    return {
        _named(sample.name, sample.labels): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def _named(name: str, labels: dict[str, str]) -> str:
    inner = ",".join(f"{key}={labels[key]}" for key in sorted(labels))
    return f"{name}{{{inner}}}" if inner else name
