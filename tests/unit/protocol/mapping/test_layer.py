from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from pole.errors import InputError
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.mapping.kinds import BlocksMapping, ConvMapping, LinearMapping, Mapping, check_geometry
from pole.protocol.mapping.layer import (
    arrange,
    data_plan,
    feature_shape,
    inner_products_in_clear,
    query_plan,
)
from pole.protocol.mapping.vectors import query_vectors
from pole.protocol.models.layers import Flatten, Linear
from pole.protocol.models.specification import Input, ModelSpecification

SEED = bytes.fromhex("e49ae9a176d4a4475054cf1a06d12c119a607bb3c7cfb24c0e70625c5f2e4e17")


def specification(shape: tuple[int, ...], mapping: Mapping, bits: int = 8) -> ModelSpecification:
    return ModelSpecification(
        input=Input(shape=shape, bits=bits),
        mapping=mapping,
        graph=(Flatten(name="flat"), Linear(name="logits", out_features=2)),
        classes=2,
        max_parameters=10_000_000,
        max_bytes=100_000_000,
    )


def samples(count: int, dimension: int) -> NDArray[np.uint8]:
    return np.random.default_rng(7).integers(0, 256, (count, dimension), dtype=np.uint8)


def features_of(spec: ModelSpecification, x: NDArray[np.uint8]) -> NDArray[np.int64]:
    return arrange(inner_products_in_clear(query_plan(spec, SEED), x), spec)


def test_samples_of_another_width_are_refused() -> None:
    plan = query_plan(specification((4,), LinearMapping(bits=8, queries=2)), SEED)
    with pytest.raises(InputError, match="do not fit the plan"):
        inner_products_in_clear(plan, samples(3, 3))


@pytest.mark.parametrize("shape", [(3, 1, 5), (3, 2, 4), (3, 4), (3, 1, 4, 1)])
def test_inner_products_of_another_layer_are_refused(shape: tuple[int, ...]) -> None:
    spec = specification((6,), LinearMapping(bits=8, queries=4))
    with pytest.raises(InputError, match="do not belong to this mapping layer"):
        arrange(np.zeros(shape, dtype=np.int64), spec)


def test_windows_that_no_memory_holds_are_refused() -> None:
    with pytest.raises(InputError, match="4261478400 positions"):
        check_geometry(ConvMapping(bits=1, queries=1, kernel=(255, 255)), (256, 256))


def test_a_layer_that_no_seed_can_fill_is_refused() -> None:
    # Vectors of one bit over two inputs: z^1 and z^2 differ, z^3 cannot be independent, and the specification
    # check refuses more than k * d; here the plan meets two equal vectors for one seed and moves on.
    spec = specification((2,), LinearMapping(bits=1, queries=2))
    assert query_plan(spec, bytes(32)).vectors.shape == (2, 2)


def test_a_seed_with_dependent_vectors_gives_way_to_its_hash() -> None:
    spec = specification((4,), LinearMapping(bits=3, queries=4))
    seed = b"\x0f" + SEED[1:]
    expected = query_vectors(keccak256(seed), length=4, count=4, bits=3)
    assert np.array_equal(query_plan(spec, seed).vectors, expected)


@pytest.mark.parametrize(
    "mapping",
    [
        LinearMapping(bits=3, queries=3, noise=2),
        BlocksMapping(bits=9, queries=3, tile=(2, 3), noise=2),
        ConvMapping(bits=3, queries=2, kernel=(3, 3), noise=2),
    ],
    ids=lambda mapping: mapping.kind,
)
def test_every_feature_has_a_column_of_noise_of_its_own_with_weight_one(mapping: Mapping) -> None:
    spec = specification((2, 4, 6), mapping)
    data, plan = data_plan(spec, SEED), query_plan(spec, SEED)
    windows, queries, length = len(data.windows), len(data.vectors), data.vectors.shape[1]
    assert np.array_equal(plan.windows[:, :length], data.windows)
    assert np.array_equal(plan.vectors[:, :length], data.vectors)
    assert plan.vectors.dtype == data.vectors.dtype
    values = np.zeros((1, 48 + windows * queries), dtype=np.uint32)
    values[0, 48:] = 1 + np.arange(windows * queries)
    assert inner_products_in_clear(plan, values).ravel().tolist() == values[0, 48:].tolist()


