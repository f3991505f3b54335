"""What the keys of rounds show of samples: a view for each round.

Whoever decrypts a round's features knows A x of every sample x, where the rows of A are the query vectors;
with noise columns, A x plus noise. Samples are (n, D), answers (n, R).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pole.protocol.mapping.layer import inner_products_in_clear
from pole.protocol.mapping.plan import PADDING, QueryPlan

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """The query vectors of one round over the columns of the data, without those of noise.

    `noise` is the standard deviation of the noise in each answer, 0 for none.
    """

    plan: QueryPlan
    noise: int = 0

    @property
    def queries(self) -> int:
        """Return how many answers the view has of a sample."""
        return len(self.plan.windows) * len(self.plan.vectors)


def answers(views: Sequence[View], samples: NDArray[np.uint8], random: np.random.Generator) -> Floats:
    """Return what the views show of quantised samples (n, D), as float64 (n, R).

    `random` draws the noise: normal and rounded, which for an attack is as good as what a data node draws.
    Raises InputError where a plan does not fit the samples.
    """
    shown = []
    for view in views:
        products = inner_products_in_clear(view.plan, samples).reshape(len(samples), -1).astype(np.float64)
        if view.noise:
            products += np.rint(random.normal(0.0, view.noise, products.shape))
        shown.append(products)
    return np.concatenate(shown, axis=1)


def matrix_of(views: Sequence[View], dimension: int) -> Floats:
    """Return the matrix A (R, D) of all query vectors, rows in the order of `answers`."""
    blocks = []
    for view in views:
        windows, vectors = view.plan.windows, view.plan.vectors
        block = np.zeros((len(windows), len(vectors), dimension + 1))
        # PADDING is -1: it writes to the last column, which is cut off.
        block[np.arange(len(windows))[:, None], :, windows] = vectors.T
        blocks.append(block[:, :, :PADDING].reshape(view.queries, dimension))
    return np.concatenate(blocks)


def noise_of(views: Sequence[View]) -> Floats:
    """Return the standard deviation of the noise in each answer (R,)."""
    return np.concatenate([np.full(view.queries, float(view.noise)) for view in views])
