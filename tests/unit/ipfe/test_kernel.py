"""Every code path gives the bytes of the plain-Python one, at the edges most of all."""

import functools
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl import bindings as sodium
from numpy.typing import NDArray

from pole.ipfe import backend, group
from pole.ipfe.group import BASE, FIELD_PRIME, ORDER, SQRT_M1
from pole.ipfe.kernel import NO_LOGARITHM, InvalidKeyPointError
from pole.ipfe.scalars import scalars_of
from pole.protocol.mapping.plan import QueryPlan

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "rfc9496_ristretto255.json").read_text())
EDGES = [
    0,
    1,
    2,
    3,
    2047,
    2048,
    2049,
    4095,
    4096,
    2**52,
    2**251 - 1,
    2**251,
    2**251 + 2**124,
    2**252 - 1,
    2**252,
    ORDER // 2,
    ORDER // 2 + 1,
    ORDER - 2,
    ORDER - 1,
]
# All digits at, one below and one above half of a window's width, for each width that tables have.
HALVES = [
    sum(half + offset << place for place in range(0, 252, width)) % ORDER
    for width, half in [(4, 8), (6, 32), (12, 2048)]
    for offset in (-1, 0, 1)
]
REFERENCE = backend.choose("python")


def encodings(hexes: list[str]) -> NDArray[np.uint8]:
    return np.frombuffer(bytes.fromhex("".join(hexes)), dtype=np.uint8).reshape(-1, 32).copy()


def multiples(*ks: int) -> NDArray[np.uint8]:
    return encodings([group.encode(group.multiply(k, BASE)).hex() for k in ks])


def plan_of(windows: list[list[int]], vectors: list[list[int]]) -> QueryPlan:
    return QueryPlan(np.array(windows, dtype=np.int32), np.array(vectors, dtype=np.uint16))


@pytest.mark.parametrize("vector", VECTORS["invalid_encodings"], ids=lambda v: v["encoding"][:16])
def test_an_invalid_encoding_is_refused_on_every_path(path: str, vector: dict[str, str]) -> None:
    kernel = backend.choose(path)
    points = np.concatenate([multiples(*range(10)), encodings([vector["encoding"]])])
    with pytest.raises(InvalidKeyPointError) as caught:
        kernel.linear_combination(points, scalars_of(range(11)))
    assert caught.value.column == 10
    zeros = np.zeros((1, 11), dtype=np.uint32)
    with pytest.raises(InvalidKeyPointError, match="Column 10 of the master public key"):
        kernel.encrypt_with_public_key(points, scalars_of([1]), zeros)
    decryptor = kernel.decryptor(plan_of([[0]], [[1]]), scalars_of([0]).reshape(1, 1, 32), 11, 1)
    assert decryptor.inner_products(multiples(0), points[np.newaxis]).tolist() == [[[NO_LOGARITHM]]]
    affine0, affine = kernel.expand(points[10:], points[np.newaxis])
    assert not affine0.any()
    assert not affine[0, 10].any()
    assert affine[0, :10].any(axis=1).all()


@pytest.mark.parametrize("samples", [[], [0], [8], [3, 9], [4, 5, 6, 7], list(range(11))], ids=str)
@pytest.mark.parametrize("column", [-1, 0, 2])
def test_an_invalid_point_spoils_its_sample_and_no_other(path: str, samples: list[int], column: int) -> None:
    kernel = backend.choose(path)
    ct0, ct = multiples(*range(11)), np.tile(multiples(5), (11, 3, 1))
    bad = encodings(["01" + "00" * 31])
    if column < 0:
        ct0[samples] = bad
    else:
        ct[samples, column] = bad
    # Columns 0 and 2 count in no inner product, and spoil their sample all the same.
    decryptor = kernel.decryptor(plan_of([[1, -1]], [[2, 1]]), scalars_of([0]).reshape(1, 1, 32), 3, 10)
    expected = [NO_LOGARITHM if sample in samples else 10 for sample in range(11)]
    assert decryptor.inner_products(ct0, ct).ravel().tolist() == expected
    assert decryptor.inner_products(*kernel.expand(ct0, ct)).ravel().tolist() == expected


def test_multiples_of_the_generator_are_those_of_the_rfc_on_every_path(path: str) -> None:
    expected = encodings(VECTORS["generator_multiples"])
    got = backend.choose(path).base_multiples(scalars_of(range(len(expected))))
    assert got.tobytes() == expected.tobytes()


def test_edge_scalars_give_the_bytes_of_the_reference(path: str) -> None:
    scalars = scalars_of(EDGES)
    assert (
        backend.choose(path).base_multiples(scalars).tobytes() == REFERENCE.base_multiples(scalars).tobytes()
    )


