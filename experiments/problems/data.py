"""Features of a mapping layer under a seed, computed in the clear: just what decryption gives a miner."""

import os
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pole.learning.data import datasets
from pole.learning.data.datasets import DataSet
from pole.learning.data.quantisation import Quantisation, apply, fit
from pole.learning.evaluation.features import batches
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.mapping.layer import arrange, inner_products_in_clear, query_plan
from pole.protocol.models.specification import ModelSpecification

Features = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Features and labels to learn from and to be tested on, and the network that is to learn them."""

    specification: ModelSpecification
    seed: bytes
    x_train: Features
    y_train: NDArray[np.int64]
    x_test: Features
    y_test: NDArray[np.int64]


@cache
def dataset(name: str, train: int | None = None, test: int | None = None) -> DataSet:
    """Return a data set, or a random part of it, the same in every run."""
    whole = datasets.load(name, datasets.data_directory(os.environ, Path.cwd()))
    if train is None and test is None:
        return whole
    return datasets.subset(whole, train or len(whole.x_train), test or len(whole.x_test), 0)


def split(name: str, seed: int) -> DataSet:
    """Return a small data set (iris, digits) split by `seed`."""
    return datasets.load(name, datasets.data_directory(os.environ, Path.cwd()), seed=seed)


def round_seed(number: int) -> bytes:
    """Return the 32 bytes that stand for a round's seed."""
    return keccak256(b"pole experiment" + number.to_bytes(8, "big"))


@dataclass(frozen=True, slots=True)
class Layer:
    """The secure mapping layer of a specification under a seed.

    A `signed` one has the digits of its query vectors centred: 2 z - (2^k - 1). That takes one query vector
    more, of ones, which the data node would have to give a key for.
    """

    specification: ModelSpecification
    seed: bytes
    signed: bool = False

    def features(self, x: NDArray[Any], fitted: Quantisation) -> Features:
        """Return the features of samples (n, ...), in the smallest type that holds them."""
        plan = query_plan(self.specification, self.seed)
        ones = np.ones_like(plan.vectors[:1])
        asked = replace(plan, vectors=np.concatenate([plan.vectors, ones])) if self.signed else plan
        largest = (1 << self.specification.mapping.bits) - 1
        parts = []
        # In parts, because all features of CIFAR-10 take gigabytes as int64.
        for rows in batches(len(x), plan.windows.size):
            products = inner_products_in_clear(asked, apply(fitted, x[rows]).values)
            if self.signed:
                products = 2 * products[..., :-1] - largest * products[..., -1:]
            part = arrange(products, self.specification)
            parts.append(part.astype(np.int16 if np.abs(part).max() < 2**15 else np.int32))
        return np.concatenate(parts)


def secure(data: DataSet, layer: Layer) -> Problem:
    """Return the problem that a miner gets: the features of the secure mapping layer."""
    fitted = fit(data.x_train, layer.specification.input.bits)
    train, test = layer.features(data.x_train, fitted), layer.features(data.x_test, fitted)
    return Problem(layer.specification, layer.seed, train, data.y_train, test, data.y_test)


def unseen_features(data: DataSet, layer: Layer) -> Features:
    """Return the features of the test set alone."""
    return layer.features(data.x_test, fit(data.x_train, layer.specification.input.bits))


def original(data: DataSet, specification: ModelSpecification, shape: tuple[int, ...]) -> Problem:
    """Return the problem without a mapping layer: the quantised samples themselves as features of `shape`."""
    fitted = fit(data.x_train, specification.input.bits)
    train, test = (
        apply(fitted, x).values.astype(np.int64).reshape(-1, *shape) for x in (data.x_train, data.x_test)
    )
    return Problem(specification, bytes(32), train, data.y_train, test, data.y_test)


def first(problem: Problem, count: int) -> Problem:
    """Return the problem with its first training samples alone."""
    return replace(problem, x_train=problem.x_train[:count], y_train=problem.y_train[:count])
