"""Every attack of this folder on one data set, side by side: what an owner is told, and what a buyer gets."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pole.learning.data.datasets import DataSet
from pole.learning.data.quantisation import apply, fit
from pole.learning.privacy.decoder import train_decoder
from pole.learning.privacy.measure import AttackMeasure, Best
from pole.learning.privacy.reconstruction import (
    Floats,
    Likeness,
    fit_linear_attack,
    least_squares,
    likeness,
    rounded_one_by_one,
    snapped,
    within_hull,
)
from pole.learning.privacy.search import search
from pole.learning.privacy.views import View, answers, matrix_of, noise_of

KNOWN: Final = 5000
HELD_OUT: Final = 400
STEPS: Final = 200
MAX_PRODUCTS: Final = 2**36
"""Multiplications above which an attack that solves for samples one column after another is left out."""


@dataclass(frozen=True, slots=True, eq=False)
class Reconstruction:
    """What one attack makes of the first held-out samples, (n, D) between 0 and 1, and how good it is."""

    method: str
    samples: Floats
    likeness: Likeness


@dataclass(frozen=True, slots=True, eq=False)
class Disclosure:
    """Held-out samples (n, D) between 0 and 1, and their reconstructions.

    `guesses` know no answer, `attacks` do; which were too much work is in `left_out`. Attackers know so many
    `known` samples.
    """

    samples: Floats
    guesses: tuple[Reconstruction, ...]
    attacks: tuple[Reconstruction, ...]
    left_out: tuple[str, ...]
    known: int

    @property
    def measure(self) -> AttackMeasure:
        """Return the best of all attacks, and of guessing, in each respect."""
        return AttackMeasure(_best(self.attacks or self.guesses), _best(self.guesses))


@dataclass(frozen=True, eq=False)
class Scene:
    """What an attacker works with, whole numbers throughout, and nothing of the samples that are attacked.

    `known` samples (m, D), the views' answers to them (m, R), whose noise `seed` draws first of all, and to
    the samples that are attacked (n, R), and the `largest` value of all. The attack by a network takes
    `steps` steps; `seed` fixes its start too.
    """

    views: tuple[View, ...]
    known: NDArray[np.uint8]
    known_answers: Floats
    answers: Floats
    largest: int
    steps: int
    seed: int

    @cached_property
    def matrix(self) -> Floats:
        """Return the query vectors (R, D)."""
        return matrix_of(self.views, self.known.shape[1])

    @cached_property
    def noise(self) -> Floats:
        """Return the standard deviation of each answer's noise (R,)."""
        return noise_of(self.views)


def attack(name: str, scene: Scene) -> Floats | None:
    """Return what one of the ATTACKS makes of the first samples (m, D), None where it is too much work."""
    return next(ATTACKS[name](scene), None)


def attack_in_turn(scene: Scene) -> dict[str, Floats | None]:
    """Return what every attack makes of the samples, one attack after the other."""
    return {name: attack(name, scene) for name in ATTACKS}


AttackAll = Callable[[Scene], Mapping[str, Floats | None]]


def reconstruct(
    dataset: DataSet,
    views: Sequence[View],
    *,
    bits: int,
    steps: int = STEPS,
    seed: int = 0,
    attack_all: AttackAll = attack_in_turn,
) -> Disclosure:
    """Return what views reveal of a data set's test samples to who knows its training samples.

    Samples are quantised to `bits` bits as a task would; the attack by a network takes `steps` steps; `seed`
    fixes its start and the noise; `attack_all` mounts the attacks. Raises InputError where the views do not
    fit the samples.
    """
    quantisation = fit(dataset.x_train, bits, dataset.bounds)
    known, held_out = (apply(quantisation, x).values for x in (dataset.x_train, dataset.x_test))
    random = np.random.default_rng(seed)
    known_answers, shown = (answers(views, samples, random) for samples in (known, held_out))
    largest = max(1, int(known.max()), int(held_out.max()))
    made = attack_all(Scene(tuple(views), known, known_answers, shown, largest, steps, seed))
    found = {name: samples for name, samples in made.items() if samples is not None}
    guesses = {"mean": known.mean(axis=0), "most common": _modes(known)}

    def judged(method: str, samples: Floats) -> Reconstruction:
        near = likeness(held_out[: len(samples)].astype(np.float64), samples, largest)
        return Reconstruction(method, np.clip(samples / largest, 0, 1), near)

    return Disclosure(
        held_out / largest,
        tuple(judged(name, np.broadcast_to(one, held_out.shape)) for name, one in guesses.items()),
        tuple(judged(name, samples) for name, samples in found.items()),
        tuple(name for name in made if name not in found),
        len(known),
    )


def _modes(known: NDArray[np.uint8]) -> Floats:
    return np.array([np.bincount(column).argmax() for column in known.T], dtype=np.float64)


def _by_least_squares(scene: Scene) -> Iterator[Floats]:
    rows, columns = scene.matrix.shape
    if not scene.noise.any() and rows * columns * min(rows, columns) <= MAX_PRODUCTS:
        yield least_squares(scene.matrix, scene.answers)


def _by_hull(scene: Scene) -> Iterator[Floats]:
    rows, columns = scene.matrix.shape
    cost = (rows + len(scene.known)) * columns * min(columns, len(scene.known))
    if not scene.noise.any() and cost <= MAX_PRODUCTS:
        yield within_hull(scene.matrix, scene.known.astype(np.float64), scene.answers)


def _by_regression(scene: Scene) -> Iterator[Floats]:
    yield fit_linear_attack(scene.known_answers, scene.known.astype(np.float64)).apply(scene.answers)


def _by_snapping(scene: Scene) -> Iterator[Floats]:
    known = scene.known.astype(np.float64)
    linear = fit_linear_attack(scene.known_answers, known)
    yield snapped(linear.apply(scene.known_answers), known, linear.apply(scene.answers))


def _by_network(scene: Scene) -> Iterator[Floats]:
    examples = scene.known / scene.largest
    linear = fit_linear_attack(scene.known_answers, scene.known.astype(np.float64))
    first, estimates = (
        np.clip(linear.apply(each) / scene.largest, 0, 1) for each in (scene.known_answers, scene.answers)
    )
    decoder = train_decoder(first, examples, steps=scene.steps, seed=scene.seed)
    yield decoder.apply(estimates) * scene.largest


def _by_rounding(scene: Scene) -> Iterator[Floats]:
    rows, columns = scene.matrix.shape
    if (rows + columns) ** 3 <= MAX_PRODUCTS:
        known = scene.known.astype(np.float64)
        yield rounded_one_by_one(scene.matrix, scene.noise, known, scene.answers)


def _by_search(scene: Scene) -> Iterator[Floats]:
    if scene.noise.any():
        return
    (estimates,) = _by_regression(scene)
    found = search(scene.matrix.astype(np.int64), scene.known, scene.answers.astype(np.int64), estimates)
    if found is not None:
        yield found


ATTACKS: Final[dict[str, Callable[[Scene], Iterator[Floats]]]] = {
    "least squares": _by_least_squares,
    "within the hull": _by_hull,
    "linear, learned": _by_regression,
    "common values, learned": _by_snapping,
    "network, learned": _by_network,
    "rounding, one by one": _by_rounding,
    "search": _by_search,
}


def _best(found: Sequence[Reconstruction]) -> Best:
    return Best(
        mse=min(each.likeness.mse for each in found),
        exact=max(each.likeness.exact for each in found),
        whole=max(each.likeness.whole for each in found),
    )
