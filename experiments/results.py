"""docs/results.md and its pictures, made of the records: python -m experiments.results [--from DIR]."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from experiments import attacks, noise, table1, table2, table3, threshold, verification, warm_start
from experiments.running.environment import REPOSITORY
from experiments.running.records import Record, best_size, read
from experiments.running.session import KEPT, Experiment

PAGE: Final = REPOSITORY / "docs" / "results.md"
EXPERIMENTS: Final = tuple(
    module.EXPERIMENT
    for module in (table1, table2, table3, attacks, warm_start, threshold, verification, noise)
)
SIZES: Final = {"quick": "as a test", "reduced": "at the usual size", "full": "at the full size"}
HEAD: Final = """# The paper's experiments, repeated

Made by `python -m experiments.results` out of the records in [experiments/results](../experiments/results).
Do not edit it by hand.
`make experiments` measures what is not recorded yet and makes this page anew.
Each table can be had alone by the command under its title, in three sizes:
- `--quick`, a test of the script;
- without an option, on two cores: hours in all, most of them for the whole networks of Table 2;
- `--full`, more epochs and samples; VGG-16 wants a GPU.

Interrupted, a command goes on where it was, within a training from its last checkpoint.
`--only WORD` measures the rows that have it in their name: `python -m experiments.table2 --only VGG-16`.
A table shows the largest size that was measured of each row.
± is the standard deviation over seeds, n their number.
VGG-16 and the network of the example train for hours, and once each.
Where n is below five besides, the command under the title measures the seeds that are missing.
A column "paper" has what Lan, Liu and Li printed (arXiv 2007.15145).
What follows from all this is in [mapping-layer.md](mapping-layer.md).
"""


def page(records: dict[str, list[Record]]) -> str:
    """Return the page for each experiment's records."""
    sections = [section(experiment, records[experiment.name]) for experiment in EXPERIMENTS]
    return "\n".join([HEAD, *sections])


def section(experiment: Experiment, records: Sequence[Record]) -> str:
    """Return an experiment's part of the page."""
    lines = [f"## {experiment.title}", "", f"Claim: {experiment.claim}", ""]
    lines += [f"`python -m experiments.{experiment.name}`", ""]
    if not records:
        return "\n".join([*lines, "Not measured yet.", ""])
    lines += [experiment.report(records), ""]
    lines += [f"![{name}](results/{name})\n" for name in experiment.pictures(records)]
    return "\n".join([*lines, *origins(records), ""])


def origins(records: Sequence[Record]) -> list[str]:
    """Return where the records that are shown come from, a line for each machine, commit and size."""
    found: dict[tuple[str, ...], list[str]] = {}
    for record in best_size(records):
        told = record.environment
        threads = f"{told['threads']} thread{'s' * (told['threads'] != 1)}"
        where = f"{told['machine']}, {told['gpu'] or 'no GPU'}, torch {told['torch']} with {threads}"
        key = (record.size.value, where, told["commit"])
        found.setdefault(key, []).append(told["date"])
    return [
        f"Measured {SIZES[size]} on {where}; commit {commit}; {min(dates)} to {max(dates)}."
        for (size, where, commit), dates in found.items()
    ]


def write(folder: Path, to: Path) -> None:
    """Write the page and its pictures anew."""
    records = {each.name: read(folder / f"{each.name}.jsonl") for each in EXPERIMENTS}
    pictures = to.parent / "results"
    pictures.mkdir(parents=True, exist_ok=True)
    for experiment in EXPERIMENTS:
        if records[experiment.name]:
            for name, picture in experiment.pictures(records[experiment.name]).items():
                (pictures / name).write_text(picture)
    to.write_text(page(records))


def main() -> None:
    """Write the page as the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--from", dest="folder", type=Path, default=KEPT, help="where the records are")
    parser.add_argument("--to", type=Path, default=PAGE)
    chosen = parser.parse_args()
    write(chosen.folder, chosen.to)
    print(f"Wrote {chosen.to}.")


if __name__ == "__main__":
    main()
