"""The rank of query vectors, held against elimination with Python's own integers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pole.errors import InputError
from pole.ipfe.group import ORDER
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.mapping.kinds import BlocksMapping, ConvMapping, LinearMapping, Mapping, Shape
from pole.protocol.mapping.layer import query_plan
from pole.protocol.mapping.plan import PADDING, QueryPlan
from pole.protocol.mapping.rank import RankTooLargeError, query_rank
from pole.protocol.models.specification import Input, ModelSpecification, disclosed_rank


def plain_matrix(plans: list[QueryPlan], dimension: int) -> list[list[int]]:
    rows = []
    for plan in plans:
        for window in plan.windows:
            for vector in plan.vectors:
                row = [0] * dimension
                for column, weight in zip(window, vector, strict=True):
                    if column != PADDING:
                        row[column] = int(weight)
                rows.append(row)
    return rows


def plain_rank(rows: list[list[int]], modulus: int) -> int:
    """Gaussian elimination, as in the textbook."""
    rows = [[value % modulus for value in row] for row in rows]
    rank = 0
    for column in range(len(rows[0])):
        pivot = next((i for i in range(rank, len(rows)) if rows[i][column]), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        inverse = pow(rows[rank][column], -1, modulus)
        for i in range(rank + 1, len(rows)):
            factor = rows[i][column] * inverse
            rows[i] = [(a - factor * b) % modulus for a, b in zip(rows[i], rows[rank], strict=True)]
        rank += 1
    return rank


@st.composite
def plans(draw: st.DrawFn, dimension: int) -> QueryPlan:
    """Windows anywhere, overlapping or not, padded or not, under vectors that often depend on each other."""
    length = draw(st.integers(1, 4))
    columns = (
        st.lists(st.integers(0, dimension - 1), min_size=length, max_size=length, unique=True)
        if length <= dimension
        else st.nothing()
    )
    windows = np.array(draw(st.lists(columns, min_size=1, max_size=5)), dtype=np.int32)
    hidden = draw(st.integers(0, length - 1))
    windows[0, :hidden] = PADDING
    weights = st.lists(st.integers(0, 3), min_size=length, max_size=length)
    vectors = np.array(draw(st.lists(weights, min_size=1, max_size=4)), dtype=np.uint8)
    return QueryPlan(windows=windows, vectors=vectors)


@pytest.mark.parametrize("modulus", [2, 5, 2**31 - 1, ORDER])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_the_rank_is_that_of_plain_elimination(modulus: int, data: st.DataObject) -> None:
    dimension = data.draw(st.integers(4, 9))
    found = data.draw(st.lists(plans(dimension), min_size=1, max_size=3))
    assert query_rank(found, dimension, modulus) == plain_rank(plain_matrix(found, dimension), modulus)


def specification(shape: Shape, mapping: Mapping) -> ModelSpecification:
    return ModelSpecification.model_construct(input=Input(shape=shape, bits=8), mapping=mapping)


def seeds(count: int) -> list[bytes]:
    return [keccak256(bytes([number])) for number in range(count)]


SMALL = [
    ((9,), LinearMapping(bits=3, queries=3)),
    ((4, 6), BlocksMapping(bits=3, queries=2, tile=(2, 3))),
    ((5, 5), ConvMapping(bits=3, queries=2, kernel=(3, 3))),
    ((2, 4, 5), ConvMapping(bits=3, queries=1, kernel=(3, 3), padding="valid")),
]


@pytest.mark.parametrize(("shape", "mapping"), SMALL)
@pytest.mark.parametrize("rounds", [1, 2, 4])
def test_layers_of_every_kind_over_several_rounds(shape: Shape, mapping: Mapping, rounds: int) -> None:
    spec = specification(shape, mapping)
    found = [query_plan(spec, seed) for seed in seeds(rounds)]
    rank = query_rank(found, spec.dimension, ORDER)
    assert rank == plain_rank(plain_matrix(found, spec.dimension), ORDER)
    assert rank <= min(rounds * disclosed_rank(spec), spec.dimension)


def test_layers_of_different_kinds_on_the_same_data_add_up() -> None:
    tiles = specification((4, 4), BlocksMapping(bits=3, queries=2, tile=(2, 2)))
    whole = specification((4, 4), LinearMapping(bits=3, queries=3))
    first, second = seeds(2)
    found = [query_plan(tiles, first), query_plan(whole, second)]
    assert query_rank(found, 16, ORDER) == plain_rank(plain_matrix(found, 16), ORDER) == 11


def test_the_same_keys_twice_give_nothing_more() -> None:
    spec = specification((28, 28), BlocksMapping(bits=3, queries=32, tile=(14, 14)))
    plan = query_plan(spec, seeds(1)[0])
    assert query_rank([plan], 784, ORDER) == query_rank([plan, plan], 784, ORDER) == 128


def test_rounds_of_mnist_blocks_add_up_to_all_its_values() -> None:
    spec = specification((28, 28), BlocksMapping(bits=3, queries=32, tile=(14, 14)))
    ranks = [query_rank([query_plan(spec, s) for s in seeds(count)], 784, ORDER) for count in (2, 6, 7)]
    assert ranks == [256, 768, 784]


def test_a_padded_convolution_over_a_colour_image_gives_everything_away() -> None:
    spec = specification((3, 16, 16), ConvMapping(bits=3, queries=2, kernel=(3, 3)))
    assert query_rank([query_plan(spec, seeds(1)[0])], 768, ORDER) == 768


def test_dependence_modulo_the_prime_alone_counts_as_dependence() -> None:
    windows = np.array([[0, 1]], dtype=np.int32)
    plan = QueryPlan(windows=windows, vectors=np.array([[1, 1], [1, 6]], dtype=np.uint8))
    assert query_rank([plan], 2, 5) == 1
    assert query_rank([plan], 2, ORDER) == 2


def test_one_vector_that_adds_to_many_equal_ones_counts() -> None:
    windows = np.array([[0, 1], [1, 2], *[[0, 1]] * 398], dtype=np.int32)
    plan = QueryPlan(windows=windows, vectors=np.array([[1, 1]], dtype=np.uint8))
    assert query_rank([plan], 3, ORDER) == 2


def test_no_plan_gives_nothing_away() -> None:
    assert query_rank([], 5, ORDER) == 0


def test_a_plan_that_reads_other_columns_is_refused() -> None:
    plan = query_plan(specification((9,), LinearMapping(bits=3, queries=3)), seeds(1)[0])
    with pytest.raises(InputError, match="reads column 8"):
        query_rank([plan], 8, ORDER)


def test_what_is_too_large_to_eliminate_is_refused() -> None:
    windows = np.arange(5000, dtype=np.int32)[None]
    wide = QueryPlan(windows=windows, vectors=np.ones((4097, 5000), dtype=np.uint8))
    with pytest.raises(RankTooLargeError, match="at most 4096"):
        query_rank([wide], 5000, ORDER)
