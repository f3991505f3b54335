"""Noise on features: what it leaves to learn, what it leaves to attack, and what it guarantees.

Claim: noise that costs one to four points of test score multiplies the best attack's error by two to thirty,
to a fifth of guessing's; an epsilon of a few hundred, of the own samples alone, costs images most of what
there is to learn. Command: python -m experiments.noise [--quick|--full]. Hardware: a CPU with 2 cores. n: 5
seeds, which draw query vectors, noise, split and start. Attackers know 5,000 samples (all of
the training set where it is smaller) and are judged on 400 of the test set.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import isinf
from statistics import mean
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scripts.pages.charts import Axes, lines

from experiments.problems.data import Problem, dataset, round_seed, split
from experiments.problems.learning import learn
from experiments.running.command_line import main
from experiments.running.environment import REPOSITORY
from experiments.running.records import Record, Size, best_size
from experiments.running.session import Case, Experiment
from experiments.running.tables import spread, table, values
from pole.learning.data.datasets import DataSet, subset
from pole.learning.data.noise import with_noise
from pole.learning.data.quantisation import apply, fit
from pole.learning.privacy.disclosure import HELD_OUT, KNOWN, STEPS, reconstruct
from pole.learning.privacy.noise import epsilon, rho_of_any, rho_of_own
from pole.learning.privacy.views import View
from pole.learning.training.recipe import TrainingSettings
from pole.protocol.mapping.layer import arrange, data_plan, inner_products_in_clear, query_plan
from pole.protocol.models.specification import ModelSpecification, parse_specification

DELTA: Final = 1e-5
PAIRED: Final = 10_000
"""Training samples of which the two furthest apart are looked for."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A data set with its example specification, and the deviations of noise that are tried.

    `largest` is the largest value that anybody would expect of a sample, `epochs` how long is trained.
    """

    name: str
    title: str
    deviations: tuple[int, ...]
    largest: int
    epochs: int
    published: bool = False

    def data(self, size: Size, seed: int) -> DataSet:
        """Return the data set, a part of MNIST in the quick size."""
        if not self.published:
            return split(self.name, seed)
        return dataset(self.name, 2000, 500) if size is Size.QUICK else dataset(self.name)

    def specification(self, deviation: int) -> ModelSpecification:
        """Return the example specification with so much noise."""
        file = REPOSITORY / "examples" / f"{self.name.replace('_', '-')}-mlp.json"
        plain = parse_specification(file.read_bytes())
        if not deviation:
            return plain
        noisy = plain.mapping.model_copy(update={"noise": deviation})
        return plain.model_copy(update={"version": 2, "mapping": noisy})


SUBJECTS: Final = (
    Subject("mnist", "MNIST, 4x32", (0, 100, 300, 1000, 3000, 10_000, 30_000), 255, 6, published=True),
    Subject("digits", "digits, 32", (0, 3, 10, 30, 100, 300, 1000), 16, 60),
    Subject("breast_cancer", "breast cancer, 24 (AUC)", (0, 10, 30, 100, 300, 1000, 3000), 255, 60),
)
NOTES: Final = """

