"""Markdown tables, and numbers with their spread over seeds."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import mean, stdev
from typing import Any

from experiments.running.records import Record


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def spread(numbers: Sequence[float], digits: int = 1) -> str:
    """Return the mean and, of more than one number, the standard deviation."""
    if len(numbers) < 2:
        return f"{numbers[0]:.{digits}f}"
    return f"{mean(numbers):.{digits}f} ± {stdev(numbers):.{digits}f}"


def values(records: Iterable[Record]) -> Mapping[str, Mapping[str, list[Any]]]:
    """Return what was measured for each setting: by name, one value a seed."""
    found: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        for name, value in record.measured.items():
            found[record.setting][name].append(value)
    return found
