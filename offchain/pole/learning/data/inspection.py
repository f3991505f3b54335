"""What is wrong with a data set before anything is spent: twins, values that never vary, lost classes."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pole.learning.data.datasets import DataSet
from pole.learning.evaluation.features import batches

Digests = NDArray[np.bytes_]

DIGEST_BYTES: Final = 16
FEW: Final = 10
"""Training samples of a class below which it is hardly learned."""
RARE: Final = 0.9
"""Share of the most common class from which accuracy says little."""


@dataclass(frozen=True, slots=True, eq=False)
class Inspection:
    """What samples and labels are like.

    `train_counts` and `test_counts` (classes,) are by label. `constant` are the values of a sample that are
    the same in every training sample. `equal_train` and `equal_test` samples equal an earlier one of their
    set, `equal_across` test samples a training sample; of `contradicting` samples an equal one has another
    label. `at_ends` (D,) counts the training samples whose value is the lowest or highest of its range: where
    bounds are given, those are clipped, or happen to lie there.
    """

    train_counts: NDArray[np.int64]
    test_counts: NDArray[np.int64]
    constant: NDArray[np.intp]
    equal_train: int
    equal_test: int
    equal_across: int
    contradicting: int
    at_ends: NDArray[np.int64]


def inspect(dataset: DataSet) -> Inspection:
    """Return what a data set is like; costs a pass over its samples."""
    train, test = _digests(dataset.x_train), _digests(dataset.x_test)
    seen = np.unique(train)
    columns = dataset.x_train.reshape(len(train), -1)
    lowest, highest = columns.min(axis=0), columns.max(axis=0)
    low, high = (lowest, highest) if dataset.bounds is None else (dataset.bounds.low, dataset.bounds.high)
    return Inspection(
        train_counts=np.bincount(dataset.y_train, minlength=dataset.classes),
        test_counts=np.bincount(dataset.y_test, minlength=dataset.classes),
        constant=np.flatnonzero(lowest == highest),
        equal_train=len(train) - len(seen),
        equal_test=len(test) - len(np.unique(test)),
        equal_across=int(np.count_nonzero(np.isin(test, seen))),
        contradicting=_contradicting(
            np.concatenate([train, test]), np.concatenate([dataset.y_train, dataset.y_test])
        ),
        at_ends=_at_ends(columns, np.asarray(low), np.asarray(high)),
    )


def advice(found: Inspection, *, classifies: bool) -> Iterator[str]:
    """Yield a sentence with what to do for everything that is amiss."""
    if found.equal_across:
        share = found.equal_across / found.test_counts.sum()
        yield (
            f"{found.equal_across:,} test samples ({share:.0%}) equal a training sample: a model that learns "
            "by heart gets them right; keep such rows on one side."
        )
    if found.equal_train + found.equal_test:
        yield (
            f"{found.equal_train:,} training and {found.equal_test:,} test samples equal an earlier one; "
            "drop rows that stand twice, since features show which samples are equal."
        )
    if found.contradicting and classifies:
        yield (
            f"{found.contradicting:,} samples have an equal one with another label, so that no model gets "
            "all of them right; correct them, or add what tells them apart."
        )
    if len(found.constant):
        yield (
            f"{len(found.constant):,} values of a sample never vary in the training set; leave them out, "
            "they teach nothing."
        )
    if classifies:
        yield from _of_classes(found)


def _of_classes(found: Inspection) -> Iterator[str]:
    there = np.flatnonzero(found.test_counts)
    if len(there) == 1:
        yield (
            "The test set has one class alone, which a model gets right that knows no other; let each class "
            "give its part (--test-part)."
        )
    elif len(there) < np.count_nonzero(found.train_counts):
        lost = np.count_nonzero(found.train_counts) - len(there)
        yield f"{lost} classes have no test sample, so nobody sees whether they are learned; take more rows."
    empty = np.flatnonzero(found.train_counts == 0)
    if len(empty):
        yield f"Label {empty[0]} has no training sample; count labels from 0, without gaps."
    few = np.count_nonzero((found.train_counts < FEW) & (found.train_counts > 0))
    if few:
        yield f"{few} classes have fewer than {FEW} training samples; join them, or add rows."
    share = found.train_counts.max() / found.train_counts.sum()
    if share >= RARE:
        yield (
            f"{share:.0%} of the training samples are of one class, so that accuracy says little; use the "
            "metric macro_f1 or auc."
        )


def _digests(samples: NDArray[Any]) -> Digests:
    """Return a digest of each sample; all have one length, so zero bytes at the end do not matter."""
    rows = samples.reshape(len(samples), -1)
    digests = np.empty(len(rows), dtype=f"S{DIGEST_BYTES}")
    for number, row in enumerate(rows):
        digests[number] = hashlib.blake2b(row.tobytes(), digest_size=DIGEST_BYTES).digest()
    return digests


def _contradicting(digests: Digests, labels: NDArray[np.int64]) -> int:
    """Return how many samples have an equal one with another label."""
    distinct, which = np.unique(digests, return_inverse=True)
    lowest, highest = np.full(len(distinct), np.iinfo(np.int64).max), np.full(len(distinct), -1)
    np.minimum.at(lowest, which, labels)
    np.maximum.at(highest, which, labels)
    return int(np.count_nonzero((lowest < highest)[which]))


def _at_ends(columns: NDArray[Any], low: NDArray[Any], high: NDArray[Any]) -> NDArray[np.int64]:
    """Return how many of each column's values are at an end, some rows at a time."""
    found = np.zeros(columns.shape[1], dtype=np.int64)
    for rows in batches(*columns.shape):
        found += np.count_nonzero((columns[rows] <= low) | (columns[rows] >= high), axis=0)
    return found
