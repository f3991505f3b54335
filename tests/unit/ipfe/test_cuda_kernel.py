"""The GPU's stages, run on the processor: what every code path is asked, and what is theirs alone."""

import ctypes
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.unit.ipfe import test_affine, test_kernel
from tests.unit.ipfe.cuda_on_cpu import COMPILER, LIMITS, NO_COMPILER, PROCESSOR, compile_library, kernel_of
from tests.unit.ipfe.test_kernel import encodings, multiples, plan_of
from tests.unit.ipfe.test_scheme import (
    BOUND,
    INNER_PRODUCTS,
    KEYS,
    MSK,
    PLAN,
    X,
    assert_decrypts,
    stream,
)

from pole.errors import InputError
from pole.ipfe import backend, scheme
from pole.ipfe.cuda import build, device
from pole.ipfe.cuda.kernel import CudaKernel
from pole.ipfe.cuda.library import Library, Limits, OpenDecryptor
from pole.ipfe.kernel import NO_LOGARITHM
from pole.ipfe.scalars import scalars_of
from pole.protocol.mapping.plan import QueryPlan

pytestmark = pytest.mark.skipif(not COMPILER, reason=NO_COMPILER)


def missing() -> str:
    """What keeps these tests from a real device, or nothing."""
    try:
        build.library_path(device.find().architecture).is_file() or build.compiler()
    except InputError as error:
        return str(error)
    return ""


MISSING = missing()
PLACES = ["processor"] if MISSING else ["processor", "device"]

# Asked of every code path; collected here again, for this one.
test_an_invalid_encoding_is_refused = test_kernel.test_an_invalid_encoding_is_refused_on_every_path
test_an_invalid_point_spoils_its_sample = test_kernel.test_an_invalid_point_spoils_its_sample_and_no_other
test_logarithms_at_every_edge_are_found = (
    test_kernel.test_logarithms_at_every_edge_of_the_range_are_found_and_none_beyond
)
test_the_matrix_product_is_that_of_the_exponents = (
    test_kernel.test_the_matrix_product_is_that_of_the_exponents
)
test_both_encryptions_give_the_bytes_of_the_reference = (
    test_kernel.test_both_encryptions_give_the_bytes_of_the_reference_at_the_edges
)
test_a_linear_combination_is_that_of_the_exponents = (
    test_kernel.test_a_linear_combination_is_that_of_the_exponents
)
test_multiples_of_the_generator_are_those_of_the_rfc = (
    test_kernel.test_multiples_of_the_generator_are_those_of_the_rfc_on_every_path
)
test_what_is_no_point_spoils_its_sample = test_affine.test_what_is_no_point_of_the_curve_spoils_its_sample
test_any_flipped_bit_is_noticed = test_affine.test_any_flipped_bit_is_noticed
test_points_of_order_eight_change_no_result = test_affine.test_points_of_order_eight_change_no_result
test_points_of_order_eight_alone_stand_for_the_identity = (
    test_affine.test_points_of_order_eight_alone_stand_for_the_identity
)
test_every_path_expands_to_the_same_bytes = (
    test_affine.test_every_path_expands_to_the_same_bytes_and_decrypts_the_same
)


@pytest.fixture(scope="module", params=PLACES)
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Library:
    if request.param == "device":
        return Library.load(build.library(device.find().architecture))
    return compile_library(tmp_path_factory.mktemp("cuda"))


@pytest.fixture(scope="module", autouse=True)
def _as_the_back_end(library: Library) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backend, "_cuda", lambda: kernel_of(library))
        patch.setattr(backend, "available", lambda: ["cuda"])
        yield


@pytest.mark.skipif(bool(MISSING), reason=f"the stages ran on the processor only: {MISSING}")
def test_the_stages_run_on_a_device_too() -> None:
    assert "device" in PLACES