def test_without_noise_the_plan_is_over_the_data_alone() -> None:
    spec = specification((2, 4, 6), BlocksMapping(bits=3, queries=3, tile=(2, 3)))
    plan, data = query_plan(spec, SEED), data_plan(spec, SEED)
    assert np.array_equal(plan.windows, data.windows)
    assert np.array_equal(plan.vectors, data.vectors)


def test_linear_features_are_the_inner_products_of_whole_samples() -> None:
    spec, x = specification((6, 5), LinearMapping(bits=3, queries=7)), samples(4, 30)
    vectors = query_vectors(SEED, length=30, count=7, bits=3)
    expected = [[sum(int(a) * int(b) for a, b in zip(row, z, strict=True)) for z in vectors] for row in x]
    assert features_of(spec, x).tolist() == expected


@pytest.mark.parametrize("shape", [(6, 8), (2, 6, 8)])
def test_blocks_come_tile_by_tile_and_channel_by_channel(shape: tuple[int, ...]) -> None:
    spec, x = (
        specification(shape, BlocksMapping(bits=3, queries=3, tile=(3, 4))),
        samples(2, int(np.prod(shape))),
    )
    vectors = query_vectors(SEED, length=12, count=3, bits=3).astype(int)
    images = x.reshape(2, -1, 6, 8).astype(int)
    tiles = [
        images[:, channel, top : top + 3, left : left + 4].reshape(2, 12)
        for channel in range(images.shape[1])
        for top in (0, 3)
        for left in (0, 4)
    ]
    assert np.array_equal(features_of(spec, x), np.concatenate([tile @ vectors.T for tile in tiles], axis=1))


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("shape", [(6, 7), (3, 6, 7)])
def test_conv_features_are_filters_slid_over_each_channel(
    padding: Literal["same", "valid"], shape: tuple[int, ...]
) -> None:
    mapping = ConvMapping(bits=3, queries=2, kernel=(3, 5), padding=padding)
    spec, x = specification(shape, mapping), samples(2, int(np.prod(shape)))
    filters = query_vectors(SEED, length=15, count=2, bits=3).astype(int).reshape(2, 3, 5)
    pad = (1, 2) if padding == "same" else (0, 0)
    images = np.pad(x.reshape(2, -1, 6, 7).astype(int), ((0, 0), (0, 0), (pad[0], pad[0]), (pad[1], pad[1])))
    features = features_of(spec, x)
    assert features.shape == (2, *feature_shape(spec))
    for sample, feature_map, top, left in np.ndindex(features.shape):
        channel, query = divmod(feature_map, 2)
        window = images[sample, channel, top : top + 3, left : left + 5]
        assert features[sample, feature_map, top, left] == (window * filters[query]).sum()


def test_the_papers_2700_features_are_one_unpadded_filter_a_colour() -> None:
    spec = specification((3, 32, 32), ConvMapping(bits=3, queries=1, kernel=(3, 3), padding="valid"))
    assert feature_shape(spec) == (3, 30, 30)


def test_four_quadrants_of_mnist_make_four_windows() -> None:
    plan = query_plan(specification((28, 28), BlocksMapping(bits=3, queries=32, tile=(14, 14))), SEED)
    assert plan.windows.shape == (4, 196)
    assert plan.windows[:, 0].tolist() == [0, 14, 28 * 14, 28 * 14 + 14]
    assert plan.windows[0, 13:15].tolist() == [13, 28]


def test_every_input_lies_in_exactly_one_tile() -> None:
    plan = query_plan(specification((2, 6, 8), BlocksMapping(bits=3, queries=2, tile=(2, 2))), SEED)
    assert sorted(plan.windows.ravel().tolist()) == list(range(96))


def test_only_padded_windows_reach_past_the_image() -> None:
    same = query_plan(specification((5, 5), ConvMapping(bits=3, queries=1, kernel=(3, 3))), SEED)
    valid = query_plan(
        specification((5, 5), ConvMapping(bits=3, queries=1, kernel=(3, 3), padding="valid")), SEED
    )
    assert np.count_nonzero((same.windows < 0).any(axis=1)) == 16
    assert not (valid.windows < 0).any()


def test_a_large_batch_gives_what_small_batches_give() -> None:
    spec = specification((28, 28), ConvMapping(bits=3, queries=1, kernel=(5, 5)))
    x = samples(900, 784)
    plan = query_plan(spec, SEED)
    whole = inner_products_in_clear(plan, x)
    parts = [inner_products_in_clear(plan, x[start : start + 100]) for start in range(0, 900, 100)]
    assert np.array_equal(whole, np.concatenate(parts))
