"""docs/results.md and its pictures, made of the records: python -m experiments.results [--from DIR]."""

import argparse
from pathlib import Path
from typing import Final

from experiments import attacks, noise, table1, table2, table3, threshold, verification, warm_start
from experiments.running.environment import REPOSITORY
from experiments.running.pages import write
from experiments.running.session import KEPT

PAGE: Final = REPOSITORY / "docs" / "results.md"
EXPERIMENTS: Final = tuple(
    module.EXPERIMENT
    for module in (table1, table2, table3, attacks, warm_start, threshold, verification, noise)
)
HEAD: Final = """# The paper's experiments, repeated

Made by `python -m experiments.results` out of the records in [experiments/results](../experiments/results).
Do not edit it by hand.
`make experiments` measures what is not recorded yet and makes this page anew.
The command under its title repeats a table alone and from nothing.
It keeps its records in a folder of yours, and makes a page of them there.
A training that another folder's run left unfinished is taken up.
Without `--out` it measures what is missing here.
There are three sizes:
- `--quick`, a test of the script;
- without an option, on two cores: hours in all, most of them for the whole networks of Table 2;
- `--full`, more epochs and samples; VGG-16 wants a GPU.

Interrupted, a command goes on where it was, within a training from its last checkpoint.
`--only WORD` measures the rows that have it in their name: `python -m experiments.table2 --only VGG-16`.
A table shows the largest size that was measured of each row.
± is the standard deviation over seeds, n their number.
VGG-16 and the network of the example are trained once.
Each of those trainings took 18 to 67 minutes, and five of each would take 34 hours.
A column "paper" has what Lan, Liu and Li printed (arXiv 2007.15145).
What follows from all this is in [mapping-layer.md](mapping-layer.md).
"""


def main() -> None:
    """Write the page as the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--from", dest="folder", type=Path, default=KEPT, help="where the records are")
    parser.add_argument("--to", type=Path, default=PAGE)
    chosen = parser.parse_args()
    write(HEAD, EXPERIMENTS, chosen.folder, chosen.to)
    print(f"Wrote {chosen.to}.")


if __name__ == "__main__":
    main()
