import os
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pole.adapters.storage.data_publishers import is_here
from pole.errors import InputError
from pole.learning.data import files, texts
from pole.learning.data.datasets import DataSet, data_directory, load, subset
from pole.learning.data.quantisation import Bounds

PUBLISHED = data_directory(os.environ, Path.cwd())


def arrays(**changes: NDArray[Any] | None) -> dict[str, NDArray[Any] | None]:
    whole: dict[str, NDArray[Any] | None] = {
        "x_train": np.arange(24.0).reshape(6, 4),
        "y_train": np.array([0, 1, 2, 0, 1, 2]),
        "x_test": np.zeros((3, 4)),
        "y_test": np.array([0, 1, 2]),
    }
    return {**whole, **changes}


def own(tmp_path: Path, **changes: NDArray[Any] | None) -> DataSet:
    path = tmp_path / "own.npz"
    parts: dict[str, Any] = {name: part for name, part in arrays(**changes).items() if part is not None}
    np.savez(path, **parts)
    return load(str(path), None)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"y_test": None}, "lacks y_test; save it with numpy.savez"),
        ({"x_train": np.full((6, 4), np.nan)}, "x_train in .* has 24 values that are NaN or infinite"),
        ({"x_test": np.full((3, 4), np.inf)}, "x_test in .* has 12 values that are NaN or infinite"),
        ({"x_train": np.zeros((0, 4)), "y_train": np.zeros(0, dtype=int)}, "not be empty"),
        ({"x_train": np.zeros(6)}, r"x_train in .* is float64 of shape \(6,\)"),
        ({"x_train": np.zeros((6, 4), dtype=complex)}, "x_train in .* is complex128"),
        ({"x_train": np.array([["a"] * 4] * 6)}, "x_train in .* is <U1"),
        ({"x_test": np.zeros((3, 5))}, r"shape \(4,\) and the test samples \(5,\)"),
        ({"y_train": np.zeros(5, dtype=int)}, "it must hold 6 integers"),
        ({"y_train": np.zeros((6, 1), dtype=int)}, "it must hold 6 integers"),
        ({"y_train": np.array([0.0, 1, 2, 0, 1, 2])}, "y_train in .* is float64"),
        ({"y_train": np.array([-1, 1, 2, 0, 1, 2])}, "runs from -1 to 2"),
        ({"y_train": np.array([40000, 1, 2, 0, 1, 2])}, "runs from 0 to 40000"),
        ({"y_test": np.array([0, 1, 3])}, "the test labels reach 3"),
        ({"y_train": np.zeros(6, dtype=int), "y_test": np.zeros(3, dtype=int)}, "two classes or more"),
        ({"low": np.zeros(4)}, "has low without the other bound"),
        ({"high": np.zeros(4)}, "has high without the other bound"),
        ({"low": np.zeros(3), "high": np.ones(3)}, r"low in .* is float64 of shape \(3,\)"),
        ({"low": np.zeros(4), "high": np.array(["a"] * 4)}, "high in .* is <U1"),
        (
            {"low": np.ones(4), "high": np.ones(4)},
            "low and high in .* cannot be used: The bounds of column 0",
        ),
    ],
)
def test_an_unusable_file_of_ones_own_is_one_sentence(
    tmp_path: Path, changes: dict[str, NDArray[Any] | None], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        own(tmp_path, **changes)


@pytest.mark.parametrize(
    ("low", "high", "bounds"),
    [
        (np.array(-1), np.array(30.0), Bounds((-1.0,), (30.0,))),
        (np.array(0), np.array([30, 31, 32, 33]), Bounds((0.0,) * 4, (30.0, 31.0, 32.0, 33.0))),
    ],
)
def test_a_file_of_ones_own_may_bound_its_values(
    tmp_path: Path, low: NDArray[Any], high: NDArray[Any], bounds: Bounds
) -> None:
    data = own(tmp_path, low=low, high=high)
    assert data.bounds == bounds
    assert subset(data, 2, 2, 0).bounds == bounds
    assert own(tmp_path).bounds is None


def test_a_file_of_pickled_objects_is_never_unpickled(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[int]]:
            return sys.exit, (1,)

    path = tmp_path / "trap.npz"
    parts: dict[str, Any] = arrays(x_train=np.array([Trap()], dtype=object))
    np.savez(path, **parts)
    with pytest.raises(InputError, match=r"no usable .npz file"):
        load(str(path), None)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"hello"])
def test_a_file_that_is_no_npz_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "own.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"no usable .npz file"):
        load(str(path), None)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"There is no file .*nowhere.npz"):
        load(str(tmp_path / "nowhere.npz"), None)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"iris, digits, .*cifar10 or the path of an .npz"):
        load("imagenet", None)


def test_mnist_without_a_folder_says_where_to_put_it() -> None:
    with pytest.raises(InputError, match="POLE_DATA"):
        load("mnist", None)


def test_a_missing_data_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"train-images-idx3-ubyte.gz cannot be read"):
        load("mnist", tmp_path)


def test_a_data_file_that_is_not_the_published_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "iris").mkdir()
    (tmp_path / "iris" / "iris.data").write_text("5.1,3.5,1.4,0.2,Iris-setosa\n")
    with pytest.raises(InputError, match="its SHA-256 differs"):
        load("iris", tmp_path)


