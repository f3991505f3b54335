"""Attacks on the secure mapping layer: an old solution carried over to a new round of the same data.

Claim: a linear map from new features to old ones, fitted on some hundred samples in a second, gives an old
model most of its accuracy back under any seed, for every kind of layer and every setting tried; normalising
the new features anew does not. So the layer fixes when training can start, not that it has to be done again.
Command: python -m experiments.attacks [--quick|--full]. Hardware: a CPU with 2 cores. n: 5 seeds, each
replaced by one other, on MNIST (60,000; 10,000 for `conv`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from statistics import mean
from typing import Any, Final

from scripts.pages.charts import Axes, lines

from experiments.problems.corrections import least_squares
from experiments.problems.data import Problem, round_seed
from experiments.problems.learning import Learned, accuracy
from experiments.problems.victims import BETTER, PAPER, Variant
from experiments.running.command_line import main
from experiments.running.records import Record, Size, best_size
from experiments.running.session import Case, Experiment
from experiments.running.tables import spread, table, values
from pole.learning.evaluation.features import fit_feature_map
from pole.protocol.models.specification import disclosed_rank

ELSEWHERE: Final = 2_000_000
KNOWN: Final = (50, 200, 1000, 5000)
"""Samples that the attacker has features of both layers of; a miner of the old round has all of them."""
KNOWN_IMAGES: Final = (5, 20, 100, 500)
QUICK: Final = ("blocks 4x32", "conv 3x3 L=4, signed")


def measure(variant: Variant, size: Size, seed: int) -> Mapping[str, Any]:
    """Train under one seed, replace the layer, and try to get the accuracy back."""
    old = variant.problem(size, round_seed(seed))
    new = variant.problem(size, round_seed(ELSEWHERE + seed))
    victim = variant.train(size, old, seed)
    known = [count for count in known_samples(variant) if count <= len(old.y_train)]
    return {
        "train": victim.train,
        "test": victim.test,
        "replaced": accuracy(victim.model, new.x_test, new.y_test),
        "normalisedAnew": normalised_anew(victim, new),
        "corrected": [[count, corrected(victim, old, new, count)] for count in known],
        "disclosed": min(
            disclosed_rank(variant.specification) + variant.signed, variant.specification.dimension
        ),
    }


def known_samples(variant: Variant) -> tuple[int, ...]:
    """Return how many samples corrections are fitted on."""
    return KNOWN_IMAGES if variant.is_image else KNOWN


def normalised_anew(victim: Learned, new: Problem) -> float:
    """Return the old model's accuracy with the normalisation of the new features."""
    model = replace(victim.model, feature_map=fit_feature_map(new.x_train))
    return accuracy(model, new.x_test, new.y_test)


def corrected(victim: Learned, old: Problem, new: Problem, count: int) -> float:
    """Return the old model's accuracy on new features led back to old ones."""
    back = least_squares(new.x_train[:count], old.x_train[:count])
    return accuracy(victim.model, back(new.x_test), new.y_test)


def cases(size: Size) -> Sequence[Case]:
    """One setting a layer."""
    variants = {**PAPER, **BETTER}
    if size is Size.QUICK:
        variants = {name: variants[name] for name in QUICK}
    return [Case(name, partial(measure, variant, size), data="mnist") for name, variant in variants.items()]


def report(records: Sequence[Record]) -> str:
    """Return the table in Markdown."""
    head = ["layer", "own seed %", "another seed %", "normalised anew %"]
    head += ["corrected, few samples %", "more %", "most %", "rank given away", "n"]
    rows = []
    for name, group in values(best_size(records)).items():
        by_count = list(zip(*group["corrected"], strict=True))
        minimum, middle, maximum = by_count[0], by_count[len(by_count) // 2], by_count[-1]
        cells = [
            f"{spread([share for _, share in column])} ({column[0][0]:,})"
            for column in (minimum, middle, maximum)
        ]
        plain = [spread(group[key]) for key in ("test", "replaced", "normalisedAnew")]
        rows.append([name, *plain, *cells, str(group["disclosed"][0]), str(len(group["test"]))])
    return table(head, rows)


def pictures(records: Sequence[Record]) -> Mapping[str, str]:
    """Return the accuracy of an old model, corrected, by the samples that were known."""
    curves = {}
    for name, group in values(best_size(records)).items():
        if name in PAPER:
            columns = zip(*group["corrected"], strict=True)
            curves[name] = [(column[0][0], mean(share for _, share in column)) for column in columns]
    axes = Axes(
        "An old model over a linear correction", "samples known of both layers", "test %", 0, 100, "log"
    )
    return {"attacks-correction.svg": lines(axes, curves)} if curves else {}


EXPERIMENT = Experiment(
    "attacks",
    "Attacks on the mapping layer",
    "A linear correction fitted in a second carries an old solution of the same data over to a new seed, for "
    "every layer tried, but for 11 to 20 points where it gives away 32 features alone.\n"
    "Rows of `conv` layers have 10,000 training and 2,000 test images, so that a seed takes a minute or two; "
    "all others have the whole of MNIST.",
    {Size.QUICK: 1, Size.REDUCED: 5, Size.FULL: 10},
    cases,
    report,
    pictures,
)

if __name__ == "__main__":
    main(EXPERIMENT)
