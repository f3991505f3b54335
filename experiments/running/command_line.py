"""The command line of experiments: `python -m experiments.NAME [--quick|--full] [--seeds N] [--only WORD]`.

Results go to the standard output, how far a measurement is to the standard error. Exits with 130 when
interrupted, and with the exit code of the PoleError that ended it.
"""

import argparse
import logging
import math
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import torch

from experiments.running.pages import write
from experiments.running.progress import LOG
from experiments.running.records import Size
from experiments.running.session import KEPT, QUICK, Experiment, MeasureAll, Options, cases_of, in_turn, run
from pole.api.settings import default_home
from pole.errors import InputError, PoleError
from pole.learning.machine.threads import limit_threads

INTERRUPTED: Final = 130
HEAD: Final = "# Measured here\n"


def main(experiment: Experiment, arguments: Sequence[str] | None = None) -> None:
    """Run one experiment as the command line says."""
    described = f"{experiment.title}. {experiment.claim}"
    chosen = parser(f"python -m experiments.{experiment.name}", described).parse_args(arguments)
    run_all([experiment], chosen)


def run_all(experiments: Iterable[Experiment], chosen: argparse.Namespace) -> None:
    """Run those experiments that have a setting which the command line asks for, one after the other.

    Where their records are one's own, a page is made of them: of one experiment alone under its name.
    """
    logging.basicConfig(format="%(message)s")
    LOG.setLevel(logging.INFO)
    use_threads(chosen)
    # One function for all: a publisher that is away is asked once.
    report = partial(print, flush=True)
    try:
        asked = asked_for(experiments, chosen)
        with measuring(chosen) as measure_all:
            for experiment, options in asked:
                left_out = run(experiment, options, report, measure_all)
                if left_out:
                    print(f"{experiment.name}: {left_out} settings were left out.")
    except PoleError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("Interrupted; the same command goes on from here.", file=sys.stderr)
        sys.exit(INTERRUPTED)
    out, ran = out_of(chosen), [experiment for experiment, _ in asked]
    if out != KEPT:
        tables = out / f"{ran[0].name if len(ran) == 1 else 'results'}.md"
        write(HEAD, ran, out, tables)
        print(f"The tables are in {tables}.")


@contextmanager
def measuring(chosen: argparse.Namespace) -> Iterator[MeasureAll]:
    """Give what measures: this machine, and the cluster that a parsed command line names beside it.

    Raises what `opened` raises.
    """
    if chosen.cluster is None:
        yield in_turn
        return
    from experiments.running.shards import beside
    from pole.adapters.machine.cluster.opening import opened
    from pole.adapters.machine.cluster.security import require_distributed

    require_distributed()
    from pole.adapters.machine.cluster.attempt import Patience

    # Seeds take seconds or hours: none is slow.
    patience = Patience(first=math.inf, slow=math.inf)
    with opened(chosen.cluster, chosen.cluster_certificates, patience) as cluster:
        yield beside(cluster)


def asked_for(
    experiments: Iterable[Experiment], chosen: argparse.Namespace
) -> list[tuple[Experiment, Options]]:
    """Return the experiments that have a setting with the word of `--only`; raises InputError for none."""
    every = [(experiment, options_of(experiment, chosen)) for experiment in experiments]
    asked = [each for each in every if cases_of(*each)]
    if not asked:
        there = {case.setting for each, options in every for case in each.cases(options.size)}
        raise InputError(
            f"No setting has {chosen.only!r} in its name; choose a word of: {'; '.join(sorted(there))}."
        )
    return asked


def options_of(experiment: Experiment, chosen: argparse.Namespace) -> Options:
    """Return what a parsed command line means for an experiment."""
    size = size_of(chosen)
    return Options(size, chosen.seeds, out_of(chosen), chosen.only)


def out_of(chosen: argparse.Namespace) -> Path:
    """Return the folder that a parsed command line keeps records in."""
    kept: Path = chosen.out or (QUICK if size_of(chosen) is Size.QUICK else KEPT)
    return KEPT if kept.resolve() == KEPT else kept


def size_of(chosen: argparse.Namespace) -> Size:
    """Return the size that a parsed command line asks for."""
    return chosen.size or Size.REDUCED


def use_threads(chosen: argparse.Namespace) -> None:
    """Let torch and NumPy use as many threads as a parsed command line says."""
    # A test must not depend on what else the machine does: threads that wait for each other cost most.
    usual = 1 if size_of(chosen) is Size.QUICK else os.cpu_count() or 1
    torch.set_num_threads(chosen.threads or usual)
    limit_threads(chosen.threads or usual)


def parser(command: str, description: str) -> argparse.ArgumentParser:
    """Return the parser of a command's options."""
    found = argparse.ArgumentParser(
        prog=command, description=description, epilog=f"Example: {command} --quick --seeds 2"
    )
    sizes = found.add_mutually_exclusive_group()
    for size, meaning in (
        (Size.QUICK, "a test of the experiment, in seconds to minutes"),
        (Size.FULL, "the paper's size, which wants a GPU for VGG-16"),
    ):
        sizes.add_argument(f"--{size}", dest="size", action="store_const", const=size, help=meaning)
    found.add_argument(
        "--seeds", type=positive_number, metavar="N", help="how often each setting is measured"
    )
    found.add_argument("--only", default="", metavar="WORD", help="settings with this in their name alone")
    found.add_argument(
        "--threads",
        type=positive_number,
        metavar="N",
        help="of the processor (default: all cores, 1 with --quick)",
    )
    found.add_argument(
        "--cluster",
        metavar="ADDRESS",
        default=os.environ.get("POLE_CLUSTER"),
        help="scheduler whose workers measure seeds too: see docs/scaling.md (default: $POLE_CLUSTER)",
    )
    found.add_argument(
        "--cluster-certificates",
        type=Path,
        metavar="DIR",
        default=os.environ.get("POLE_CLUSTER_CERTIFICATES") or default_home() / "cluster" / "client",
        help="folder `client` of `pole cluster certificates` (default: $POLE_CLUSTER_CERTIFICATES, or in "
        "the data folder)",
    )
    found.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="where records are kept, and their tables: what is recorded there is not measured again "
        "(default: experiments/results, with its tables in docs; build/experiments with --quick)",
    )
    return found


def positive_number(text: str) -> int:
    """Return the number that an option gives; argparse refuses what is none or less than 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not 1 or more")
    return number
