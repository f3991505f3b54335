"""Table 1 and Figure 4: how evenly blocks come, of PoLe and of proof of work.

Claim: blocks of trained models come at far more even intervals than those of a proof-of-work chain of as many
processes at about the same expected time. Command: python -m experiments.table1 [--quick|--full]. Hardware: a
CPU with 2 cores. n: 50 blocks of each, one run. PoLe is the whole system: an Ethereum chain (ganache), IPFS,
5 data nodes, 3 miners and 4 verifiers, each a process, the small CNN of Table 2 over four filters (1300
samples of MNIST; 6000 in full), training accuracy 97 %, two solutions a round. The other chain has 3
processes that hash SHA-256, 2,000 hashes a second each, with Bitcoin's rule of retargeting every 10 blocks.
The paper had minutes a block; here a block takes about one, half of it training.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from statistics import mean, pvariance
from typing import Any, Final

from scripts.pages.charts import Axes, lines

from experiments.problems.pole_blocks import PARTS, Play, block_times
from experiments.problems.pow_chain import grow
from experiments.running.command_line import main
from experiments.running.records import Record, Size, best_size, read
from experiments.running.session import KEEPING, QUICK, Case, Experiment
from experiments.running.tables import table, values

MINERS: Final = 3
# Two owners take turns, two miners compete, and three verifiers are the smallest committee.
SMALL_CAST: Final = {"data_nodes": 2, "miners": 2, "verifiers": 3}
PLAYS: Final = {
    Size.QUICK: Play(1, (100, 40), SMALL_CAST, QUICK / "blocks"),
    Size.REDUCED: Play(50, (1300, 300)),
    Size.FULL: Play(50, (6000, 1000)),
}
EXPECTED: Final = {Size.QUICK: 1.0, Size.REDUCED: 72.0, Size.FULL: 72.0}
"""Seconds a block of proof of work where PoLe has not been measured."""
PAPER: Final = {"PoLe": ("222.64", "140.28", "0.0028"), "PoW": ("293.72", "130548.84", "1.5")}


def pole(size: Size, seed: int) -> Mapping[str, Any]:
    """Return the intervals of PoLe blocks and what they are made of."""
    found = block_times(PLAYS[size])
    return {"mean": mean(found["interval"]), **found}


def work(size: Size, seed: int) -> Mapping[str, Any]:
    """Return the intervals of proof-of-work blocks, at PoLe's mean where that was measured."""
    expected = EXPECTED[size] if size is Size.QUICK else measured_mean(size)
    chain = grow(MINERS, PLAYS[size].blocks, expected)
    intervals = [(later.time - earlier.time) / 1e9 for earlier, later in pairwise(chain)]
    return {"mean": mean(intervals), "expected": expected, "interval": intervals}


def measured_mean(size: Size) -> float:
    """Return PoLe's mean interval in the records of a size, in the folder of this run."""
    found = [
        record.measured["mean"]
        for record in read(KEEPING.get() / "table1.jsonl")
        if (record.size, record.setting) == (size, "PoLe")
    ]
    return float(found[-1]) if found else EXPECTED[size]


def cases(size: Size) -> Sequence[Case]:
    """PoLe first: its mean is what proof of work is set to."""
    return [Case("PoLe", partial(pole, size), "mnist"), Case("PoW", partial(work, size))]


def report(records: Sequence[Record]) -> str:
    """Return both tables in Markdown."""
    head = ["chain", "blocks", "mean s", "max s", "min s", "variance", "variance/mean²"]
    head += ["paper: mean s", "variance", "variance/mean²"]
    rows, made_of = [], []
    groups = values(best_size(records))
    for name, group in groups.items():
        seconds = [interval for run in group["interval"] for interval in run]
        numbers = [mean(seconds), max(seconds), min(seconds), pvariance(seconds)]
        relative = f"{pvariance(seconds) / mean(seconds) ** 2:.4f}"
        rows.append(
            [name, str(len(seconds)), *(f"{number:.2f}" for number in numbers), relative, *PAPER[name]]
        )
        for part in PARTS:
            if part in group:
                spent = mean(second for run in group[part] for second in run)
                made_of.append([part, f"{spent:.1f}", f"{100 * spent / mean(seconds):.0f} %"])
    told = [table(head, rows)]
    for expected in groups.get("PoW", {}).get("expected", []):
        told.append(f"Proof of work was set to {expected:.1f} s a block.")
    if made_of:
        told.append("What a PoLe block's time is made of; training is the winner's:")
        told.append(table(["part", "mean s", "of the block"], made_of))
    return "\n\n".join(told)


def pictures(records: Sequence[Record]) -> Mapping[str, str]:
    """Return the intervals, block by block."""
    curves = {
        name: [(float(number), second) for number, second in enumerate(group["interval"][0], start=1)]
        for name, group in values(best_size(records)).items()
    }
    axes = Axes("Figure 4: seconds from block to block", "block", "seconds", y_bottom=0)
    return {"figure4.svg": lines(axes, curves)}


EXPERIMENT = Experiment(
    "table1",
    "Table 1 and Figure 4: the time between blocks",
    "Blocks of trained models come at far more even intervals than those of a proof-of-work chain of as many "
    "processes at about the same expected time.\n"
    "A task has 1,300 training and 300 test samples of MNIST under four filters, for a small CNN, so that 50 "
    "blocks take little more than an hour on two cores, which three miners share.\n"
    "Training is the largest part of a block; the round ends with the second solution.",
    dict.fromkeys(Size, 1),
    cases,
    report,
    pictures,
    alone=True,
)

if __name__ == "__main__":
    main(EXPERIMENT)
