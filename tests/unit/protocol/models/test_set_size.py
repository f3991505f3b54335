"""A set is too large for all workers alike or for none."""

import pytest

from pole.errors import InputError
from pole.protocol.mapping.kinds import ConvMapping, LinearMapping
from pole.protocol.models.set_size import check_set_size, sample_bytes
from pole.protocol.models.specification import Input, ModelSpecification, mlp


def linear(bits: int, queries: int = 2, dimension: int = 64) -> ModelSpecification:
    mapping = LinearMapping(bits=bits, queries=queries)
    return mlp(input_shape=(dimension,), input_bits=8, mapping=mapping, hidden=(), classes=3)


@pytest.mark.parametrize(("bits", "each"), [(1, 2), (2, 2), (3, 4), (16, 4)])
def test_a_sample_takes_what_its_features_bound_asks_for(bits: int, each: int) -> None:
    assert sample_bytes(linear(bits)) == 2 * each + 8


def test_the_largest_inner_products_take_eight_bytes() -> None:
    assert sample_bytes(linear(16, dimension=256)) == 2 * 8 + 8


def test_cifar_10_with_four_filters_fits() -> None:
    mapping = ConvMapping(bits=8, queries=4, kernel=(3, 3))
    cifar = linear(8).model_copy(update={"mapping": mapping, "input": Input(shape=(3, 32, 32), bits=8)})
    check_set_size(cifar, train_count=60_000, test_count=60_000)


@pytest.mark.parametrize("part", ["training", "test"])
def test_one_sample_too_many_is_refused_in_either_set(part: str) -> None:
    maximum = 2**32 // sample_bytes(linear(3))
    counts = {"training": (maximum + 1, 1), "test": (1, maximum + 1)}[part]
    check_set_size(linear(3), train_count=maximum, test_count=maximum)
    with pytest.raises(InputError, match=f"The {part} set has {maximum + 1} samples"):
        check_set_size(linear(3), train_count=counts[0], test_count=counts[1])
