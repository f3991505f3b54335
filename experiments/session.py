"""Running an experiment: `python -m experiments.NAME [--quick|--full] [--seeds N] [--out DIR] [--only WORD]`.

Without --quick or --full the size is what two cores do in about an hour. Measurements that are there already
are skipped, so the same command again goes on where it was interrupted.
"""

import argparse
import logging
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import torch

from experiments.environment import REPOSITORY, environment
from experiments.progress import LOG, now_and_then, of_download
from experiments.records import Record, Size, append, read
from pole.adapters.data_publishers import PUBLISHED, fetch, is_here
from pole.errors import PoleError
from pole.learning.datasets import data_directory, fetched_directory
from pole.learning.threads import limit_threads

KEPT: Final = REPOSITORY / "experiments" / "results"
QUICK: Final = REPOSITORY / "build" / "experiments"


@dataclass(frozen=True, slots=True)
class Case:
    """One setting: `measure(seed)` returns its numbers; `data` names the published data set that it needs."""

    setting: str
    measure: Callable[[int], Mapping[str, Any]]
    data: str | None = None


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
    """What the command line asks for."""

    size: Size
    seeds: int
    out: Path
    only: str = ""


def run(experiment: Experiment, options: Options, tell: Callable[[str], None]) -> int:
    """Measure what is missing; return how many settings were left out because their data are not here."""
    path = options.out / f"{experiment.name}.jsonl"
    there = {record.key for record in read(path)}
    left_out = set()
    for seed in range(options.seeds):
        for case in experiment.cases(options.size):
            if options.only not in case.setting:
                continue
            name = f"{experiment.name}: {case.setting}, seed {seed}"
            if (options.size, case.setting, seed) in there:
                tell(f"{name}: is there already")
            elif not provide(case.data, options.size, tell):
                left_out.add(case.setting)
                tell(f"{name}: skipped, the data set {case.data} is not here (see `pole data fetch`)")
            else:
                LOG.info("%s: is being measured", name)
                started = time.perf_counter()
                measured = case.measure(seed)
                seconds = round(time.perf_counter() - started, 2)
                record = Record(
                    experiment.name, options.size, case.setting, seed, measured, environment(), seconds
                )
                append(path, record)
                tell(f"{name}: {_short(measured)} ({seconds:.0f} s)")
    return len(left_out)


def main(experiment: Experiment, arguments: Sequence[str] | None = None) -> None:
    """Run an experiment as the command line says: results on stdout, how far it is on stderr."""
    logging.basicConfig(format="%(message)s")
    LOG.setLevel(logging.INFO)
    try:
        options = parse(experiment, arguments)
        left_out = run(experiment, options, lambda line: print(line, flush=True))
    except PoleError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("Interrupted; the same command goes on from here.")
    if left_out:
        print(f"{left_out} settings were left out.")


def parse(experiment: Experiment, arguments: Sequence[str] | None = None) -> Options:
    """Return the options that a command line gives."""
    parser = argparse.ArgumentParser(
        prog=f"python -m experiments.{experiment.name}", description=f"{experiment.title}. {experiment.claim}"
    )
    sizes = parser.add_mutually_exclusive_group()
    for size in (Size.QUICK, Size.FULL):
        sizes.add_argument(f"--{size}", dest="size", action="store_const", const=size)
    parser.add_argument("--seeds", type=int, help="how often each setting is measured")
    parser.add_argument("--only", default="", metavar="WORD", help="settings with this in their name alone")
    parser.add_argument("--threads", type=int, help="of the processor (default: all cores, 1 with --quick)")
    parser.add_argument(
        "--out",
        type=Path,
        help="where records are kept (default: experiments/results, build/experiments with --quick)",
    )
    chosen = parser.parse_args(arguments)
    size = chosen.size or Size.REDUCED
    # A test must not depend on what else the machine does: threads that wait for each other cost most.
    threads = chosen.threads or (1 if size is Size.QUICK else os.cpu_count() or 1)
    torch.set_num_threads(threads)
    limit_threads(threads)
    out = chosen.out or (QUICK if size is Size.QUICK else KEPT)
    return Options(size, chosen.seeds or experiment.seeds[size], out, chosen.only)


def provide(name: str | None, size: Size, tell: Callable[[str], None]) -> bool:
    """Return whether a published data set is here, after fetching it where that can be done.

    The quick size is a test, which does not depend on anybody's server.
    """
    folder = data_directory(os.environ, Path.cwd()) or fetched_directory(os.environ)
    if name is None or is_here(name, folder):
        return True
    if size is Size.QUICK:
        return False
    problem = _fetch(name, folder, tell)
    if problem:
        tell(problem)
    return not problem


@cache
def _fetch(name: str, folder: Path, tell: Callable[[str], None]) -> str:
    """Fetch a data set, once; return why that failed, or nothing."""
    tell(f"Fetching {name} into {folder}")
    try:
        fetch(PUBLISHED[name], folder / name, of_download(now_and_then()))
    except PoleError as error:
        return str(error)
    return ""


def _short(measured: Mapping[str, Any]) -> str:
    numbers = {name: value for name, value in measured.items() if isinstance(value, int | float)}
    return ", ".join(f"{name} {value:.4g}" for name, value in numbers.items())
