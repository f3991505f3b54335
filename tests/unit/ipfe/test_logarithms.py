"""Logarithms beyond the table: giant steps find every value in range and none beyond."""

import importlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.ipfe.test_kernel import multiples, plan_of

from pole.ipfe import backend
from pole.ipfe.kernel import NO_LOGARITHM
from pole.ipfe.scalars import scalars_of


def test_giant_steps_reach_the_bound_and_stop_there(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pole.ipfe._native")
    native_kernel = importlib.import_module("pole.ipfe.native_kernel")
    monkeypatch.setattr(native_kernel, "MAX_LOGARITHMS", 100)
    values = [0, 99, 100, 101, 199, 200, 12345, 12346, 12399, -1, -100]
    for path in native_kernel.names():
        key = scalars_of([0]).reshape(1, 1, 32)
        decryptor = backend.choose(path).decryptor(plan_of([[0]], [[1]]), key, 1, 12345)
        got = decryptor.inner_products(multiples(*range(11)), multiples(*values).reshape(-1, 1, 32)).ravel()
        assert got.tolist() == [v if 0 <= v <= 12345 else NO_LOGARITHM for v in values]


def test_logarithms_beyond_the_largest_table_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pole.ipfe._native")
    native_kernel = importlib.import_module("pole.ipfe.native_kernel")
    monkeypatch.setattr(native_kernel, "MAX_LOGARITHMS", 2**16)
    bound = 2**27
    values = [0, 2**16, 2**26 - 1, 2**26, 2**26 + 1, bound - 1, bound, bound + 1, -1]
    for path in native_kernel.names():
        key = scalars_of([0]).reshape(1, 1, 32)
        decryptor = backend.choose(path).decryptor(plan_of([[0]], [[1]]), key, 1, bound)
        got = decryptor.inner_products(multiples(*range(9)), multiples(*values).reshape(-1, 1, 32)).ravel()
        assert got.tolist() == [v if 0 <= v <= bound else NO_LOGARITHM for v in values]


def slots_for(last: int) -> int:
    """Return how many slots the kernel gives a table, as build_logarithms in module.c does."""
    slots = 16
    while 2 * slots < 3 * (last + 1):
        slots *= 2
    return slots


@given(st.integers(0, 2**62 - 1), st.integers(0, 2**62 - 1))
def test_a_table_serves_all_bounds_of_an_octave_and_takes_no_more_memory_for_it(one: int, other: int) -> None:
    native_kernel = pytest.importorskip("pole.ipfe.native_kernel", exc_type=ImportError)
    maximum = native_kernel.MAX_LOGARITHMS - 1
    for bound in (one, one % 2**20):
        last = native_kernel.logarithms_for(bound)
        assert min(bound, maximum) <= last <= maximum
        assert slots_for(last) == slots_for(min(bound, maximum))
    between = other % (native_kernel.logarithms_for(one % 2**20) + 1)
    if slots_for(between) == slots_for(one % 2**20) > 16:
        assert native_kernel.logarithms_for(between) == native_kernel.logarithms_for(one % 2**20)
