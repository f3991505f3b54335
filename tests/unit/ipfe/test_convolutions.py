"""Plans of many short windows, which the native kernel decrypts window by window."""

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.unit.ipfe.test_affine import TORSION, point_at
from tests.unit.ipfe.test_scheme import assert_decrypts, stream

from pole.ipfe import backend, group, scheme
from pole.ipfe.group import ORDER
from pole.ipfe.kernel import NO_LOGARITHM
from pole.ipfe.scalars import scalars_of
from pole.protocol.mapping.plan import PADDING, QueryPlan

NATIVE = [name for name in backend.available() if name != "python"]
SIDE = 12
IMAGE = np.arange(SIDE * SIDE, dtype=np.int32).reshape(SIDE, SIDE)
MSK, MPK = scheme.generate_keys(SIDE * SIDE, stream("convolution"))


def convolution(queries: int, bits: int) -> QueryPlan:
    """Zero-padded 3x3 windows over the image, one for each pixel."""
    padded = np.pad(IMAGE, 1, constant_values=PADDING)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).reshape(-1, 9)
    vectors = np.random.default_rng(bits).integers(0, 2**bits, (queries, 9)).astype(np.uint16)
    vectors[0, 0], vectors[-1, -1] = 2**bits - 1, 0
    return QueryPlan(np.ascontiguousarray(windows), vectors)


def expected(plan: QueryPlan, x: NDArray[np.uint8]) -> NDArray[np.int64]:
    padded = np.concatenate([x, np.zeros((len(x), 1), dtype=x.dtype)], axis=1).astype(np.int64)
    products: NDArray[np.int64] = padded[:, plan.windows] @ plan.vectors.astype(np.int64).T
    return products


@pytest.mark.parametrize("path", NATIVE)
def test_a_bad_point_spoils_its_image_alone(path: str) -> None:
    plan, x = convolution(1, 3), np.ones((9, SIDE * SIDE), dtype=np.uint8)
    images = scheme.encrypt(MSK, x, stream())
    images.ct[2, 143], images.ct0[7] = 255, 255
    got = scheme.decrypt(images, plan, scheme.derive_keys(MSK, plan), 5000, backend=path)
    assert np.flatnonzero(got.bad).tolist() == [2, 7]
    x[[2, 7]] = 0
    assert (got.values == expected(plan, x)).all()


@pytest.mark.parametrize("path", NATIVE)
def test_with_a_wrong_key_of_one_window_no_image_decrypts(path: str) -> None:
    plan = convolution(2, 3)
    keys = scheme.derive_keys(MSK, plan)
    keys.eta[77, 1, 0] ^= 1
    images = scheme.encrypt(MSK, np.zeros((2, SIDE * SIDE), dtype=np.uint8), stream())
    got = scheme.decrypt(images, plan, keys, 5000, backend=path)
    assert got.bad.all()
    assert not got.values.any()


@pytest.mark.parametrize("path", NATIVE)
@pytest.mark.parametrize(("queries", "bits"), [(1, 1), (1, 3), (4, 3), (2, 8), (1, 16)])
def test_filters_slide_over_encrypted_images(path: str, queries: int, bits: int) -> None:
    plan = convolution(queries, bits)
    x = np.random.default_rng(1).integers(0, 4, (11, SIDE * SIDE)).astype(np.uint8)
    x[0], x[1] = 0, 3
    images, keys = scheme.encrypt(MSK, x, stream()), scheme.derive_keys(MSK, plan)
    bound = scheme.bound_of(plan, 3)
    for points in (images, scheme.expand(images)):
        got = scheme.decrypt(points, plan, keys, bound, threads=2, backend=path)
        assert_decrypts(got, expected(plan, x).tolist())


@pytest.mark.parametrize("path", NATIVE)
def test_keys_of_every_shape_of_digits_count(path: str) -> None:
    plan = convolution(1, 3)
    halves = [sum(half << place for place in range(0, 252, 6)) for half in (31, 32, 33)]
    edges = [0, 1, 31, 32, 33, 64, 2**251 - 1, 2**251, 2**252, ORDER // 2, ORDER // 2 + 1, ORDER - 1, *halves]
    etas = [edges[w % len(edges)] % ORDER for w in range(len(plan.windows))]
    keys = scalars_of(etas).reshape(-1, 1, 32)
    # The multiples of ct_0 that bring half of the keys into range, and what must not.
    ct0 = [0, 1, ORDER - 1, -pow(halves[1], -1, ORDER) % ORDER, -2 * pow(ORDER // 2, -1, ORDER) % ORDER]
    kernel = backend.choose(path)
    points = kernel.base_multiples(scalars_of(ct0))
    ct = np.tile(points[:1], (len(ct0), SIDE * SIDE, 1))
    got = kernel.decryptor(plan, keys, SIDE * SIDE, 1000).inner_products(points, ct)
    for i, k in enumerate(ct0):
        values = [-eta * k % ORDER for eta in etas]
        assert got[i, :, 0].tolist() == [value if value <= 1000 else NO_LOGARITHM for value in values]


@pytest.mark.parametrize("path", NATIVE)
@pytest.mark.parametrize("added", [1, 2, 7])
def test_points_of_order_eight_change_no_pixel(path: str, added: int) -> None:
    plan = convolution(1, 3)
    x = np.random.default_rng(2).integers(0, 4, (2, SIDE * SIDE)).astype(np.uint8)
    affine = scheme.expand(scheme.encrypt(MSK, x, stream()))
    moved = scheme.AffineCiphertexts(affine.ct0.copy(), affine.ct.copy())
    for row in [moved.ct0[0], moved.ct[1, 17], moved.ct[1, 18]]:
        row[:] = np.frombuffer(group.to_affine(group.add(point_at(row), TORSION[added])), dtype=np.uint8)
    keys = scheme.derive_keys(MSK, plan)
    got = scheme.decrypt(moved, plan, keys, 5000, backend=path)
    assert_decrypts(got, expected(plan, x).tolist())


@pytest.mark.parametrize("path", NATIVE)
@pytest.mark.parametrize("windows", [1, 12, 40, 200, 800, 4000])
def test_keys_of_any_number_of_windows_are_written_in_digits_of_any_width(path: str, windows: int) -> None:
    columns = np.random.default_rng(windows).integers(0, 9, (windows, 2)).astype(np.int32)
    plan = QueryPlan(columns, np.array([[1, 2]], dtype=np.uint16))
    x = np.random.default_rng(3).integers(0, 256, (3, SIDE * SIDE)).astype(np.uint8)
    keys, bound = scheme.derive_keys(MSK, plan), scheme.bound_of(plan, 255)
    got = scheme.decrypt(scheme.encrypt(MSK, x, stream()), plan, keys, bound, backend=path)
    assert not got.bad.any()
    assert np.array_equal(got.values, expected(plan, x))
