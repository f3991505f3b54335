"""Large arrays that are stored as they are get mapped, and are the same as those that are read."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tests.unit.learning.bounded import ends_well
from tests.unit.learning.data.test_own import PETS, Y

from pole.errors import InputError
from pole.learning.data import reading
from pole.learning.data.datasets import load
from pole.learning.data.files import npz
from pole.learning.data.own import save_pole
from pole.learning.data.preparation import ArraySource, ClassTarget, Preparation
from pole.learning.data.reading import mapped_entry


@pytest.fixture(autouse=True)
def all_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAPPED_FROM", 1)


def saved(path: Path, *, damaged_at: int | None = None, **arrays_: Any) -> Path:
    np.savez(path, **arrays_)
    if damaged_at is not None:
        content = bytearray(path.read_bytes())
        content[damaged_at] ^= 1
        path.write_bytes(content)
    return path


def test_a_byte_that_has_changed_is_noticed(tmp_path: Path) -> None:
    path = saved(tmp_path / "own.npz", x=np.arange(1000), damaged_at=5000)
    with pytest.raises(InputError, match=r"is no usable \.npz file \(Bad CRC-32"):
        npz(path, ("x",))


def test_an_array_that_says_more_than_its_entry_has_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.npz"
    with zipfile.ZipFile(path, "w") as archive, archive.open("x.npy", "w") as entry:
        header = {"descr": "<f8", "fortran_order": False, "shape": (2**40, 2**20)}
        np.lib.format.write_array_header_1_0(entry, header)
    with pytest.raises(InputError, match=r"x\.npy holds no plain numbers, or more or fewer than it says"):
        npz(path, ("x",))


def test_objects_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no usable"):
        npz(saved(tmp_path / "own.npz", x=np.array([{}] * 30)), ("x",))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    values=arrays.arrays(
        st.sampled_from([np.uint8, np.int16, np.float64, np.dtype(">i4")]),
        arrays.array_shapes(max_dims=4, min_side=1),
    ),
    order=st.sampled_from("CF"),
    name=st.text("xyz", min_size=1, max_size=9),
)
def test_what_is_mapped_is_what_would_be_read(
    tmp_path: Path, values: np.ndarray[Any, Any], order: Any, name: str
) -> None:
    given_arrays: dict[str, Any] = {"first": np.arange(3), name: np.asarray(values, order=order)}
    path = saved(tmp_path / "own.npz", **given_arrays)
    found = npz(path, (name,))[name]
    assert (found.dtype, found.shape) == (values.dtype, values.shape)
    assert found.tobytes() == values.tobytes()
    assert mapped_entry(path, f"{name}.npy") is not None
    assert not found.flags.writeable


def test_what_is_compressed_or_not_there_is_not_mapped(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "own.npz", x=np.arange(9))
    assert mapped_entry(tmp_path / "own.npz", "x.npy") is None
    assert mapped_entry(tmp_path / "own.npz", "y.npy") is None
    assert npz(tmp_path / "own.npz", ("x",))["x"].tolist() == list(range(9))


NUMBERS = Preparation(
    source=ArraySource(shape=(5,), low=(0.0,), high=(1.0,)), target=ClassTarget(column="c", names=("a", "b"))
)


@pytest.mark.parametrize("count", [1, 2, 3, 50])
def test_a_pole_file_comes_back_mapped_and_aligned(tmp_path: Path, count: int) -> None:
    x, y = np.random.default_rng(1).random((count, 5)), np.arange(count) % 2
    path = tmp_path / "large.pole"
    samples = {"x_train": x, "y_train": y, "x_test": x[::-1], "y_test": y}
    save_pole(path, samples, NUMBERS)
    dataset = load(str(path), None)
    for name, expected in samples.items():
        found = getattr(dataset, name)
        assert np.array_equal(found, expected)
        assert found.flags.aligned
        assert not found.flags.writeable
        assert found.ctypes.data % 64 == 0
    with np.load(path) as archive:
        assert np.array_equal(archive["x_test"], x[::-1])
    first = path.read_bytes()
    save_pole(path, dataset.samples(), NUMBERS)
    assert path.read_bytes() == first


def test_images_are_kept_as_bytes_in_a_mapped_file_too(tmp_path: Path) -> None:
    x = np.arange(18).reshape(3, 2, 3) / 255
    save_pole(tmp_path / "pets.pole", {"x_train": x, "y_train": Y, "x_test": x, "y_test": Y}, PETS)
    assert load(str(tmp_path / "pets.pole"), None).x_train.tobytes() == x.tobytes()


LOADS = """
import sys
from pole.learning.data.datasets import load

bound(64)
dataset = load(sys.argv[1], None)
assert dataset.x_train.shape == (2**21, 5)
assert dataset.x_train[-1].tolist() == [0.5] * 5
"""


def test_a_file_may_be_larger_than_the_memory_that_a_process_has(tmp_path: Path) -> None:
    x = np.full((2**21, 5), 0.5)
    save_pole(
        tmp_path / "large.pole",
        {"x_train": x, "y_train": np.zeros(2**21, np.int64), "x_test": x[:1], "y_test": Y[:1]},
        NUMBERS,
    )
    assert ends_well(LOADS, tmp_path / "large.pole")
