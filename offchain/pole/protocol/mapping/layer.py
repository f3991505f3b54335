"""The secure mapping layer of a specification under a seed: its query plan and its features."""

from math import prod
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from pole.errors import InputError
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.mapping import kinds
from pole.protocol.mapping.kinds import ConvMapping, Mapping, Shape
from pole.protocol.mapping.plan import QueryPlan
from pole.protocol.mapping.vectors import DeficientSeedError, Weights, query_vectors

MAX_SEED_STEPS: Final = 256
VALUES_AT_ONCE: Final = 2**24
FEATURE_TYPES: Final = (np.uint16, np.int32, np.int64)


class Input(Protocol):
    """What goes into a mapping layer."""

    @property
    def shape(self) -> Shape:
        """Return the shape of one sample."""


class Mapped(Protocol):
    """What a mapping layer needs of a specification: the layer's kind and the shape of its input.

    Models are built on mapping layers, so a layer does not know a model's specification.
    """

    @property
    def mapping(self) -> Mapping:
        """Return the layer's kind and its numbers."""

    @property
    def input(self) -> Input:
        """Return what goes in."""


def query_plan(specification: Mapped, seed: bytes) -> QueryPlan:
    """Return the windows and query vectors that a round's functional keys are issued for.

    Those of `data_plan`, and where the layer has noise, L columns more for each window and L weights more for
    each vector: vector l adds noise column D + w L + l to its inner product with window w. Raises InputError
    for an unusable specification.
    """
    plan = data_plan(specification, seed)
    columns = kinds.noise_columns(specification.mapping, specification.input.shape)
    if not columns:
        return plan
    first = prod(specification.input.shape)
    own = np.arange(first, first + columns, dtype=np.int32).reshape(len(plan.windows), -1)
    each = np.eye(len(plan.vectors), dtype=plan.vectors.dtype)
    return QueryPlan(np.hstack([plan.windows, own]), np.hstack([plan.vectors, each]))


def data_plan(specification: Mapped, seed: bytes) -> QueryPlan:
    """Return the windows (W, d) and query vectors (L, d) over the D values of a sample alone.

    A seed whose vectors are linearly dependent for this layer gives way to its keccak-256, as often as
    needed: a dependent layer loses data, and short windows meet such seeds often (one in four for L = D =
    4, k = 3), so a round must not fail on one. Raises InputError for an unusable specification.
    """
    shape = specification.input.shape
    positions = np.array(list(kinds.windows(specification.mapping, shape)), dtype=np.int32)
    return QueryPlan(windows=positions, vectors=_independent_vectors(specification, seed))


def largest_feature(specification: Mapped, plan: QueryPlan, *, largest_value: int) -> int:
    """Return the largest inner product of `query_plan` when no value of a sample exceeds `largest_value`."""
    weights = plan.vectors[:, : kinds.window_size(specification.mapping, specification.input.shape)]
    largest = int(weights.sum(axis=1, dtype=np.int64).max()) * largest_value
    return largest + kinds.largest_noise(specification.mapping)


def feature_shape(specification: Mapped) -> Shape:
    """Return the shape of one sample's features (see pole.protocol.mapping.kinds.feature_shape)."""
    return kinds.feature_shape(specification.mapping, specification.input.shape)


def feature_type(largest: int) -> np.dtype[Any]:
    """Return the smallest of uint16, int32 and int64 that holds features from 0 to `largest`."""
    return next(np.dtype(held) for held in FEATURE_TYPES if largest <= np.iinfo(held).max)


def arrange(inner_products: NDArray[np.int64], specification: Mapped) -> NDArray[np.int64]:
    """Return inner products (n, W, L) laid out as features (n, *feature_shape).

    Raises InputError where their shape is not that of the specification's mapping layer.
    """
    mapping, shape = specification.mapping, feature_shape(specification)
    count = inner_products.shape[0]
    expected = (count, kinds.window_count(mapping, specification.input.shape), mapping.queries)
    if inner_products.shape != expected:
        raise InputError(
            f"Inner products of shape {inner_products.shape} do not belong to this mapping layer, which "
            f"makes {expected}; "
            "decrypt with the plan of the same specification."
        )
    if isinstance(mapping, ConvMapping):
        channels = shape[0] // mapping.queries
        by_position = inner_products.reshape(count, channels, -1, mapping.queries)
        return np.ascontiguousarray(by_position.swapaxes(2, 3)).reshape(count, *shape)
    return inner_products.reshape(count, *shape)


def inner_products_in_clear(plan: QueryPlan, x: NDArray[np.unsignedinteger]) -> NDArray[np.int64]:
    """Return the inner products (n, W, L) of samples (n, columns) in the clear.

    This is what decryption must give, for tests and plain baselines. Raises InputError where a window
    reaches past the samples' columns.
    """
    if x.ndim != 2 or int(plan.windows.max()) >= x.shape[1]:
        raise InputError(
            f"Samples of shape {x.shape} do not fit the plan; pass (n, D) with the D of its specification."
        )
    vectors = plan.vectors.astype(np.float64).T
    products = np.empty((len(x), len(plan.windows), vectors.shape[1]), dtype=np.int64)
    samples = max(1, VALUES_AT_ONCE // plan.windows.size)
    for start in range(0, len(x), samples):
        batch = x[start : start + samples].astype(np.float64)
        # Position -1, the padding, reads the column of zeros put at the end. Sums stay below 2^53 and so
        # are exact.
        padded = np.pad(batch, ((0, 0), (0, 1)))
        products[start : start + samples] = padded[:, plan.windows] @ vectors
    return products


def _independent_vectors(specification: Mapped, seed: bytes) -> Weights:
    mapping = specification.mapping
    length = kinds.window_size(mapping, specification.input.shape)
    candidate = seed
    for _ in range(MAX_SEED_STEPS):
        try:
            return query_vectors(candidate, length=length, count=mapping.queries, bits=mapping.bits)
        except DeficientSeedError:
            candidate = keccak256(candidate)
    raise InputError(
        f"No seed gives {mapping.queries} independent query vectors of {length} weights with "
        f"{mapping.bits} bits; "
        "change the mapping layer."
    )