@pytest.fixture(params=["cuda"])
def path(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def identity_decryptor(library: Library, limits: Limits, bound: int) -> OpenDecryptor:
    """One column, weight 1, key 0: the results are the logarithms of ct."""
    key = scalars_of([0]).reshape(1, 1, 32)
    return kernel_of(library, limits).decryptor(plan_of([[0]], [[1]]), key, 1, bound)


def random_case(
    shape: tuple[int, int, int], samples: int, weights: int
) -> tuple[QueryPlan, scheme.FunctionalKeys, scheme.Ciphertexts]:
    """Windows of overlapping columns with some padding, W times L of them over D columns."""
    dimension, windows, queries = shape
    rng = np.random.default_rng(dimension)
    columns = rng.integers(-1, dimension, (windows, 9)).astype(np.int32)
    plan = QueryPlan(columns, rng.integers(0, weights, (queries, 9)).astype(np.uint16))
    msk, _ = scheme.generate_keys(dimension, stream("case"))
    x = rng.integers(0, 4, (samples, dimension)).astype(np.uint8)
    return plan, scheme.derive_keys(msk, plan), scheme.encrypt(msk, x, stream("samples"))


@pytest.mark.parametrize(
    ("shape", "weights"), [((5, 1, 40), 8), ((27, 12, 4), 8), ((9, 3, 1), 2), ((6, 2, 3), 300)]
)
@pytest.mark.parametrize("limits", [LIMITS, Limits(1 << 24, 1, 3), Limits(50, 1 << 19, 7)])
def test_portions_of_any_size_give_the_results_of_the_processor(
    library: Library, shape: tuple[int, int, int], weights: int, limits: Limits
) -> None:
    plan, keys, ciphertexts = random_case(shape, 11, weights)
    bound = scheme.bound_of(plan, 3)
    expected = PROCESSOR.decryptor(plan, keys.eta, shape[0], bound)
    decryptor = kernel_of(library, limits).decryptor(plan, keys.eta, shape[0], bound)
    for form in (ciphertexts, scheme.expand(ciphertexts)):
        got = decryptor.inner_products(form.ct0, form.ct)
        assert got.tobytes() == expected.inner_products(form.ct0, form.ct).tobytes()
        assert (got != NO_LOGARITHM).all()


def test_any_number_of_samples_is_taken_by_one_decryptor(library: Library) -> None:
    plan, keys, ciphertexts = random_case((5, 2, 3), 11, 8)
    decryptor = kernel_of(library, Limits(1 << 24, 1 << 28, 4)).decryptor(
        plan, keys.eta, 5, scheme.bound_of(plan, 3)
    )
    whole = decryptor.inner_products(ciphertexts.ct0, ciphertexts.ct)
    for count in (0, 1, 3, 4, 5, 8, 9, 11, 2):
        got = decryptor.inner_products(ciphertexts.ct0[:count], ciphertexts.ct[:count])
        assert got.tolist() == whole[:count].tolist()


@pytest.mark.parametrize("place", [(0, -1), (3, 2), (4, 0), (10, 4)])
def test_an_invalid_point_spoils_its_sample_in_any_portion(library: Library, place: tuple[int, int]) -> None:
    plan, keys, ciphertexts = random_case((5, 2, 3), 11, 8)
    ct0, ct = ciphertexts.ct0.copy(), ciphertexts.ct.copy()
    bad = encodings(["01" + "00" * 31])[0]
    sample, column = place
    if column < 0:
        ct0[sample] = bad
    else:
        ct[sample, column:] = bad
    decryptor = kernel_of(library, Limits(1 << 24, 1 << 28, 4)).decryptor(plan, keys.eta, 5, 500)
    expected = decryptor.inner_products(ciphertexts.ct0, ciphertexts.ct)
    assert (expected != NO_LOGARITHM).all()
    expected[sample] = NO_LOGARITHM
    assert decryptor.inner_products(ct0, ct).tolist() == expected.tolist()


def test_giant_steps_reach_the_bound_and_stop_there(library: Library) -> None:
    values = [0, 99, 100, 101, 199, 200, 12345, 12346, 12399, -1, -100]
    decryptor = identity_decryptor(library, Limits(100, 1 << 28, 4), 12345)
    got = decryptor.inner_products(multiples(*range(11)), multiples(*values).reshape(-1, 1, 32)).ravel()
    assert got.tolist() == [v if 0 <= v <= 12345 else NO_LOGARITHM for v in values]


@pytest.mark.parametrize("bound", [0, 1, 31, 32, 33])
def test_a_table_of_any_size_holds_all_it_should(library: Library, bound: int) -> None:
    values = [0, 1, bound - 1, bound, bound + 1]
    got = identity_decryptor(library, LIMITS, bound).inner_products(
        multiples(*range(5)), multiples(*values).reshape(-1, 1, 32)
    )
    assert got.ravel().tolist() == [v if 0 <= v <= bound else NO_LOGARITHM for v in values]


def test_the_scheme_decrypts_with_it_and_marks_what_has_no_logarithm(library: Library) -> None:
    del library  # the back end that the scheme is asked to use
    ciphertexts = scheme.encrypt(MSK, X, stream(), backend="cuda")
    assert_decrypts(scheme.decrypt(ciphertexts, PLAN, KEYS, BOUND, backend="cuda"), INNER_PRODUCTS)
    assert scheme.decrypt(ciphertexts, PLAN, KEYS, 119, backend="cuda").bad.tolist() == [False, True, False]


def test_threads_take_turns_at_one_decryptor(library: Library) -> None:
    plan, keys, ciphertexts = random_case((5, 2, 3), 11, 8)
    bound = scheme.bound_of(plan, 3)
    decryptor = kernel_of(library, Limits(1 << 24, 1 << 28, 4)).decryptor(plan, keys.eta, 5, bound)
    expected = decryptor.inner_products(ciphertexts.ct0, ciphertexts.ct).tolist()

    def decrypt(count: int) -> bool:
        got = decryptor.inner_products(ciphertexts.ct0[:count], ciphertexts.ct[:count])
        return bool(got.tolist() == expected[:count])

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(decrypt, [11, 1, 7, 11, 4, 10] * 3))