Noise is the standard deviation of what is added to a feature, in units of the inner product.
Errors are squared.
The best of the attacks of `pole data privacy` counts, and the best guess without any feature.
Attackers know 5,000 training samples, or all where there are fewer, and are judged on 400 test samples.
ε is for one task and δ = 10⁻⁵.
"Any two samples" have values from 0 to 255, of the digits to 16: a guarantee.
"Own samples" are the two of 10,000 training samples whose features are furthest apart.
That is no guarantee, and with all samples it would be none either."""
QUICK: Final = (("digits", (0, 100)), ("mnist", (3000,)))


def measure(subject: Subject, deviation: int, size: Size, seed: int) -> Mapping[str, Any]:
    """Train on noisy features, attack them, and account for the noise."""
    data, specification = subject.data(size, seed), subject.specification(deviation)
    problem = problem_of(data, specification, seed)
    epochs = 3 if size is Size.QUICK else subject.epochs
    learned = learn(problem, TrainingSettings(), epochs=epochs, random_seed=seed)
    view = View(data_plan(specification, round_seed(seed)), deviation)
    part = subset(data, min(KNOWN, len(data.x_train)), min(HELD_OUT, len(data.x_test)), seed)
    steps = 20 if size is Size.QUICK else STEPS
    found = reconstruct(part, [view], bits=specification.input.bits, steps=steps, seed=seed).measure
    return {
        "test": learned.test,
        "mse": found.attack.mse,
        "guessedMse": found.guess.mse,
        "exact": 100 * found.attack.exact,
        "guessedExact": 100 * found.guess.exact,
        **guarantees(subject, view, data, specification.input.bits),
    }


def problem_of(data: DataSet, specification: ModelSpecification, seed: int) -> Problem:
    """Return what a miner gets: features with the noise that the specification asks for."""
    fitted, random = fit(data.x_train, specification.input.bits), np.random.default_rng(seed)
    plan = query_plan(specification, round_seed(seed))

    def features(x: NDArray[Any]) -> NDArray[np.int64]:
        noisy = with_noise(apply(fitted, x).values, specification, random.bytes)
        return arrange(inner_products_in_clear(plan, noisy), specification)

    train, test = features(data.x_train), features(data.x_test)
    return Problem(specification, round_seed(seed), train, data.y_train, test, data.y_test)


def guarantees(subject: Subject, view: View, data: DataSet, bits: int) -> Mapping[str, Any]:
    """Return epsilon for any two samples, and for the two of the data that are furthest apart."""
    if not view.noise:
        return {"epsilonAny": None, "epsilonOwn": None}
    samples = apply(fit(data.x_train, bits), data.x_train[:PAIRED]).values
    return {
        "epsilonAny": epsilon(rho_of_any([view], samples.shape[1], subject.largest), DELTA),
        "epsilonOwn": epsilon(rho_of_own([view], samples), DELTA),
    }


def cases(size: Size) -> Sequence[Case]:
    """One setting a data set and deviation."""
    chosen = QUICK if size is Size.QUICK else [(each.name, each.deviations) for each in SUBJECTS]
    subjects = {each.name: each for each in SUBJECTS}
    return [
        Case(
            f"{subjects[name].title}, noise {deviation}",
            partial(measure, subjects[name], deviation, size),
            data=name if subjects[name].published else None,
        )
        for name, deviations in chosen
        for deviation in deviations
    ]


def report(records: Sequence[Record]) -> str:
    """Return the table in Markdown."""
    head = ["data, query vectors, noise", "test score %", "attacker's error, of guessing's", "values exact %"]
    head += ["guessed %", "ε, any two samples", "ε, own samples", "n"]
    rows = []
    for name, group in values(best_size(records)).items():
        rows.append(
            [
                name,
                spread(group["test"]),
                f"{spread(relative_errors(group))} %",
                spread(group["exact"]),
                spread(group["guessedExact"]),
                told(group["epsilonAny"]),
                told(group["epsilonOwn"]),
                str(len(group["test"])),
            ]
        )
    return table(head, rows) + NOTES


def relative_errors(group: Mapping[str, list[Any]]) -> list[float]:
    """Return the best attack's squared error in percent of the best guess's, one a seed."""
    return [100 * mse / guess for mse, guess in zip(group["mse"], group["guessedMse"], strict=True)]


def told(epsilons: Sequence[float | None]) -> str:
    """Return the mean epsilon to two digits, or that there is none."""
    known = [each for each in epsilons if each is not None and not isinf(each)]
    return f"{float(f'{mean(known):.2g}'):,.10g}" if known else "none"


def pictures(records: Sequence[Record]) -> Mapping[str, str]:
    """Return the test score by the attacker's error, a point for each amount of noise."""
    curves: dict[str, list[tuple[float, float]]] = {}
    for name, group in values(best_size(records)).items():
        points = curves.setdefault(name.rpartition(", noise ")[0], [])
        points.append((mean(relative_errors(group)), mean(group["test"])))
    axes = Axes(
        "What is learned through noise, by what is left to attack",
        "the best attack's squared error, in % of guessing's",
        "test score %",
    )
    return {"noise.svg": lines(axes, curves)}


EXPERIMENT = Experiment(
    "noise",
    "Noise on features",
    "Noise that costs one to four points of test score multiplies the best attack's error by two to thirty, "
    "to about a fifth of guessing's.\n"
    "An ε of a few hundred, of the own samples alone, costs images most of what there is to learn, and the "
    "table eleven points.",
    {Size.QUICK: 1, Size.REDUCED: 5, Size.FULL: 10},
    cases,
    report,
    pictures,
)

if __name__ == "__main__":
    main(EXPERIMENT)
