"""Every experiment in turn, then docs/results.md: python -m experiments [--quick|--full|--list] ..."""

from collections.abc import Sequence

from experiments.results import EXPERIMENTS, HEAD, PAGE
from experiments.running.command_line import out_of, parser, run_all
from experiments.running.pages import write
from experiments.running.session import KEPT


def all_of(arguments: Sequence[str] | None = None) -> None:
    """Run all experiments with the same options."""
    options = parser("python -m experiments", "Every experiment in turn, then docs/results.md.")
    options.add_argument("--list", action="store_true", help="list the experiments and run none")
    chosen = options.parse_args(arguments)
    if chosen.list:
        for experiment in EXPERIMENTS:
            print(f"{experiment.name:<14}{experiment.title}")
        return
    run_all(EXPERIMENTS, chosen)
    if out_of(chosen) == KEPT:
        write(HEAD, EXPERIMENTS, KEPT, PAGE)


if __name__ == "__main__":
    all_of()
