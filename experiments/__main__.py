"""Every experiment in turn, then docs/results.md: python -m experiments [--quick|--full|--list] ..."""

from collections.abc import Sequence

from experiments.results import EXPERIMENTS, PAGE, write
from experiments.running.command_line import parser, run_all, size_of
from experiments.running.records import Size
from experiments.running.session import KEPT, QUICK


def all_of(arguments: Sequence[str] | None = None) -> None:
    """Run all experiments with the same options; measurements at more than the quick size make the page."""
    options = parser("python -m experiments", "Every experiment in turn, then docs/results.md.")
    options.add_argument("--list", action="store_true", help="list the experiments and run none")
    chosen = options.parse_args(arguments)
    if chosen.list:
        for experiment in EXPERIMENTS:
            print(f"{experiment.name:<14}{experiment.title}")
        return
    run_all(EXPERIMENTS, chosen)
    if size_of(chosen) is Size.QUICK:
        write(QUICK, QUICK / "results.md")
    elif chosen.out is None:
        write(KEPT, PAGE)


if __name__ == "__main__":
    all_of()
