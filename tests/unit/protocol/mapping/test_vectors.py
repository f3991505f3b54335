import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pole.errors import InputError
from pole.protocol.mapping.vectors import DeficientSeedError, query_vectors, rank_of

SEED = bytes.fromhex("e49ae9a176d4a4475054cf1a06d12c119a607bb3c7cfb24c0e70625c5f2e4e17")
OTHER_SEED = bytes.fromhex("0123456789abcdeffedcba98765432100f1e2d3c4b5a69788796a5b4c3d2e1f0")


def algorithm_3(seed: bytes, length: int, count: int, bits: int) -> list[list[int]]:
    """The definition in docs/protocol.md section 5, letter by letter, over strings of binary digits."""
    b = "".join(f"{byte:08b}" for byte in seed)
    vectors = []
    for i in range(1, count + 1):
        primary = "".join("1" if x != y else "0" for x, y in zip("0" * i + b, b + "0" * i, strict=True))
        master = primary
        while len(master) < bits * length:
            master += primary
        vectors.append([int(master[j * bits : (j + 1) * bits], 2) for j in range(length)])
    return vectors


def test_the_zero_seed_is_refused() -> None:
    with pytest.raises(DeficientSeedError, match=r"rank 0 instead of 8.*take another seed"):
        query_vectors(bytes(32), length=16, count=8, bits=3)


def test_a_seed_with_dependent_vectors_is_refused() -> None:
    # Leading zero bits zero the first weight of every vector.
    seed = b"\x0f" + SEED[1:]
    with pytest.raises(DeficientSeedError, match="rank 3 instead of 4"):
        query_vectors(seed, length=4, count=4, bits=3)


@pytest.mark.parametrize("seed", [b"", SEED[:31], SEED + b"\x00"])
def test_a_seed_of_another_length_is_refused(seed: bytes) -> None:
    with pytest.raises(InputError, match=r"A seed has 32 bytes"):
        query_vectors(seed, length=4, count=2, bits=8)


@pytest.mark.parametrize("arguments", [(0, 1, 8), (1, 0, 8), (4, 2, 0), (4, 2, 17), (4, 2, -1)])
def test_impossible_sizes_are_refused(arguments: tuple[int, int, int]) -> None:
    length, count, bits = arguments
    with pytest.raises(InputError):
        query_vectors(SEED, length=length, count=count, bits=bits)


@pytest.mark.parametrize(
    ("seed", "length", "count", "first", "digest"),
    [
        (
            SEED,
            784,
            128,
            [4, 5, 5, 5, 3, 6, 3, 5],
            "38e2389d22822128a0b8ded21391c0786be1fd7ac7a8dd64cc276f120771f7e8",
        ),
        (
            OTHER_SEED,
            196,
            64,
            [0, 0, 3, 3, 1, 3, 4, 7],
            "3b6dffdf8ebb2a3d2b2ada8e1629cc2cc98be09242b9a1c148578dd183bc1524",
        ),
    ],
)
def test_reference_vectors_are_met(
    seed: bytes, length: int, count: int, first: list[int], digest: str
) -> None:
    vectors = query_vectors(seed, length=length, count=count, bits=3)
    assert vectors[0, :8].tolist() == first
    assert hashlib.sha256(vectors.tobytes()).hexdigest() == digest


@given(
    seed=st.binary(min_size=32, max_size=32),
    length=st.integers(1, 40),
    count=st.integers(1, 20),
    bits=st.integers(1, 16),
)
def test_vectors_are_those_of_the_definition_or_refused_for_their_rank(
    seed: bytes, length: int, count: int, bits: int
) -> None:
    defined = np.array(algorithm_3(seed, length, count, bits), dtype=np.uint16)
    try:
        vectors = query_vectors(seed, length=length, count=count, bits=bits)
    except DeficientSeedError:
        assert rank_of(defined) < min(length, count)
    else:
        assert np.array_equal(vectors, defined)


def test_weights_take_one_byte_up_to_eight_bits_and_two_above() -> None:
    assert query_vectors(SEED, length=9, count=2, bits=8).dtype == np.uint8
    assert query_vectors(SEED, length=9, count=2, bits=9).dtype == np.uint16


def test_two_hundred_and_fifty_six_vectors_over_mnist_are_independent() -> None:
    assert query_vectors(SEED, length=784, count=256, bits=3).shape == (256, 784)


@given(
    left=st.lists(st.integers(0, 9), min_size=12, max_size=12),
    right=st.lists(st.integers(0, 9), min_size=15, max_size=15),
)
def test_the_rank_is_the_one_that_numpy_finds_for_small_products(left: list[int], right: list[int]) -> None:
    matrix = (np.array(left).reshape(4, 3) @ np.array(right).reshape(3, 5)).astype(np.uint16)
    assert rank_of(matrix) == np.linalg.matrix_rank(matrix.astype(float))
