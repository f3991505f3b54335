"""Every experiment in turn, then docs/results.md: python -m experiments [--quick|--full|--list]."""

import sys
from collections.abc import Sequence

from experiments.records import Size
from experiments.results import EXPERIMENTS, PAGE, write
from experiments.session import KEPT, QUICK, main


def all_of(arguments: Sequence[str]) -> None:
    """Run all experiments with the same options; measurements at more than the quick size make the page."""
    if "--list" in arguments:
        for experiment in EXPERIMENTS:
            print(f"{experiment.name:<14}{experiment.title}")
        return
    for experiment in EXPERIMENTS:
        main(experiment, arguments)
    if f"--{Size.QUICK}" in arguments:
        write(QUICK, QUICK / "results.md")
    elif "--out" not in arguments:
        write(KEPT, PAGE)


if __name__ == "__main__":
    all_of(sys.argv[1:])
