"""Matrices modulo a prime in limbs, held against Python's own integers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pole.protocol.mapping.residues import LIMB_BITS, PrimeField, prime_field

ORDER = 2**252 + 27742317777372353535851937790883648493
PRIMES = [2, 3, 97, 2**31 - 1, 2**61 - 1, ORDER]


def objects(field: PrimeField, rows: int, columns: int, random: np.random.Generator) -> np.ndarray:
    """Return numbers modulo the prime, extreme ones among them."""
    special = [0, 1, field.modulus - 1, field.modulus // 2]
    numbers = [int.from_bytes(random.bytes(40), "big") % field.modulus for _ in range(rows * columns)]
    some = random.random(rows * columns) < 0.5
    chosen = [special[number % 4] if pick else number for number, pick in zip(numbers, some, strict=True)]
    return np.array(chosen, dtype=object).reshape(rows, columns)


@pytest.mark.parametrize("modulus", PRIMES)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32), rows=st.integers(1, 5), terms=st.integers(1, 6), columns=st.integers(1, 5))
def test_a_product_is_subtracted_exactly(
    modulus: int, seed: int, rows: int, terms: int, columns: int
) -> None:
    field, random = prime_field(modulus), np.random.default_rng(seed)
    matrix, left, right = (
        objects(field, *shape, random) for shape in ((rows, columns), (rows, terms), (terms, columns))
    )
    result = field.subtract_product(*map(field.from_objects, (matrix, left, right)))
    assert np.array_equal(field.to_objects(result), (matrix - left @ right) % modulus)


def test_the_largest_numbers_across_several_tiles_stay_exact() -> None:
    field = prime_field(ORDER)
    left = np.full((2, 600), ORDER - 1, dtype=object)
    right = np.full((600, 300), ORDER - 1, dtype=object)
    matrix = np.zeros((2, 300), dtype=object)
    result = field.subtract_product(*map(field.from_objects, (matrix, left, right)))
    assert np.all(field.to_objects(result) == -600 % ORDER)


def test_a_product_of_no_terms_changes_nothing() -> None:
    field = prime_field(ORDER)
    matrix = field.from_integers(np.array([[7, 8]], dtype=np.uint8))
    nothing = np.zeros((field.limbs, 1, 0), dtype=np.int32)
    assert np.array_equal(field.subtract_product(matrix, nothing, nothing.reshape(field.limbs, 0, 1)), matrix)


def test_limbs_hold_every_reduced_number() -> None:
    field = prime_field(ORDER)
    numbers = np.array([[0, 1, ORDER - 1, 2**252, 2**LIMB_BITS]], dtype=object)
    limbs = field.from_objects(numbers)
    assert np.array_equal(field.to_objects(limbs), numbers)
    assert int(limbs.max()) < 2**LIMB_BITS


def test_weights_are_reduced_modulo_a_small_prime() -> None:
    field = prime_field(3)
    assert np.array_equal(
        field.to_objects(field.from_integers(np.array([[3, 4, 65535]], dtype=np.uint16))), [[0, 1, 0]]
    )
