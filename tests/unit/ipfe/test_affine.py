"""Affine ciphertexts: what does not lie on the curve is refused, all else decrypts as encodings do."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.unit.ipfe.test_scheme import (
    BOUND,
    INNER_PRODUCTS,
    KEYS,
    MSK,
    PLAN,
    ZEROS,
    X,
    assert_decrypts,
    stream,
)

from pole.errors import InputError
from pole.ipfe import backend, group, scheme
from pole.ipfe.group import BASE, FIELD_PRIME, ORDER, SQRT_M1
from pole.protocol.mapping.plan import QueryPlan

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "rfc9496_ristretto255.json").read_text())
CIPHERTEXTS = scheme.encrypt(MSK, X, stream())
AFFINE = scheme.expand(CIPHERTEXTS)


def torsion() -> list[group.Point]:
    """The eight points of order 8 or less; only four of them are twice another point."""
    # (sqrt(-1), 0) has order 4; half of it has y = sqrt(-1) x, and so d x^4 - 2 x^2 - 1 = 0.
    root = group.sqrt_ratio(1 + group.D, 1)[1]
    squares = [(1 + sign * root) * pow(group.D, -1, FIELD_PRIME) for sign in (1, -1)]
    x = next(group.sqrt_ratio(square, 1)[1] for square in squares if group.sqrt_ratio(square, 1)[0])
    generator = group.Point(x, SQRT_M1 * x % FIELD_PRIME, 1, SQRT_M1 * x * x % FIELD_PRIME)
    points = [group.IDENTITY]
    for _ in range(7):
        points.append(group.add(points[-1], generator))
    return points


TORSION = torsion()


def bytes_of(x: int, y: int) -> NDArray[np.uint8]:
    return np.frombuffer(x.to_bytes(32, "little") + y.to_bytes(32, "little"), dtype=np.uint8)


def point_at(coordinates: NDArray[np.uint8]) -> group.Point:
    x, y = (int.from_bytes(half.tobytes(), "little") for half in coordinates.reshape(2, 32))
    return group.Point(x, y, 1, x * y % FIELD_PRIME)


def copy_of(affine: scheme.AffineCiphertexts) -> scheme.AffineCiphertexts:
    return scheme.AffineCiphertexts(affine.ct0.copy(), affine.ct.copy())


# Neither of the first three is a point; the others are points in coordinates that are not reduced.
OFF_THE_CURVE = {
    "zero": bytes_of(0, 0),
    "x equal to y": bytes_of(1, 1),
    "all bits": np.full(64, 255, dtype=np.uint8),
    "y beyond p": bytes_of(0, FIELD_PRIME + 1),
    "x equal to p": bytes_of(FIELD_PRIME, 1),
    "top bit of y": bytes_of(0, 1 + 2**255),
}


@pytest.mark.parametrize("bad", OFF_THE_CURVE.values(), ids=OFF_THE_CURVE)
@pytest.mark.parametrize("column", [-1, 0, 3])
def test_what_is_no_point_of_the_curve_spoils_its_sample(
    path: str, bad: NDArray[np.uint8], column: int
) -> None:
    corrupted = copy_of(AFFINE)
    if column < 0:
        corrupted.ct0[2] = bad
    else:
        corrupted.ct[2, column] = bad
    got = scheme.decrypt(corrupted, PLAN, KEYS, BOUND, backend=path)
    assert got.bad.tolist() == [False, False, True]
    assert got.values.tolist() == [*INNER_PRODUCTS[:2], ZEROS]


def test_any_flipped_bit_is_noticed(path: str) -> None:
    step = 97 if path == "python" else 1
    for bit in range(0, 512, step):
        corrupted = copy_of(AFFINE)
        corrupted.ct[1, 2, bit // 8] ^= 1 << bit % 8
        got = scheme.decrypt(corrupted, PLAN, KEYS, BOUND, backend=path)
        assert got.bad.tolist() == [False, True, False]


def test_a_bad_point_spoils_its_sample_in_any_shard() -> None:
    if backend.choose().name == "python":
        pytest.skip("a hundred samples are too slow in plain Python")
    ciphertexts = scheme.encrypt(MSK, np.zeros((150, 4), dtype=np.uint8), stream())
    affine = scheme.expand(ciphertexts, threads=2)
    affine.ct[[2, 64, 149], 1] = affine.ct[[2, 64, 149], 1, ::-1]
    got = scheme.decrypt(affine, PLAN, KEYS, BOUND, threads=2)
    assert np.flatnonzero(got.bad).tolist() == [2, 64, 149]


@pytest.mark.parametrize("vector", VECTORS["invalid_encodings"], ids=lambda v: v["encoding"][:16])
def test_an_invalid_encoding_expands_to_zeros_and_so_stays_bad(path: str, vector: dict[str, str]) -> None:
    forged = scheme.Ciphertexts(CIPHERTEXTS.ct0.copy(), CIPHERTEXTS.ct.copy())
    forged.ct[1, 3] = np.frombuffer(bytes.fromhex(vector["encoding"]), dtype=np.uint8)
    forged.ct0[2] = forged.ct[1, 3]
    affine = scheme.expand(forged, backend=path)
    expected = copy_of(AFFINE)
    expected.ct[1, 3], expected.ct0[2] = 0, 0
    assert affine.ct0.tobytes() == expected.ct0.tobytes()
    assert affine.ct.tobytes() == expected.ct.tobytes()
    for form in (forged, affine):
        got = scheme.decrypt(form, PLAN, KEYS, BOUND, backend=path)
        assert got.bad.tolist() == [False, True, True]
        assert got.values.tolist() == [INNER_PRODUCTS[0], ZEROS, ZEROS]


def test_lengths_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match=r"uint8 array of shape \(n, D, 64\)"):
        scheme.AffineCiphertexts(AFFINE.ct0, CIPHERTEXTS.ct)
    with pytest.raises(InputError, match="2 ct_0 for 3 samples"):
        scheme.AffineCiphertexts(AFFINE.ct0[:2], AFFINE.ct)
    with pytest.raises(InputError, match="column 3, but the data has 3 columns"):
        scheme.decrypt(scheme.AffineCiphertexts(AFFINE.ct0, AFFINE.ct[:, :3]), PLAN, KEYS, BOUND)
    with pytest.raises(InputError, match="threads"):
        scheme.expand(CIPHERTEXTS, threads=0)
    with pytest.raises(group.InvalidEncodingError, match="has 64 bytes, not 32"):
        group.from_affine(bytes(32))


def test_every_path_expands_to_the_same_bytes_and_decrypts_the_same(path: str) -> None:
    affine = scheme.expand(CIPHERTEXTS, backend=path)
    assert affine.ct0.tobytes() == AFFINE.ct0.tobytes()
    assert affine.ct.tobytes() == AFFINE.ct.tobytes()
    assert_decrypts(scheme.decrypt(affine, PLAN, KEYS, BOUND, backend=path), INNER_PRODUCTS)


def test_an_expanded_point_is_the_one_that_the_rfc_decodes_to() -> None:
    for encoded, affine in zip(CIPHERTEXTS.ct[0], AFFINE.ct[0], strict=True):
        point = group.decode(encoded.tobytes())
        assert (point_at(affine).x, point_at(affine).y) == (point.x, point.y)
        assert group.to_affine(point) == affine.tobytes()


@pytest.mark.parametrize("added", range(8))
def test_points_of_order_eight_change_no_result(path: str, added: int) -> None:
    moved = copy_of(AFFINE)
    for place in [moved.ct0[0:1], moved.ct[0], moved.ct[1, 1:3]]:
        for row in place:
            row[:] = np.frombuffer(group.to_affine(group.add(point_at(row), TORSION[added])), dtype=np.uint8)
    assert_decrypts(scheme.decrypt(moved, PLAN, KEYS, BOUND, backend=path), INNER_PRODUCTS)


def test_points_of_order_eight_alone_stand_for_the_identity(path: str) -> None:
    plan = QueryPlan(np.array([[0, 1]], dtype=np.int32), np.array([[1, 2], [3, 3]], dtype=np.uint8))
    keys = scheme.FunctionalKeys(np.ones((1, 2, 32), dtype=np.uint8))
    rows = np.stack([np.frombuffer(group.to_affine(point), dtype=np.uint8) for point in TORSION])
    affine = scheme.AffineCiphertexts(rows, np.stack([rows, rows[::-1]], axis=1))
    assert_decrypts(scheme.decrypt(affine, plan, keys, 5, backend=path), [[[0, 0]]] * 8)


def test_there_are_eight_points_of_order_eight_or_less_and_four_of_them_are_no_encoding() -> None:
    assert len({group.to_affine(point) for point in TORSION}) == 8
    assert sum(point == group.IDENTITY for point in TORSION) == 4
    for point in TORSION:
        moved = group.add(group.multiply(ORDER - 3, BASE), point)
        assert group.from_affine(group.to_affine(moved)) == group.multiply(-3, BASE)


@settings(max_examples=15)
@given(st.data())
def test_expanded_ciphertexts_decrypt_bit_for_bit_like_their_encodings(data: st.DataObject) -> None:
    dimension, samples = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 10))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    windows = rng.integers(-1, dimension, (2, data.draw(st.integers(1, 9)))).astype(np.int32)
    plan = QueryPlan(windows, rng.integers(0, 8, (3, windows.shape[1])).astype(np.uint8))
    msk, _ = scheme.generate_keys(dimension, stream())
    keys = scheme.derive_keys(msk, plan)
    ciphertexts = scheme.encrypt(
        msk,
        rng.integers(0, 256, (samples, dimension)).astype(np.uint8),
        stream(data.draw(st.text(max_size=3))),
    )
    bound = scheme.bound_of(plan, 255)
    affine = scheme.expand(ciphertexts)
    for path in [name for name in backend.available() if name != "python"] or ["python"]:
        compressed = scheme.decrypt(ciphertexts, plan, keys, bound, backend=path)
        assert_decrypts(scheme.decrypt(affine, plan, keys, bound, backend=path), compressed.values.tolist())
