"""A query plan that makes no sense is refused where it is made."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pole.errors import InputError
from pole.protocol.mapping.plan import QueryPlan

WINDOWS = np.array([[0, 1], [2, -1]], dtype=np.int32)
VECTORS = np.array([[1, 2], [3, 4], [5, 6]], dtype=np.uint8)


@pytest.mark.parametrize(
    ("windows", "vectors", "reason"),
    [
        (WINDOWS.astype(np.int64), VECTORS, "int32"),
        (WINDOWS[0], VECTORS, "int32"),
        (WINDOWS, VECTORS.astype(np.int32), "uint8 or uint16"),
        (WINDOWS, VECTORS[0], "uint8 or uint16"),
        (WINDOWS[:0], VECTORS, "at least one window"),
        (WINDOWS, VECTORS[:0], "at least one window"),
        (WINDOWS[:, :1], VECTORS, "1 columns, but query vectors have 2"),
        (WINDOWS - 1, VECTORS, "at least 0, or -1"),
    ],
)
def test_a_plan_of_wrong_shape_or_type_is_refused(
    windows: NDArray[np.int32], vectors: NDArray[np.uint8], reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        QueryPlan(windows, vectors)


def test_a_window_outside_the_data_is_refused() -> None:
    plan = QueryPlan(WINDOWS, VECTORS)
    plan.check_dimension(3)
    with pytest.raises(InputError, match="reads column 2, but the data has 2"):
        plan.check_dimension(2)
