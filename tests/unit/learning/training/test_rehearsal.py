"""Features in the clear: those that decryption would give, whatever rows are taken at a time."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pole.learning.data.datasets import DataSet
from pole.learning.data.noise import with_noise
from pole.learning.data.quantisation import apply, fit
from pole.learning.training import rehearsal
from pole.learning.training.rehearsal import features_in_clear
from pole.protocol.mapping.kinds import ConvMapping, LinearMapping
from pole.protocol.mapping.layer import arrange, inner_products_in_clear, query_plan
from pole.protocol.models.specification import ModelSpecification, parse_specification

SEED = bytes([3]) * 32
MAPPINGS = (
    (LinearMapping(bits=3, queries=2), (4,), np.uint16),
    (LinearMapping(bits=3, queries=2, noise=5), (4,), np.uint16),
    (LinearMapping(bits=8, queries=2), (600,), np.int32),
    (ConvMapping(bits=3, queries=2, kernel=(3, 3), padding="same"), (2, 4, 4), np.uint16),
)


def specified(mapping: LinearMapping | ConvMapping, shape: tuple[int, ...]) -> ModelSpecification:
    document: dict[str, Any] = {
        "version": 2 if mapping.noise else 1,
        "input": {"shape": shape, "bits": 8},
        "mapping": mapping.model_dump(),
        "graph": [{"name": "flat", "op": "Flatten"}, {"name": "logits", "op": "Linear", "out_features": 2}],
        "classes": 2,
        "max_parameters": 10_000,
        "max_bytes": 100_000,
    }
    if len(shape) == 1:
        document["graph"] = document["graph"][1:]
    return parse_specification(json.dumps(document))


def whole(data: DataSet, specification: ModelSpecification) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    quantisation, plan = (
        fit(data.x_train, specification.input.bits, data.bounds),
        query_plan(specification, SEED),
    )
    random_bytes = np.random.default_rng(1).bytes
    made = []
    for x in (data.x_train, data.x_test):
        values = with_noise(apply(quantisation, x).values, specification, random_bytes)
        made.append(arrange(inner_products_in_clear(plan, values), specification))
    return made[0], made[1]


@pytest.mark.parametrize(("mapping", "shape", "held"), MAPPINGS)
@given(step=st.integers(1, 9), samples=st.integers(1, 8))
def test_features_are_those_of_all_rows_at_once(
    mapping: LinearMapping | ConvMapping, shape: tuple[int, ...], held: type, step: int, samples: int
) -> None:
    specification = specified(mapping, shape)
    x = np.random.default_rng(samples).normal(size=(samples + 3, *shape))
    labels = np.zeros(len(x), np.int64)
    data = DataSet("own", x[:-1], labels[:-1], x[-3:], labels[-3:], 2)

    def batches(count: int, _size: int) -> Iterator[slice]:
        return (slice(start, min(start + step, count)) for start in range(0, count, step))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rehearsal, "batches", batches)
        found = features_in_clear(data, specification, SEED, np.random.default_rng(1).bytes)
    for features, wanted in zip(found, whole(data, specification), strict=True):
        assert features.dtype == held
        np.testing.assert_array_equal(features, wanted)