def test_digits_at_half_a_window_give_the_bytes_of_the_reference(path: str) -> None:
    ks = [k for half in HALVES for k in (half, ORDER - half, 2 * half % ORDER)]
    kernel = backend.choose(path)
    expected = multiples(*ks)
    assert kernel.base_multiples(scalars_of(ks)).tobytes() == expected.tobytes()
    ones = np.zeros((len(ks), 1), dtype=np.uint32)
    _, ct = kernel.encrypt_with_public_key(multiples(1), scalars_of(ks), ones)
    assert ct.tobytes() == expected.tobytes()
    for k in ks:
        assert kernel.linear_combination(multiples(1), scalars_of([k])) == multiples(k).tobytes()


def test_multiples_are_those_of_libsodium_on_the_edwards_curve(path: str) -> None:
    ks = [1, 2, 3, 8, 2**200 + 1, ORDER - 1]
    kernel = backend.choose(path)
    encoded = kernel.base_multiples(scalars_of(ks))
    affine, _ = kernel.expand(encoded, encoded[:, np.newaxis])
    for k, coordinates in zip(ks, affine, strict=True):
        expected = sodium.crypto_scalarmult_ed25519_base_noclamp(k.to_bytes(32, "little"))
        assert expected in edwards_encodings(coordinates.tobytes())


def test_sums_are_those_of_libsodium_on_the_edwards_curve(path: str) -> None:
    ks, weights = [5, ORDER - 9, 2**251 + 77, 1], [1, 2, 1, 3]
    points = [sodium.crypto_scalarmult_ed25519_base_noclamp(k.to_bytes(32, "little")) for k in ks]
    terms = [point for point, weight in zip(points, weights, strict=True) for _ in range(weight)]
    kernel = backend.choose(path)
    got = np.frombuffer(
        kernel.linear_combination(kernel.base_multiples(scalars_of(ks)), scalars_of(weights)), dtype=np.uint8
    )
    affine, _ = kernel.expand(got[np.newaxis], got[np.newaxis, np.newaxis])
    assert functools.reduce(sodium.crypto_core_ed25519_add, terms) in edwards_encodings(affine[0].tobytes())


def edwards_encodings(affine: bytes) -> list[bytes]:
    """The four points of a coset as RFC 8032 writes points of Ed25519: y, and the sign of x."""
    x, y = (int.from_bytes(half, "little") for half in (affine[:32], affine[32:]))
    turned = (y * SQRT_M1, x * SQRT_M1)
    coset = [(x, y), (-x, -y), turned, (-turned[0], -turned[1])]
    return [(b % FIELD_PRIME | (a % FIELD_PRIME & 1) << 255).to_bytes(32, "little") for a, b in coset]


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 33])
def test_any_number_of_scalars_is_taken(path: str, count: int) -> None:
    got = backend.choose(path).base_multiples(scalars_of(range(count)))
    assert got.tobytes() == multiples(*range(count)).tobytes()


def test_more_scalars_than_a_batch_holds_are_taken() -> None:
    expected = multiples(*range(600)).tobytes()
    for path in backend.available():
        assert backend.choose(path).base_multiples(scalars_of(range(600))).tobytes() == expected


def test_both_encryptions_give_the_bytes_of_the_reference_at_the_edges(path: str) -> None:
    secrets = [0, 1, ORDER - 1, 2**252, 12345]
    randomness, secret = scalars_of(EDGES), scalars_of(secrets)
    x = np.array(
        [[(i * 7919 + j * 0xFFFF_FFFF) % 2**32 for j in range(5)] for i in range(len(EDGES))], dtype=np.uint32
    )
    x[0], x[1], x[2] = 0, 0xFFFF_FFFF, 0x8000_0000
    expected0, expected = (
        multiples(*EDGES),
        multiples(*(r * s + int(x[i, j]) for i, r in enumerate(EDGES) for j, s in enumerate(secrets))),
    )
    kernel = backend.choose(path)
    for ct0, ct in (
        kernel.encrypt(secret, randomness, x),
        kernel.encrypt_with_public_key(multiples(*secrets), randomness, x),
    ):
        assert ct0.tobytes() == expected0.tobytes()
        assert ct.tobytes() == expected.tobytes()


def test_a_linear_combination_is_that_of_the_exponents(path: str) -> None:
    ks = [0, 1, ORDER - 1, 77, 2**200]
    got = backend.choose(path).linear_combination(multiples(*ks), scalars_of([5, 0, 9, ORDER - 1, 2**252]))
    assert got == multiples(-9 - 77 + 2**452)[0].tobytes()


