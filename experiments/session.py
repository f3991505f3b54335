"""Running an experiment: every setting, seed after seed.

The reduced size is what two cores do in hours. Measurements that are there already are skipped, so the same
command again goes on where it was interrupted.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from experiments.environment import REPOSITORY, environment
from experiments.progress import LOG, now_and_then, of_download
from experiments.records import Record, Size, append, read
from pole.adapters.storage.data_publishers import PUBLISHED, fetch, is_here
from pole.errors import PoleError
from pole.learning.data.datasets import data_directory, fetched_directory

KEPT: Final = REPOSITORY / "experiments" / "results"
QUICK: Final = REPOSITORY / "build" / "experiments"


@dataclass(frozen=True, slots=True)
class Case:
    """One setting: `measure(seed)` returns its numbers; `data` names the published data set that it needs.

    `seeds` is how often it is measured, where that is not the experiment's own number.
    """

    setting: str
    measure: Callable[[int], Mapping[str, Any]]
    data: str | None = None
    seeds: int | None = None


@dataclass(frozen=True, slots=True)
class Experiment:
    """A table or figure: what is measured in which sizes, and how it is told in Markdown and pictures.

    `seeds` says how often each setting is measured. `report` makes Markdown of the records, `pictures` SVG
    documents by file name.
    """

    name: str
    title: str
    claim: str
    seeds: Mapping[Size, int]
    cases: Callable[[Size], Sequence[Case]]
    report: Callable[[Sequence[Record]], str]
    pictures: Callable[[Sequence[Record]], Mapping[str, str]] = lambda _: {}


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for; without `seeds`, each setting's own number of them."""

    size: Size
    seeds: int | None
    out: Path
    only: str = ""


def cases_of(experiment: Experiment, options: Options) -> list[Case]:
    """Return the settings of an experiment that have the word of the options in their name, in any case."""
    word = options.only.lower()
    return [case for case in experiment.cases(options.size) if word in case.setting.lower()]


def planned(experiment: Experiment, options: Options) -> list[tuple[int, Case]]:
    """Return what is to be measured in this order: every setting with a seed, then with the next one."""
    usual = experiment.seeds[options.size]
    asked = [(case, options.seeds or case.seeds or usual) for case in cases_of(experiment, options)]
    largest = max((count for _, count in asked), default=0)
    return [(seed, case) for seed in range(largest) for case, count in asked if seed < count]


def run(experiment: Experiment, options: Options, report: Callable[[str], None]) -> int:
    """Measure what is missing; return how many settings were left out because their data are not here."""
    path = options.out / f"{experiment.name}.jsonl"
    there = {record.key for record in read(path)}
    left_out = set()
    for seed, case in planned(experiment, options):
        name = f"{experiment.name}: {case.setting}, seed {seed}"
        if (options.size, case.setting, seed) in there:
            report(f"{name}: is there already")
        elif not provide(case.data, options.size, report):
            left_out.add(case.setting)
            report(f"{name}: skipped, the data set {case.data} is not here (see `pole data fetch`)")
        else:
            LOG.info("%s: is being measured", name)
            started = time.perf_counter()
            measured = case.measure(seed)
            seconds = round(time.perf_counter() - started, 2)
            record = Record(
                experiment.name, options.size, case.setting, seed, measured, environment(), seconds
            )
            append(path, record)
            report(f"{name}: {_short(measured)} ({seconds:.0f} s)")
    return len(left_out)


def provide(name: str | None, size: Size, report: Callable[[str], None]) -> bool:
    """Return whether a published data set is here, after fetching it where that can be done.

    The quick size is a test, which does not depend on anybody's server.
    """
    folder = data_directory(os.environ, Path.cwd()) or fetched_directory()
    if name is None or is_here(name, folder):
        return True
    if size is Size.QUICK:
        return False
    problem = _fetch(name, folder, report)
    if problem:
        report(problem)
    return not problem


@cache
def _fetch(name: str, folder: Path, report: Callable[[str], None]) -> str:
    """Fetch a data set, once; return why that failed, or nothing."""
    report(f"Fetching {name} into {folder}")
    try:
        fetch(PUBLISHED[name], folder / name, of_download(now_and_then()))
    except PoleError as error:
        return str(error)
    return ""


def _short(measured: Mapping[str, Any]) -> str:
    numbers = {name: value for name, value in measured.items() if isinstance(value, int | float)}
    return ", ".join(f"{name} {value:.4g}" for name, value in numbers.items())
