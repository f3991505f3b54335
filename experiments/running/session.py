"""Running an experiment: every setting, seed after seed.

The reduced size is what two cores do in hours. Measurements that are there already are skipped, so the same
command again goes on where it was interrupted.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Final

from experiments.running.environment import REPOSITORY, commit, environment, instructions
from experiments.running.progress import LOG, now_and_then, of_download
from experiments.running.records import Record, Size, append, read
from pole.adapters.storage.data_publishers import PUBLISHED, fetch, is_here
from pole.errors import PoleError
from pole.learning.data.datasets import data_directory, fetched_directory

KEPT: Final = REPOSITORY / "experiments" / "results"
QUICK: Final = REPOSITORY / "build" / "experiments"
KEEPING: Final = ContextVar("KEEPING", default=KEPT)
"""The folder of the records of the run under way, for what is set by what was measured before it."""


@dataclass(frozen=True, slots=True)
class Case:
    """One setting: `measure(seed)` returns its numbers; `data` names the published data set that it needs.

    `seeds` is how often it is measured, where that is not the experiment's own number. `forget(seed)` drops
    what the measurement could be taken up from, once its record is on disk.
    """

    setting: str
    measure: Callable[[int], Mapping[str, Any]]
    data: str | None = None
    seeds: int | None = None
    forget: Callable[[int], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Experiment:
    """A table or figure: what is measured in which sizes, and how it is told in Markdown and pictures.

    `seeds` says how often each setting is measured, on this machine alone where it is `alone`. `report` makes
    Markdown of the records, `pictures` SVG documents by file name.
    """

    name: str
    title: str
    claim: str
    seeds: Mapping[Size, int]
    cases: Callable[[Size], Sequence[Case]]
    report: Callable[[Sequence[Record]], str]
    pictures: Callable[[Sequence[Record]], Mapping[str, str]] = lambda _: {}
    alone: bool = False


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


Wanted = Iterable[tuple[Case, int]]
"""Settings and seeds that have no record yet."""
MeasureAll = Callable[[Experiment, Size, Wanted, Callable[[Record], None]], None]
"""Measures what is wanted of an experiment in a size, and has each record kept, by any thread."""


def record_of(experiment: Experiment, size: Size, case: Case, seed: int) -> Record:
    """Return the record of a seed, measured on this machine."""
    LOG.info("%s: is being measured", _name(experiment.name, case.setting, seed))
    code, fast_by, started = commit(), instructions(), time.perf_counter()
    measured = case.measure(seed)
    seconds = round(time.perf_counter() - started, 2)
    return Record(experiment.name, size, case.setting, seed, measured, environment(code, fast_by), seconds)


def in_turn(experiment: Experiment, size: Size, wanted: Wanted, keep: Callable[[Record], None]) -> None:
    """Measure one seed after the other on this machine."""
    for case, seed in wanted:
        keep(record_of(experiment, size, case, seed))


def planned(experiment: Experiment, options: Options) -> list[tuple[int, Case]]:
    """Return what is to be measured in this order: every setting with a seed, then with the next one."""
    usual = experiment.seeds[options.size]
    asked = [(case, options.seeds or case.seeds or usual) for case in cases_of(experiment, options)]
    largest = max((count for _, count in asked), default=0)
    return [(seed, case) for seed in range(largest) for case, count in asked if seed < count]


def run(
    experiment: Experiment,
    options: Options,
    report: Callable[[str], None],
    measure_all: MeasureAll = in_turn,
) -> int:
    """Measure what is missing; return how many settings were left out because their data are not here."""
    path = options.out / f"{experiment.name}.jsonl"
    by_setting = {case.setting: case for case in cases_of(experiment, options)}
    left_out: set[str] = set()
    keeping = Lock()

    def wanted() -> Iterator[tuple[Case, int]]:
        for seed, case in planned(experiment, options):
            name = _name(experiment.name, case.setting, seed)
            # Read anew: another command may measure beside this one.
            if (options.size, case.setting, seed) in {record.key for record in read(path)}:
                report(f"{name}: is there already")
            elif not provide(case.data, options.size, report):
                left_out.add(case.setting)
                report(f"{name}: skipped, the data set {case.data} is not here (see `pole data fetch`)")
            else:
                yield case, seed

    def keep(record: Record) -> None:
        name = _name(record.experiment, record.setting, record.seed)
        with keeping:
            if append(path, record):
                report(f"{name}: {_short(record.measured)} ({record.seconds:.0f} s)")
            else:
                report(f"{name}: was measured by another command meanwhile, whose record is kept")
            by_setting[record.setting].forget(record.seed)

    before = KEEPING.set(options.out)
    try:
        measure_all(experiment, options.size, wanted(), keep)
    finally:
        KEEPING.reset(before)
    return len(left_out)


def _name(experiment: str, setting: str, seed: int) -> str:
    return f"{experiment}: {setting}, seed {seed}"


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