def test_logarithms_at_every_edge_of_the_range_are_found_and_none_beyond(path: str) -> None:
    bound = 1000
    values = [
        0,
        1,
        2,
        7,
        8,
        31,
        32,
        255,
        256,
        511,
        999,
        1000,
        1001,
        1024,
        2000,
        -1,
        -2,
        -1000,
        10**9,
        ORDER // 2,
    ]
    ct = multiples(*values).reshape(-1, 1, 32)
    key = scalars_of([0]).reshape(1, 1, 32)
    decryptor = backend.choose(path).decryptor(plan_of([[0]], [[1]]), key, 1, bound)
    got = decryptor.inner_products(multiples(*range(len(values))), ct).ravel()
    assert got.tolist() == [v if 0 <= v <= bound else NO_LOGARITHM for v in values]


@pytest.mark.parametrize("bits", range(1, 17))
def test_maximal_weights_and_keys_meet_maximal_points(path: str, bits: int) -> None:
    top = 2**bits - 1
    plan = plan_of([[0, 1, 2]], [[top, top, top], [0, 0, 0], [top, 0, top]])
    etas = [ORDER - 1, 0, ORDER - 2]
    ct0, samples = [ORDER - 5, 7, 0], [[ORDER - 1, 1, 0], [0, 0, 0], [ORDER - 1, ORDER - 1, 3]]
    keys = scalars_of(etas).reshape(1, 3, 32)
    ct = multiples(*(k for sample in samples for k in sample)).reshape(3, 3, 32)
    got = backend.choose(path).decryptor(plan, keys, 3, 200_000).inner_products(multiples(*ct0), ct)
    for i, sample in enumerate(samples):
        for query, vector in enumerate(plan.vectors):
            total = sum(int(z) * k for z, k in zip(vector, sample, strict=True)) - etas[query] * ct0[i]
            expected = total % ORDER if total % ORDER <= 200_000 else NO_LOGARITHM
            assert got[i, 0, query] == expected


@st.composite
def decryptions(draw: st.DrawFn) -> tuple[QueryPlan, list[list[int]], list[int]]:
    """A plan, samples as exponents of their ciphertexts (ct_0 first), and functional keys."""
    dimension, length = draw(st.integers(1, 6)), draw(st.integers(1, 5))
    weight = st.integers(0, draw(st.sampled_from([1, 3, 7, 255, 65535])))
    windows = draw(
        st.lists(
            st.lists(st.integers(-1, dimension - 1), min_size=length, max_size=length), min_size=1, max_size=3
        )
    )
    vectors = draw(st.lists(st.lists(weight, min_size=length, max_size=length), min_size=1, max_size=5))
    value = st.one_of(st.integers(0, 9), st.integers(-3, 0), st.just(ORDER - 1))
    samples = draw(
        st.lists(st.lists(value, min_size=dimension + 1, max_size=dimension + 1), min_size=1, max_size=9)
    )
    key = st.one_of(st.integers(0, 9), st.integers(ORDER - 9, ORDER - 1))
    count = len(windows) * len(vectors)
    return plan_of(windows, vectors), samples, draw(st.lists(key, min_size=count, max_size=count))


@settings(max_examples=30)
@given(decryptions())
def test_the_matrix_product_is_that_of_the_exponents(
    case: tuple[QueryPlan, list[list[int]], list[int]],
) -> None:
    plan, samples, etas = case
    bound = 5000
    shape = (len(samples), len(plan.windows), len(plan.vectors))
    expected = np.empty(shape, dtype=np.int64)
    for (i, w, q), _ in np.ndenumerate(expected):
        sample = samples[i]
        total = sum(
            int(z) * sample[j + 1] for j, z in zip(plan.windows[w], plan.vectors[q], strict=True) if j >= 0
        )
        value = (total - etas[w * shape[2] + q] * sample[0]) % ORDER
        expected[i, w, q] = value if value <= bound else NO_LOGARITHM
    exponents = [k for sample in samples for k in sample]
    points = backend.choose().base_multiples(scalars_of(exponents)).reshape(len(samples), -1, 32)
    ct0, ct = np.ascontiguousarray(points[:, 0]), np.ascontiguousarray(points[:, 1:])
    keys = scalars_of(etas).reshape(*shape[1:], 32)
    for path in backend.available():
        if path == "python" and expected.size > 20:
            continue
        decryptor = backend.choose(path).decryptor(plan, keys, ct.shape[1], bound)
        assert decryptor.inner_products(ct0, ct).tolist() == expected.tolist(), path


def test_buffers_of_a_wrong_length_never_reach_the_kernel() -> None:
    native = pytest.importorskip("pole.ipfe._native")
    with pytest.raises(ValueError, match="buffer 1 has 31 bytes instead of 32"):
        native.base_multiples("portable", bytes(32), bytearray(31))
    with pytest.raises(ValueError, match="buffer 2"):
        native.encrypt("portable", bytes(64), bytes(32), bytes(2), bytearray(32), bytearray(64))
    with pytest.raises(ValueError, match="no kernel neon"):
        native.base_multiples("neon", bytes(32), bytearray(32))
