"""How many bits samples have, and how many of them answers to queries carry.

Both are upper bounds from entropies of columns and from the normal distribution, which of all with a given
covariance has the most entropy. Where answers carry as many bits as samples have, few samples fit them, and a
search can find the right one.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pole.learning.privacy.hull import AffineHull

GAUSSIAN: Final = 2 * math.pi * math.e
SEEN_ONCE: Final = 0.1
"""The part of values seen once above which samples are too few to count the values of their column."""

Floats = NDArray[np.float64]


def bits_of_samples(samples: NDArray[np.uint8], hull: AffineHull, covariance: Floats) -> float:
    """Return a bound on the entropy in bits of one of samples (n, D) whose columns have this covariance.

    It is the lesser of two: the entropies of the columns that the others follow from, a one-hot group counted
    as one column, and the entropy of the normal distribution with the same covariance.
    """
    entropies = np.array([_of_column(column) for column in samples.T])
    return min(_by_columns(samples, hull, entropies), _normal(_variances(covariance)))


def bits_of_answers(matrix: Floats, noise: Floats, covariance: Floats) -> float:
    """Return a bound on the bits that answers carry of a sample whose columns have this covariance (D, D).

    The rows of `matrix` (R, D) are query vectors; `noise` (R,) is the standard deviation of what was added to
    each answer, 0 for none.
    """
    noisy = noise > 0
    # The answers without noise are whole numbers: known to a step of one, not beyond.
    scaled = matrix / np.where(noisy, noise, 1.0)[:, None]
    clean, blurred = scaled[~noisy], scaled[noisy]
    total = _normal(_spread(clean, covariance))
    if len(blurred):
        remaining = _given(covariance, clean) if len(clean) else covariance
        total += float(0.5 * np.log2(1 + _spread(blurred, remaining)).sum())
    return total


def one_hot_groups(samples: NDArray[np.uint8]) -> list[tuple[int, ...]]:
    """Return the groups of columns of samples (n, D) of which in every sample exactly one is not 0.

    Columns of a group have two values, 0 and one more. Neighbours are tried before columns further away.
    """
    marks = samples > 0
    two_values = (samples == samples.max(axis=0)) == marks
    left = [int(column) for column in np.flatnonzero(two_values.all(axis=0) & marks.any(axis=0))]
    left = [column for column in left if not marks[:, column].all()]
    groups = []
    while left:
        group = _group_from(marks, left)
        if group:
            groups.append(tuple(group))
        left = [column for column in left[1:] if column not in group]
    return groups


def _group_from(marks: NDArray[np.bool_], columns: list[int]) -> list[int]:
    """Return the group that begins with the first of `columns`, nothing where it is in none."""
    taken = marks[:, columns[0]].copy()
    group = columns[:1]
    for column in columns[1:]:
        if not (taken & marks[:, column]).any():
            taken |= marks[:, column]
            group.append(column)
            if taken.all():
                return group
    return []


def _by_columns(samples: NDArray[np.uint8], hull: AffineHull, entropies: Floats) -> float:
    pivots, total, seen = set(hull.pivots), 0.0, set[int]()
    for group in one_hot_groups(samples):
        seen |= set(group)
        states = np.bincount((samples[:, group] > 0).argmax(axis=1))
        total += min(_entropy(states), sum(entropies[column] for column in pivots.intersection(group)))
    return total + float(sum(entropies[column] for column in pivots - seen))


def _of_column(values: NDArray[np.uint8]) -> float:
    """Return the entropy of a column; by its variance where many of its values were seen only once."""
    counts = np.bincount(values)
    entropy = _entropy(counts)
    if np.count_nonzero(counts == 1) <= SEEN_ONCE * len(values):
        return entropy
    return max(entropy, _normal(np.array([values.var()])))


def _entropy(counts: NDArray[np.intp]) -> float:
    parts = counts[counts > 0] / counts.sum()
    return float(-(parts * np.log2(parts)).sum())


def _normal(eigenvalues: Floats) -> float:
    """Return the entropy in bits of a normal distribution, read to steps of one, by its variances.

    Variances far below a step tell next to nothing; where they are 0 this is 0.
    """
    return float(0.5 * np.log2(1 + GAUSSIAN * np.clip(eigenvalues, 0, None)).sum())


def _variances(covariance: Floats) -> Floats:
    return np.asarray(np.linalg.eigvalsh(covariance), dtype=np.float64)


def _spread(matrix: Floats, covariance: Floats) -> Floats:
    """Return the variances of the answers' principal directions."""
    if not len(matrix):
        return np.zeros(0)
    if len(matrix) <= len(covariance):
        product = matrix @ covariance @ matrix.T
    else:
        variances, directions = np.linalg.eigh(covariance)
        root = directions * np.sqrt(np.clip(variances, 0, None))
        product = root.T @ (matrix.T @ matrix) @ root
    return np.clip(_variances(product), 0, None)


def _given(covariance: Floats, matrix: Floats) -> Floats:
    """Return the covariance that is left once the answers to the rows of `matrix` are known to a step."""
    seen = covariance @ matrix.T
    inner = matrix @ seen + np.eye(len(matrix)) / 12
    left: Floats = covariance - seen @ np.linalg.solve(inner, seen.T)
    return left
