"""Data of known structure, and layers to look at it through."""

import numpy as np

from pole.learning.data.datasets import DataSet
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.mapping.kinds import LinearMapping
from pole.protocol.mapping.layer import query_plan
from pole.protocol.mapping.plan import QueryPlan
from pole.protocol.models.specification import ModelSpecification, mlp


def layer(queries: int, dimension: int) -> ModelSpecification:
    return mlp(
        input_shape=(dimension,),
        input_bits=8,
        mapping=LinearMapping(bits=3, queries=queries),
        hidden=(),
        classes=2,
    )


def plan_of(specification: ModelSpecification, number: int = 0) -> QueryPlan:
    return query_plan(specification, keccak256(bytes([number])))


def one_hot(count: int, groups: int, states: int, seed: int = 0) -> np.ndarray:
    """Samples (count, groups * states) of independent one-hot groups, all states alike frequent."""
    chosen = np.random.default_rng(seed).integers(0, states, (count, groups))
    return np.eye(states, dtype=np.uint8)[chosen].reshape(count, -1)


def bits(count: int, columns: int, seed: int = 0) -> np.ndarray:
    """Samples of independent fair bits."""
    return np.random.default_rng(seed).integers(0, 2, (count, columns)).astype(np.uint8)


def low_rank(count: int, columns: int, rank: int, seed: int = 0) -> np.ndarray:
    """Real numbers that vary in `rank` directions, rounded to steps."""
    random = np.random.default_rng(seed)
    mixed = random.random((count, rank)) @ random.random((rank, columns))
    return np.rint(mixed / mixed.max() * 255).astype(np.uint8)


def data_set(samples: np.ndarray) -> DataSet:
    """Four fifths of the samples to train with, the rest to test; labels without a meaning."""
    cut = len(samples) * 4 // 5
    labels = np.arange(len(samples)) % 2
    return DataSet("made", samples[:cut], labels[:cut], samples[cut:], labels[cut:], classes=2)
