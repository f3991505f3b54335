"""The plain-Python group against RFC 9496, libsodium's Edwards curve, and the laws of algebra."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl import bindings as sodium

from pole.errors import IntegrityError
from pole.ipfe import group
from pole.ipfe.group import BASE, FIELD_PRIME, IDENTITY, ORDER

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "rfc9496_ristretto255.json").read_text())
scalars = st.integers(min_value=0, max_value=ORDER - 1)
points = scalars.map(lambda k: group.multiply(k, BASE))


def edwards_base() -> group.Point:
    """The base point of Ed25519 (RFC 8032): y = 4/5, x even. Not the same representative as BASE."""
    y = 4 * pow(5, -1, FIELD_PRIME) % FIELD_PRIME
    x = group.sqrt_ratio(y * y - 1, group.D * y * y + 1)[1]
    return group.Point(x, y, 1, x * y % FIELD_PRIME)


@pytest.mark.parametrize("vector", VECTORS["invalid_encodings"], ids=lambda v: v["encoding"][:16])
def test_an_invalid_encoding_is_refused(vector: dict[str, str]) -> None:
    with pytest.raises(group.InvalidEncodingError):
        group.decode(bytes.fromhex(vector["encoding"]))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_an_encoding_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(IntegrityError, match=f"not {length}"):
        group.decode(bytes(length))


@pytest.mark.parametrize("length", [0, 63, 65])
def test_uniform_bytes_of_another_length_are_refused(length: int) -> None:
    with pytest.raises(ValueError, match="uniform bytes"):
        group.from_uniform_bytes(bytes(length))


@pytest.mark.parametrize(("multiple", "encoding"), list(enumerate(VECTORS["generator_multiples"])))
def test_multiples_of_the_generator_are_those_of_the_rfc(multiple: int, encoding: str) -> None:
    assert group.encode(group.multiply(multiple, BASE)).hex() == encoding
    assert group.encode(group.decode(bytes.fromhex(encoding))).hex() == encoding


@pytest.mark.parametrize("vector", VECTORS["from_uniform_bytes"], ids=lambda v: v["input"][:16])
def test_uniform_bytes_map_to_the_elements_of_the_rfc(vector: dict[str, str]) -> None:
    assert group.encode(group.from_uniform_bytes(bytes.fromhex(vector["input"]))).hex() == vector["output"]


@settings(max_examples=20)
@given(scalars.filter(bool))
def test_multiples_are_libsodiums_multiples_on_the_edwards_curve(k: int) -> None:
    point = group.multiply(k, edwards_base())
    assert point == group.multiply(k, BASE)
    inverse = pow(point.z, -1, FIELD_PRIME)
    x, y = point.x * inverse % FIELD_PRIME, point.y * inverse % FIELD_PRIME
    compressed = (y | (x & 1) << 255).to_bytes(32, "little")
    assert compressed == sodium.crypto_scalarmult_ed25519_base_noclamp(k.to_bytes(32, "little"))


@settings(max_examples=20)
@given(scalars, scalars)
def test_multiplication_is_a_homomorphism(a: int, b: int) -> None:
    assert group.add(group.multiply(a, BASE), group.multiply(b, BASE)) == group.multiply(a + b, BASE)


@settings(max_examples=20)
@given(points)
def test_a_point_and_its_negative_cancel(p: group.Point) -> None:
    assert group.add(p, group.negate(p)) == IDENTITY
    assert p == IDENTITY or p != group.negate(p)


@settings(max_examples=20)
@given(points)
def test_the_four_points_of_a_coset_are_one_element(p: group.Point) -> None:
    turned = group.Point(p.y * group.SQRT_M1, p.x * group.SQRT_M1, p.z, -p.t)
    for other in (turned, group.Point(-p.x, -p.y, p.z, p.t)):
        assert other == p
        assert group.encode(other) == group.encode(p)
        assert hash(other) == hash(p)


@settings(max_examples=10)
@given(st.lists(st.tuples(st.integers(-ORDER, 2 * ORDER), points), max_size=4))
def test_a_linear_combination_is_the_sum_of_its_terms(terms: list[tuple[int, group.Point]]) -> None:
    total = IDENTITY
    for scalar, point in terms:
        total = group.add(total, group.multiply(scalar, point))
    assert group.linear_combination(terms) == total


def test_the_group_has_prime_order() -> None:
    assert group.multiply(ORDER - 1, BASE) == group.negate(BASE)
    assert group.multiply(ORDER, BASE) == IDENTITY


def test_a_point_is_no_number() -> None:
    assert BASE != 1
