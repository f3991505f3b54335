"""The scheme: what an attacker or an accident changes is noticed, and everything else decrypts to <x, z>."""

import hashlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pole.errors import InputError, IntegrityError
from pole.ipfe import backend, scheme
from pole.ipfe.group import ORDER
from pole.ipfe.scalars import scalars_of
from pole.protocol.mapping.plan import QueryPlan


def stream(seed: str = "") -> Callable[[int], bytes]:
    """Reproducible bytes in place of os.urandom; never the same twice."""
    counter = iter(range(1 << 30))
    return lambda n: hashlib.shake_256(f"{seed}/{next(counter)}".encode()).digest(n)


def plan_of(windows: list[list[int]], vectors: list[list[int]]) -> QueryPlan:
    return QueryPlan(np.array(windows, dtype=np.int32), np.array(vectors, dtype=np.uint8))


PLAN = plan_of([[0, 1, 2], [3, -1, 0]], [[1, 2, 3], [7, 0, 1], [0, 0, 0]])
X = np.array([[1, 2, 3, 4], [15, 0, 15, 15], [0, 0, 0, 0]], dtype=np.uint8)
ZEROS = [[0, 0, 0], [0, 0, 0]]
INNER_PRODUCTS = [[[14, 10, 0], [7, 29, 0]], [[60, 120, 0], [60, 120, 0]], [[0, 0, 0], [0, 0, 0]]]
MSK, MPK = scheme.generate_keys(4, stream("key"))
KEYS = scheme.derive_keys(MSK, PLAN)
BOUND = scheme.bound_of(PLAN, 15)


def assert_decrypts(got: scheme.InnerProducts, expected: object) -> None:
    """Every sample decrypts, to these inner products."""
    assert not got.bad.any()
    assert got.values.dtype == np.int64
    assert got.values.tolist() == expected


