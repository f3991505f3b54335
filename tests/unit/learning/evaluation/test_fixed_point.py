import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pole.learning.evaluation.fixed_point import (
    ACTIVATION_ONE,
    CLAMP,
    PROBABILITY_ONE,
    TABLE_END,
    MalformedModelError,
    decay,
    gelu,
    require_exact_sums,
    round_weights,
    sigmoid,
    tanh,
    to_activations,
)

Function = Callable[[NDArray[np.float64]], NDArray[np.float64]]

FUNCTIONS: dict[Function, Callable[[float], float]] = {
    sigmoid: lambda x: 1 / (1 + math.exp(-x)),
    tanh: math.tanh,
    gelu: lambda x: x * 0.5 * math.erfc(-x / math.sqrt(2)),
}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 2.0**19, -(2.0**19) - 1, 1e300])
def test_weights_that_fit_no_integer_are_malformed(value: float) -> None:
    with pytest.raises(MalformedModelError, match=r"'layer.weight' are not finite or too large"):
        round_weights(np.array([0.0, value]), "layer.weight")


def test_a_sum_that_could_pass_2_to_the_53_is_malformed() -> None:
    allowed = np.full((1, 1), 2**30, dtype=np.int32)
    require_exact_sums(allowed, np.zeros(1, dtype=np.int32), "layer")
    with pytest.raises(MalformedModelError, match=r"beyond 2\^53"):
        require_exact_sums(allowed, np.ones(1, dtype=np.int32), "layer")
    with pytest.raises(MalformedModelError, match=r"beyond 2\^53"):
        require_exact_sums(np.full((2, 2**8), -(2**31), dtype=np.int32), np.zeros(1, dtype=np.int32), "layer")


@given(st.integers(-(2**53), 2**53))
def test_activations_are_rounded_half_to_even_and_clamped(total: int) -> None:
    quotient, rest = divmod(total, 4096)
    rounded = quotient + (rest > 2048 or (rest == 2048 and quotient % 2 == 1))
    assert to_activations(np.array([float(total)]))[0] == max(-CLAMP, min(CLAMP, rounded))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_table_entry_is_near_a_rounding_tie(function: Function) -> None:
    # Any libm whose error is below the margin makes the same table.
    for step in range(-TABLE_END, TABLE_END + 1):
        scaled = FUNCTIONS[function](step / ACTIVATION_ONE) * ACTIVATION_ONE
        assert abs(scaled % 1 - 0.5) > 2.0**-30


@pytest.mark.parametrize(
    ("function", "lowest", "highest"), [(sigmoid, 0, 1024), (tanh, -1024, 1024), (gelu, 0, CLAMP)]
)
def test_tables_hold_the_function_and_its_limits(function: Function, lowest: int, highest: int) -> None:
    steps = np.array([-CLAMP, -20000, -3000, -1024, -1, 0, 1, 1024, 3000, 20000, CLAMP], dtype=np.float64)
    values = function(steps)
    assert values[0] == lowest
    assert values[-1] == highest
    real = [FUNCTIONS[function](step / ACTIVATION_ONE) * ACTIVATION_ONE for step in steps[2:-2]]
    assert np.abs(values[2:-2] - real).max() <= 0.5
    assert values[-2] == (20000 if function is gelu else highest)


def test_no_exponential_is_near_a_rounding_tie() -> None:
    for step in range(TABLE_END + 1):
        scaled = math.exp(-step / ACTIVATION_ONE) * PROBABILITY_ONE
        assert abs(scaled % 1 - 0.5) > 2.0**-30


def test_exponentials_decay_from_one_to_nothing() -> None:
    steps = np.array([0, 1, 1024, 5000, TABLE_END, TABLE_END + 1, 2 * CLAMP], dtype=np.float64)
    real = np.exp(-steps / ACTIVATION_ONE) * PROBABILITY_ONE
    assert np.abs(decay(steps) - real).max() <= 0.5
    assert decay(steps)[0] == PROBABILITY_ONE
    assert decay(steps)[-1] == 0
