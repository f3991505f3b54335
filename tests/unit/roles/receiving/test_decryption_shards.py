"""Decryption elsewhere: the same inner products, checked for their shape and range."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.unit.roles.conftest import numbers
from tests.unit.roles.elsewhere import FakeShards, honest

from pole.errors import IntegrityError, PoleError
from pole.ipfe.scheme import Ciphertexts, bound_of, decrypt, derive_keys, encrypt, generate_keys
from pole.protocol.formats.tensors import write_tensors
from pole.protocol.mapping.plan import QueryPlan
from pole.roles.receiving.decryption_shards import decrypt_elsewhere, decrypt_rows, decryption_shard
from pole.roles.support.slots import Others

SECRET, _ = generate_keys(4, numbers(1))
VALUES = np.array([[1, 2, 3, 4], [255, 0, 255, 0], [9, 9, 9, 9]], dtype=np.uint8)
SEALED = encrypt(SECRET, VALUES, numbers(2))
WINDOWS = np.array([[0, 1], [2, 3]], dtype=np.int32)
VECTORS = np.array([[1, 2], [7, 5], [0, 3]], dtype=np.uint16)
PLAN = QueryPlan(WINDOWS, VECTORS.astype(np.uint8))
PLANS = [PLAN, QueryPlan(WINDOWS, VECTORS)]
BOUND = bound_of(PLAN, 255)


def result(products: NDArray[Any], bad: NDArray[Any], metadata: Mapping[str, str] | None = None) -> bytes:
    return write_tensors({"bad": bad, "products": products}, metadata or {"work": "decryption"})


def spoiled() -> Ciphertexts:
    ct = SEALED.ct.copy()
    ct[1, 2] = 255
    return Ciphertexts(SEALED.ct0, ct)


def others(answer: Callable[[bytes], bytes] = honest, seed: int = 3) -> Others:
    return Others(FakeShards(answer=answer), numbers(seed))


GOOD = np.ones((3, 2, 3), dtype=np.uint16)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        result(GOOD, np.zeros(2, dtype=np.uint8)),
        result(GOOD[:, :1], np.zeros(3, dtype=np.uint8)),
        result(GOOD.astype(np.int64), np.zeros(3, dtype=np.uint8)),
        result(GOOD * np.uint16(BOUND + 1), np.zeros(3, dtype=np.uint8)),
        result(GOOD, np.ones(3, dtype=np.uint8)),
    ],
    ids=["nothing", "rows", "windows", "type", "range", "bad rows with products"],
)
def test_a_result_that_cannot_be_names_its_worker(answer: bytes) -> None:
    keys = derive_keys(SECRET, PLAN)
    with pytest.raises(IntegrityError, match="worker-1"):
        decrypt_elsewhere(others(lambda _: answer), SEALED, PLAN, keys, BOUND)


def test_products_that_are_not_those_of_the_rows_are_found_out_by_one_of_them() -> None:
    keys = derive_keys(SECRET, PLAN)
    false = decrypt(SEALED, PLAN, keys, BOUND).values.astype(np.uint16)[::-1]
    answer = result(false, np.zeros(3, dtype=np.uint8))
    found_out = set()
    for seed in range(20):
        # The middle row is right.
        with suppress(IntegrityError):
            decrypt_elsewhere(others(lambda _: answer, seed), SEALED, PLAN, keys, BOUND)
            continue
        found_out.add(seed)
    assert 5 < len(found_out) < 20


@pytest.mark.parametrize("plan", PLANS, ids=["8 bits", "16 bits"])
@pytest.mark.parametrize("bound", [BOUND, 2**16, 2**33])
@pytest.mark.parametrize("sealed", [SEALED, spoiled()], ids=["whole", "a bad row"])
def test_inner_products_are_those_of_this_machine(plan: QueryPlan, bound: int, sealed: Ciphertexts) -> None:
    keys = derive_keys(SECRET, plan)
    here = decrypt(sealed, plan, keys, BOUND)
    elsewhere = decrypt_elsewhere(others(), sealed, plan, keys, bound)
    assert np.array_equal(here.values, elsewhere.values)
    assert elsewhere.values.dtype == np.int64
    assert np.array_equal(here.bad, elsewhere.bad)


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, 2000), byte=st.integers(0, 255), cut=st.integers(0, 8))
def test_any_other_bytes_are_one_of_our_errors_or_a_result(at: int, byte: int, cut: int) -> None:
    content = bytearray(decryption_shard(SEALED, PLAN, derive_keys(SECRET, PLAN), BOUND).content)
    content[at % len(content)] = byte
    try:
        decrypt_rows(bytes(content[: len(content) - cut]))
    except PoleError:
        return
