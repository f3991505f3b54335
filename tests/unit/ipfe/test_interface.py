"""What roles rely on, for every scheme that stands behind the interface."""

import os
from typing import Any

import numpy as np
import pytest
from tests.unit.ipfe import lwe_scheme

from pole.errors import IntegrityError
from pole.ipfe import scheme as ddh_scheme
from pole.ipfe.interface import InnerProductScheme
from pole.protocol.mapping.plan import PADDING, QueryPlan

DDH: InnerProductScheme[
    ddh_scheme.MasterSecretKey,
    ddh_scheme.MasterPublicKey,
    ddh_scheme.Ciphertexts,
    ddh_scheme.FunctionalKeys,
] = ddh_scheme
LWE: InnerProductScheme[
    lwe_scheme.LweSecretKey, lwe_scheme.LwePublicKey, lwe_scheme.LweCiphertexts, lwe_scheme.Whole
] = lwe_scheme

PLAN = QueryPlan(
    windows=np.array([[0, 1, 2], [3, 4, PADDING]], dtype=np.int32),
    vectors=np.array([[0, 1, 7], [5, 0, 3]], dtype=np.uint8),
)
X = np.array([[0, 255, 1, 9, 8], [255, 255, 255, 255, 255]], dtype=np.uint8)
PRODUCTS = np.array(
    [[[262, 3], [8, 45]], [[2040, 2040], [255, 1275]]],
    dtype=np.int64,
)


@pytest.fixture(params=[DDH, LWE], ids=["ddh", "lwe"])
def scheme(request: pytest.FixtureRequest) -> InnerProductScheme[Any, Any, Any, Any]:
    chosen: InnerProductScheme[Any, Any, Any, Any] = request.param
    return chosen


def test_whoever_holds_the_keys_gets_the_inner_products(
    scheme: InnerProductScheme[Any, Any, Any, Any],
) -> None:
    secret, public = scheme.generate_keys(5, os.urandom)
    keys = scheme.derive_keys(secret, PLAN)
    scheme.verify_keys(public, PLAN, keys, os.urandom)
    for sealed in (
        scheme.encrypt(secret, X, os.urandom),
        scheme.encrypt_with_public_key(public, X, os.urandom, threads=2),
    ):
        got = scheme.decrypt(sealed, PLAN, keys, 2040, threads=2)
        np.testing.assert_array_equal(got.values, PRODUCTS)
        assert not got.bad.any()


def test_keys_of_another_secret_are_refused(scheme: InnerProductScheme[Any, Any, Any, Any]) -> None:
    _, public = scheme.generate_keys(5, os.urandom)
    other, _ = scheme.generate_keys(5, os.urandom)
    with pytest.raises(IntegrityError):
        scheme.verify_keys(public, PLAN, scheme.derive_keys(other, PLAN), os.urandom)


def test_what_is_out_of_bounds_is_no_inner_product(scheme: InnerProductScheme[Any, Any, Any, Any]) -> None:
    secret, _ = scheme.generate_keys(5, os.urandom)
    sealed = scheme.encrypt(secret, X, os.urandom)
    got = scheme.decrypt(sealed, PLAN, scheme.derive_keys(secret, PLAN), 2000)
    assert got.bad.tolist() == [False, True]
    np.testing.assert_array_equal(got.values, [PRODUCTS[0], np.zeros((2, 2))])


def test_wrong_keys_decrypt_to_nothing(scheme: InnerProductScheme[Any, Any, Any, Any]) -> None:
    secret, _ = scheme.generate_keys(5, os.urandom)
    other, _ = scheme.generate_keys(5, os.urandom)
    sealed = scheme.encrypt(secret, X, os.urandom)
    assert scheme.decrypt(sealed, PLAN, scheme.derive_keys(other, PLAN), 2040).bad.all()
