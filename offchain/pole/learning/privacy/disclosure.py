"""The attacks of `reconstruction` and `decoder` on one data set, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pole.learning.data.datasets import DataSet
from pole.learning.data.quantisation import apply, fit
from pole.learning.privacy.decoder import train_decoder
from pole.learning.privacy.reconstruction import (
    Floats,
    Likeness,
    fit_linear_attack,
    least_squares,
    likeness,
    matrix_of,
    projections,
)
from pole.protocol.mapping.plan import QueryPlan


@dataclass(frozen=True, slots=True, eq=False)
class Reconstruction:
    """What one attack makes of the held-out samples, (n, D) between 0 and 1, and how good it is."""

    method: str
    samples: Floats
    likeness: Likeness


@dataclass(frozen=True, slots=True, eq=False)
class Disclosure:
    """Held-out samples (n, D) between 0 and 1, and their reconstructions by attacks of growing knowledge."""

    samples: Floats
    reconstructions: tuple[Reconstruction, ...]


def reconstruct(
    dataset: DataSet, plans: Sequence[QueryPlan], *, bits: int, steps: int, seed: int
) -> Disclosure:
    """Return what the query vectors of `plans` reveal of a data set's test samples.

    The attacks that learn do so from the training samples, quantised to `bits` bits as a task would, in
    `steps` steps where they are a network. Values are divided by the largest there is. The first method,
    "mean", knows no projection: it is what any other has to beat. Raises InputError where the plans do not
    fit the samples.
    """
    quantisation = fit(dataset.x_train, bits, dataset.bounds)
    known, held_out = (apply(quantisation, x).values for x in (dataset.x_train, dataset.x_test))
    largest = max(1, int(known.max()), int(held_out.max()))
    known_projections = projections(plans, known, largest)
    seen = projections(plans, held_out, largest)
    examples, samples = known / largest, held_out / largest
    linear = fit_linear_attack(known_projections, examples)
    estimates = linear.apply(seen)
    decoder = train_decoder(linear.apply(known_projections), examples, steps=steps, seed=seed)
    results = {
        "mean": np.broadcast_to(examples.mean(axis=0), samples.shape),
        "least squares": least_squares(matrix_of(plans, samples.shape[1]), seen),
        "linear, learned": estimates,
        "network, learned": decoder.apply(estimates),
    }
    return Disclosure(
        samples,
        tuple(
            Reconstruction(name, result, likeness(samples, result, largest))
            for name, result in results.items()
        ),
    )