def test_arrays_that_do_not_fit_never_reach_the_device(library: Library) -> None:
    plan, keys, ciphertexts = random_case((5, 2, 3), 2, 8)
    kernel = kernel_of(library)
    with pytest.raises(ValueError, match="do not fit windows"):
        kernel.decryptor(plan, keys.eta[:1], 5, 10)
    decryptor = kernel.decryptor(plan, keys.eta, 5, 10)
    misfits: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]] = [
        (ciphertexts.ct0, ciphertexts.ct[:, :4]),
        (ciphertexts.ct0[:1], ciphertexts.ct),
        (ciphertexts.ct0[:, :31], ciphertexts.ct[:, :, :31]),
    ]
    for ct0, ct in misfits:
        with pytest.raises(ValueError, match="do not fit 5 columns"):
            decryptor.inner_products(ct0, ct)
    with pytest.raises(ValueError, match="contiguous"):
        decryptor.inner_products(ciphertexts.ct0, ciphertexts.ct[:, ::-1])


class FailingLibrary:
    """A library whose device answers every call with one outcome."""

    def __init__(self, outcome: int) -> None:
        self.outcome = outcome

    def pole_open(self, *arguments: object) -> int:
        message = arguments[-1]
        assert isinstance(message, ctypes.Array)
        message.value = b"an illegal memory access"
        return self.outcome


def test_the_device_refuses_what_its_caller_did_not_check(library: Library) -> None:
    plan, keys, ciphertexts = random_case((5, 2, 3), 2, 8)
    kernel = kernel_of(library)
    for dimension, bound, said in [(4, 10, "beyond the dimension"), (5, 2**62, "below 2"), (0, 1, "columns")]:
        with pytest.raises(ValueError, match=said):
            kernel.decryptor(plan, keys.eta, dimension, bound)
    with pytest.raises(ValueError, match=r"from 1 to 2\^24 windows"):
        library.open(plan.windows[:0], plan.vectors.astype(np.uint16), keys.eta[:0], 5, 10, LIMITS)
    with pytest.raises(ValueError, match="has a table"):
        kernel_of(library, Limits(0, 1 << 28, 4)).decryptor(plan, keys.eta, 5, 10)
    decryptor = kernel.decryptor(plan, keys.eta, 5, 10)
    assert decryptor.inner_products(ciphertexts.ct0, ciphertexts.ct).shape == (2, 2, 3)


@pytest.mark.parametrize(
    ("outcome", "said"), [(1, "not enough free memory"), (3, r"illegal memory access\); check")]
)
def test_a_device_that_fails_is_an_error_that_says_why(outcome: int, said: str) -> None:
    plan, keys, _ = random_case((5, 2, 3), 2, 8)
    with pytest.raises(InputError, match=said):
        CudaKernel(Library(FailingLibrary(outcome)), PROCESSOR, LIMITS).decryptor(plan, keys.eta, 5, 10)