@pytest.mark.parametrize("bit", [*range(16), 100, 251, 252, 253, 255])
@pytest.mark.parametrize("place", [(0, 0), (1, 2)])
def test_a_key_with_one_bit_flipped_is_refused(bit: int, place: tuple[int, int]) -> None:
    eta = KEYS.eta.copy()
    eta[(*place, bit // 8)] ^= 1 << bit % 8
    with pytest.raises(scheme.WrongKeysError, match=r"round's (functional )?keys"):
        scheme.verify_keys(MPK, PLAN, scheme.FunctionalKeys(eta), stream())


def test_every_single_bit_of_a_key_counts(path: str) -> None:
    bits = range(0, 256, 85) if path == "python" else range(256)
    for bit in bits:
        eta = KEYS.eta.copy()
        eta[1, 1, bit // 8] ^= 1 << bit % 8
        with pytest.raises(IntegrityError):
            scheme.verify_keys(MPK, PLAN, scheme.FunctionalKeys(eta), stream(), backend=path)


def test_errors_in_two_keys_do_not_cancel() -> None:
    eta = [int.from_bytes(row.tobytes(), "little") for row in KEYS.eta.reshape(-1, 32)]
    eta[0], eta[1] = eta[0] + 1, eta[1] - 1
    forged = scheme.FunctionalKeys(scalars_of(eta).reshape(KEYS.eta.shape))
    with pytest.raises(scheme.WrongKeysError):
        scheme.verify_keys(MPK, PLAN, forged, stream())


def test_keys_that_are_not_reduced_or_too_few_are_refused() -> None:
    eta = KEYS.eta.copy()
    raised = int.from_bytes(eta[0, 0].tobytes(), "little") + ORDER
    eta[0, 0] = np.frombuffer(raised.to_bytes(32, "little"), dtype=np.uint8)
    with pytest.raises(scheme.WrongKeysError, match="not reduced"):
        scheme.verify_keys(MPK, PLAN, scheme.FunctionalKeys(eta), stream())
    with pytest.raises(scheme.WrongKeysError, match="not reduced"):
        scheme.decrypt(scheme.encrypt(MSK, X, stream()), PLAN, scheme.FunctionalKeys(eta), BOUND)
    with pytest.raises(scheme.WrongKeysError, match="2 x 3 functional keys, but there are 2 x 2"):
        scheme.verify_keys(MPK, PLAN, scheme.FunctionalKeys(KEYS.eta[:, :2]), stream())


def test_keys_of_another_master_key_are_refused() -> None:
    _, other = scheme.generate_keys(4, stream("other"))
    with pytest.raises(scheme.WrongKeysError):
        scheme.verify_keys(other, PLAN, KEYS, stream())


def test_keys_for_other_vectors_are_refused_and_decrypt_nothing_but_zeros(path: str) -> None:
    other = QueryPlan(PLAN.windows, PLAN.vectors[::-1].copy())
    with pytest.raises(scheme.WrongKeysError):
        scheme.verify_keys(MPK, other, KEYS, stream(), backend=path)
    got = scheme.decrypt(scheme.encrypt(MSK, X, stream()), other, KEYS, BOUND, backend=path)
    assert got.bad.all()
    assert not got.values.any()


def test_under_a_wrong_key_no_sample_decrypts(path: str) -> None:
    ciphertexts = scheme.encrypt(MSK, X, stream(), backend=path)
    eta = KEYS.eta.copy()
    eta[1, 2, 0] ^= 1
    got = scheme.decrypt(ciphertexts, PLAN, scheme.FunctionalKeys(eta), BOUND, backend=path)
    assert got.bad.all()
    assert not got.values.any()


def test_swapped_ciphertexts_do_not_decrypt_and_others_do(path: str) -> None:
    c = scheme.encrypt(MSK, X, stream(), backend=path)
    columns_swapped = scheme.Ciphertexts(c.ct0, c.ct[:, [1, 0, 2, 3]])
    samples_mixed = scheme.Ciphertexts(c.ct0[[1, 0, 2]], c.ct)
    assert scheme.decrypt(columns_swapped, PLAN, KEYS, BOUND, backend=path).bad.all()
    got = scheme.decrypt(samples_mixed, PLAN, KEYS, BOUND, backend=path)
    assert got.bad.tolist() == [True, True, False]
    assert got.values.tolist() == [ZEROS, ZEROS, INNER_PRODUCTS[2]]


def test_a_sample_beyond_the_bound_is_bad_as_a_whole_and_the_bound_is_inclusive(path: str) -> None:
    ciphertexts = scheme.encrypt(MSK, X, stream(), backend=path)
    assert_decrypts(scheme.decrypt(ciphertexts, PLAN, KEYS, 120, backend=path), INNER_PRODUCTS)
    got = scheme.decrypt(ciphertexts, PLAN, KEYS, 119, backend=path)
    assert got.bad.tolist() == [False, True, False]
    assert got.values.tolist() == [INNER_PRODUCTS[0], ZEROS, INNER_PRODUCTS[2]]


def test_a_negative_inner_product_does_not_pass_for_its_absolute_value(path: str) -> None:
    plan = plan_of([[0]], [[1]])
    minus_five = scheme.MasterSecretKey(scalars_of([ORDER - 5]))
    one = lambda n: bytes([1, *bytes(63)]) * (n // 64)  # noqa: E731
    ciphertexts = scheme.encrypt(minus_five, np.zeros((1, 1), dtype=np.uint8), one, backend=path)
    zero_key = scheme.FunctionalKeys(np.zeros((1, 1, 32), dtype=np.uint8))
    assert scheme.decrypt(ciphertexts, plan, zero_key, 1000, backend=path).bad.all()


def test_samples_that_do_not_decrypt_are_marked_in_one_pass_and_the_others_decrypt(path: str) -> None:
    rows = 140 if path != "python" else 4
    x = np.ones((rows, 4), dtype=np.uint8)
    ciphertexts = scheme.encrypt(MSK, x, stream(), backend=path)
    no_point, no_logarithm = rows - 1, rows // 2
    ciphertexts.ct[no_point, 2] = 255
    ciphertexts.ct[no_logarithm, 0] = ciphertexts.ct[0, 0]
    got = scheme.decrypt(ciphertexts, PLAN, KEYS, BOUND, threads=2, backend=path)
    assert np.flatnonzero(got.bad).tolist() == [no_logarithm, no_point]
    for row, values in enumerate(got.values.tolist()):
        assert values == (ZEROS if got.bad[row] else [[6, 8, 0], [4, 8, 0]])


@pytest.mark.parametrize(
    ("x", "reason"),
    [
        (np.zeros((2, 3), dtype=np.uint8), r"shape \(samples, 4\)"),
        (np.zeros(4, dtype=np.uint8), "shape"),
        (np.zeros((2, 4), dtype=np.int64), "unsigned"),
        (np.zeros((2, 4), dtype=np.float64), "unsigned"),
        (np.full((2, 4), 2**32, dtype=np.uint64), "4294967295"),
    ],
)
def test_data_that_cannot_be_encrypted_is_refused(x: np.ndarray, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        scheme.encrypt(MSK, x, stream())
    with pytest.raises(InputError, match=reason):
        scheme.encrypt_with_public_key(MPK, x, stream())


def test_shapes_that_do_not_fit_together_are_refused() -> None:
    ciphertexts = scheme.encrypt(MSK, X, stream())
    with pytest.raises(InputError, match="column 3, but the data has 3 columns"):
        scheme.decrypt(scheme.Ciphertexts(ciphertexts.ct0, ciphertexts.ct[:, :3]), PLAN, KEYS, BOUND)
    with pytest.raises(InputError, match="functional keys of shape"):
        scheme.decrypt(ciphertexts, PLAN, scheme.FunctionalKeys(KEYS.eta[:1]), BOUND)
    with pytest.raises(InputError, match="bound"):
        scheme.decrypt(ciphertexts, PLAN, KEYS, -1)
    with pytest.raises(InputError, match="threads"):
        scheme.decrypt(ciphertexts, PLAN, KEYS, BOUND, threads=0)
    with pytest.raises(InputError, match="2 ct_0 for 3 samples"):
        scheme.Ciphertexts(ciphertexts.ct0[:2], ciphertexts.ct)
    with pytest.raises(InputError, match=r"uint8 array of shape \(D, 32\)"):
        scheme.MasterPublicKey(np.zeros((4, 31), dtype=np.uint8))
    with pytest.raises(InputError, match="at least one column"):
        scheme.generate_keys(0, stream())


@given(st.integers(ORDER, 2**256 - 1), st.integers(0, 3))
def test_a_secret_that_is_not_reduced_is_refused_before_anybody_takes_it(scalar: int, column: int) -> None:
    scalars = MSK.scalars.copy()
    scalars[column] = np.frombuffer(scalar.to_bytes(32, "little"), dtype=np.uint8)
    with pytest.raises(InputError, match="not reduced modulo the group order") as caught:
        scheme.MasterSecretKey(scalars)
    assert str(scalar) not in str(caught.value)


def test_a_secret_key_never_shows_its_scalars() -> None:
    assert "scalars" not in repr(MSK)


def test_right_keys_pass_the_check(path: str) -> None:
    scheme.verify_keys(MPK, PLAN, KEYS, stream(), backend=path)


def test_keys_are_the_inner_products_of_the_secret() -> None:
    s = [int.from_bytes(row.tobytes(), "little") for row in MSK.scalars]
    for w, window in enumerate(PLAN.windows):
        for query, vector in enumerate(PLAN.vectors):
            eta = sum(s[j] * int(z) for j, z in zip(window, vector, strict=True) if j >= 0) % ORDER
            assert int.from_bytes(KEYS.eta[w, query].tobytes(), "little") == eta


def test_zero_secrets_hide_nothing_but_still_decrypt(path: str) -> None:
    msk = scheme.MasterSecretKey(np.zeros((4, 32), dtype=np.uint8))
    ciphertexts = scheme.encrypt(msk, X, stream(), backend=path)
    got = scheme.decrypt(ciphertexts, PLAN, scheme.derive_keys(msk, PLAN), BOUND, backend=path)
    assert_decrypts(got, INNER_PRODUCTS)


def test_no_two_encryptions_share_their_randomness(path: str) -> None:
    ciphertexts = scheme.encrypt(MSK, X, stream(), backend=path)
    assert len({row.tobytes() for row in ciphertexts.ct0}) == len(X)


@pytest.mark.parametrize("decrypting", backend.available())
def test_what_one_path_encrypts_every_other_decrypts(path: str, decrypting: str) -> None:
    for ciphertexts in (
        scheme.encrypt(MSK, X, stream(), backend=path),
        scheme.encrypt_with_public_key(MPK, X, stream(), backend=path),
    ):
        got = scheme.decrypt(ciphertexts, PLAN, KEYS, BOUND, backend=decrypting)
        assert_decrypts(got, INNER_PRODUCTS)


def test_no_samples_give_no_inner_products(path: str) -> None:
    ciphertexts = scheme.encrypt(MSK, np.zeros((0, 4), dtype=np.uint8), stream(), backend=path)
    got = scheme.decrypt(ciphertexts, PLAN, KEYS, BOUND, backend=path)
    assert (got.values.shape, got.bad.shape) == ((0, 2, 3), (0,))


@pytest.mark.parametrize("threads", [1, 3])
def test_shards_and_threads_change_nothing_and_report_their_progress(threads: int) -> None:
    if backend.choose().name == "python":
        pytest.skip("a thousand samples are too slow in plain Python")
    rng = np.random.default_rng(1)
    x = rng.integers(0, 16, (1030, 4)).astype(np.uint16)
    plan, seen = plan_of([[0, 1, 2, 3]], [[1, 1, 1, 1], [7, 5, 3, 1]]), list[int]()
    keys = scheme.derive_keys(MSK, plan)
    ciphertexts = scheme.encrypt(MSK, x, stream(), threads=threads)
    got = scheme.decrypt(
        ciphertexts, plan, keys, scheme.bound_of(plan, 15), threads=threads, progress=seen.append
    )
    assert_decrypts(got, (x.astype(np.int64) @ plan.vectors.T)[:, np.newaxis].tolist())
    assert seen == sorted(seen)
    assert seen[-1] == 1030


def test_the_same_randomness_gives_the_same_bytes_on_every_path_and_thread_count() -> None:
    reference = scheme.encrypt(MSK, X, stream("r"), backend="python")
    for name in backend.available():
        for threads in (1, 2):
            got = scheme.encrypt(MSK, X, stream("r"), threads=threads, backend=name)
            assert got.ct.tobytes() == reference.ct.tobytes()
            assert got.ct0.tobytes() == reference.ct0.tobytes()


@settings(max_examples=15)
@given(
    dimension=st.integers(1, 12),
    bits=st.sampled_from([1, 3, 5, 8]),
    seed=st.integers(0, 2**32),
    shape=st.tuples(st.integers(1, 3), st.integers(1, 14)),
    queries=st.integers(1, 9),
)
def test_decryption_gives_the_inner_product(
    dimension: int, bits: int, seed: int, shape: tuple[int, int], queries: int
) -> None:
    rng = np.random.default_rng(seed)
    windows = rng.integers(-1, dimension, shape).astype(np.int32)
    plan = QueryPlan(windows, rng.integers(0, 2**bits, (queries, shape[1])).astype(np.uint8))
    x = rng.integers(0, 256, (3, dimension)).astype(np.uint8)
    msk, mpk = scheme.generate_keys(dimension, stream())
    keys = scheme.derive_keys(msk, plan)
    scheme.verify_keys(mpk, plan, keys, stream())
    padded = np.concatenate([x, np.zeros((3, 1), dtype=np.uint8)], axis=1).astype(np.int64)
    expected = np.einsum("nwd,ld->nwl", padded[:, windows], plan.vectors.astype(np.int64))
    ciphertexts = scheme.encrypt(msk, x, stream())
    for path in [name for name in backend.available() if name != "python"] or ["python"]:
        got = scheme.decrypt(ciphertexts, plan, keys, scheme.bound_of(plan, 255), backend=path)
        assert_decrypts(got, expected.tolist())