def test_a_pickle_that_calls_anything_but_numpy_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[()]]:
            return os.getcwd, ()

    monkeypatch.setattr(files, "_verified", lambda path: pickle.dumps({b"data": Trap()}))
    with pytest.raises(InputError, match=r"asks for posix.getcwd"):
        load("cifar10", tmp_path)


def test_scikit_learn_is_only_asked_for_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(InputError, match="install scikit-learn"):
        load("digits", None)


def test_ones_own_file_is_loaded_as_it_is(tmp_path: Path) -> None:
    data = own(tmp_path)
    assert (data.name, data.classes, data.input_shape) == ("own", 3, (4,))
    assert data.y_train.dtype == np.int64


def test_iris_is_split_ninety_to_ten_with_every_species_alike() -> None:
    data = load("iris", None)
    assert data.x_train.shape == (135, 4)
    assert np.bincount(data.y_test).tolist() == [5, 5, 5]
    rows = np.concatenate([data.x_train, data.x_test])
    assert np.allclose(np.sort(rows, axis=0), np.sort(files.scikit_learn("iris")[0], axis=0))


def test_splits_follow_the_seed() -> None:
    first, again, other = (
        load("digits", None, seed=1),
        load("digits", None, seed=1),
        load("digits", None, seed=2),
    )
    assert np.array_equal(first.x_train, again.x_train)
    assert not np.array_equal(first.x_train, other.x_train)


def test_digits_are_images_of_eight_by_eight() -> None:
    data = load("digits", None)
    assert data.input_shape == (8, 8)
    assert len(data.x_train) + len(data.x_test) == 1797
    assert data.classes == 10


@pytest.mark.parametrize(
    ("name", "shape", "train", "test", "classes"),
    [
        ("breast_cancer", (30,), 456, 113, 2),
        ("diabetes", (10,), 354, 88, 347),
        ("languages", (256,), 2050, 510, 5),
    ],
)
def test_tables_and_texts_come_with_installed_packages(
    name: str, shape: tuple[int, ...], train: int, test: int, classes: int
) -> None:
    data = load(name, None)
    assert (data.name, data.input_shape, data.classes) == (name, shape, classes)
    assert (len(data.y_train), len(data.y_test)) == (train, test)
    assert int(data.y_train.min()) >= 0


def test_languages_have_as_many_samples_each_and_count_every_run_of_letters() -> None:
    data = load("languages", None)
    assert np.bincount(np.concatenate([data.y_train, data.y_test])).tolist() == [512] * 5
    # Four words of 3 to 9 letters: 3n + 3 runs of one to three characters, boundaries included.
    assert data.x_train.sum(axis=1).min() >= 4 * 12
    assert data.x_train.max() <= 15


def test_a_word_list_that_is_not_the_standard_s_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(texts.SHA256, "czech", "00" * 32)
    with pytest.raises(InputError, match=r"czech.txt is not that of BIP-39; install eth-account anew"):
        load("languages", None)


def test_eth_account_is_only_asked_for_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="comes with eth-account"):
        load("languages", None)


def test_a_subset_has_the_wanted_sizes_and_keeps_labels_with_samples(tmp_path: Path) -> None:
    data = own(tmp_path, x_train=np.repeat(np.array([0.0, 1, 2, 0, 1, 2])[:, None], 4, axis=1))
    part = subset(data, 4, 2, seed=3)
    assert (len(part.x_train), len(part.x_test)) == (4, 2)
    assert np.array_equal(part.x_train[:, 0], part.y_train)


@pytest.mark.parametrize(("train", "test"), [(7, 1), (1, 4), (0, 1), (1, 0)])
def test_a_subset_larger_than_the_set_is_refused(tmp_path: Path, train: int, test: int) -> None:
    with pytest.raises(InputError, match="has 6 training and 3 test samples"):
        subset(own(tmp_path), train, test, seed=0)


def test_the_data_directory_is_the_named_one_or_the_one_beside_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    repository = tmp_path / "pole"
    (repository / "docs").mkdir(parents=True)
    assert data_directory({}, repository) is None
    (repository / "pyproject.toml").touch()
    (tmp_path / "shared" / "data").mkdir(parents=True)
    assert data_directory({}, repository / "docs") == tmp_path / "shared" / "data"
    assert data_directory({"POLE_DATA": "/elsewhere"}, repository) == Path("/elsewhere")


@pytest.mark.skipif(sys.platform == "darwin", reason="the platform's cache folder is no variable there")
def test_what_was_fetched_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    fetched = tmp_path / "pole" / "data"
    fetched.mkdir(parents=True)
    assert data_directory({}, tmp_path) == fetched


@pytest.mark.parametrize(
    ("name", "shape", "train", "test"), [("iris", (4,), 135, 15), ("mnist", (28, 28), 60_000, 10_000)]
)
def test_published_files_are_read_whole(name: str, shape: tuple[int, ...], train: int, test: int) -> None:
    if PUBLISHED is None or not is_here(name, PUBLISHED):
        pytest.skip(f"the published data files of {name} are not here")
    data = load(name, PUBLISHED)
    assert data.input_shape == shape
    assert (len(data.y_train), len(data.y_test)) == (train, test)
    assert sorted(set(data.y_train.tolist())) == list(range(data.classes))
