"""Arrays of .npz files: labels of every layout, and numbers at the ends of what float64 holds."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pole.errors import InputError
from pole.learning.data.preparation import ClassTarget
from pole.learning.preparing.preparing import Prepared, Wanted, prepare

ROWS = 40
Y = np.arange(ROWS) % 3


def prepared(folder: Path, x: Any, y: Any = Y) -> Prepared:
    np.savez(folder / "own.npz", x=x, y=y)
    return prepare(folder / "own.npz", Wanted())


@pytest.mark.parametrize("kind", [">i4", ">u8", ">f8", np.longdouble, np.float16, ">f2", "<i4", np.float32])
def test_labels_may_have_any_layout_of_numbers(tmp_path: Path, kind: Any) -> None:
    made = prepared(tmp_path, np.random.default_rng(1).random((ROWS, 2)), Y.astype(kind))
    assert made.preparation.target == ClassTarget(column="y", names=("0", "1", "2"))
    assert np.bincount(made.dataset.y_train).tolist() == [11, 10, 10]


@pytest.mark.parametrize("kind", [">U3", "<U3"])
def test_labels_may_be_texts_of_either_order_of_bytes(tmp_path: Path, kind: str) -> None:
    made = prepared(tmp_path, np.random.default_rng(1).random((ROWS, 2)), Y.astype(kind))
    assert made.preparation.target == ClassTarget(column="y", names=("0", "1", "2"))


@pytest.mark.parametrize("shape", [(ROWS, 2), (ROWS, 2, 2)])
@pytest.mark.parametrize(
    "value",
    [
        np.full(ROWS, 1e308),
        np.where(np.arange(ROWS) % 2, 1.5e308, -1.5e308),
        np.full(ROWS, np.longdouble("1e4000")),
    ],
)
def test_numbers_that_cannot_be_scaled_are_refused(tmp_path: Path, shape: Any, value: Any) -> None:
    x = np.broadcast_to(value.reshape(ROWS, *[1] * (len(shape) - 1)), shape)
    where = "Column 0 of x" if len(shape) == 2 else "x"
    with pytest.raises(InputError, match=rf"^{where} holds values too far apart to be scaled, from "):
        prepared(tmp_path, x)


@pytest.mark.parametrize("value", [0.0, 7.0, -1e308, 8e307])
def test_a_column_of_one_value_is_all_0(tmp_path: Path, value: float) -> None:
    x = np.stack([np.full(ROWS, value), np.arange(ROWS)], axis=1)
    assert set(prepared(tmp_path, x).dataset.x_train[:, 0]) == {0}
