"""Data sets that PoLe knows by name, and a user's own .npz file, checked before anything is encrypted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from pole.errors import InputError
from pole.learning.data import files, texts
from pole.learning.data.preparation import Preparation
from pole.learning.data.quantisation import Bounds

Samples = NDArray[Any]
Labels = NDArray[np.int64]

TEST_PART: Final[Mapping[str, float]] = {
    "iris": 0.1,
    "digits": 0.2,
    "breast_cancer": 0.2,
    "diabetes": 0.2,
    "languages": 0.2,
}
NAMES: Final = "iris, digits, breast_cancer, diabetes, languages, mnist, cifar10"


@dataclass(frozen=True, slots=True, eq=False)
class DataSet:
    """Samples (n, *input_shape) and labels (n,) from 0 to classes - 1, to train and to test.

    In a regression the labels are the steps of the target's grid. `bounds` are those that its owner gives the
    values, `preparation` says how rows as their owner has them became these samples.
    """

    name: str
    x_train: Samples
    y_train: Labels
    x_test: Samples
    y_test: Labels
    classes: int
    bounds: Bounds | None = None
    preparation: Preparation | None = None

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Return the shape of one sample."""
        return self.x_train.shape[1:]


def load(name: str, data_dir: Path | None, *, seed: int = 0) -> DataSet:
    """Return the data set called `name`, one of NAMES, or the path of an .npz file.

    `data_dir` holds the published files in folders iris, mnist and cifar10, whose checksums are verified;
    iris falls back on scikit-learn's copy, digits, breast_cancer and diabetes have no other, languages comes
    with eth-account. Those that no publisher has split are split by `seed`, 80/20 (iris 90/10), each class
    alike. Raises InputError, one sentence with what to do, for a name, file or array that is unusable.
    """
    if name.endswith(".npz"):
        return _own(Path(name))
    loaders: dict[str, Callable[[], DataSet]] = {
        "iris": lambda: _split("iris", *_iris(data_dir), seed),
        "digits": lambda: _split("digits", *files.scikit_learn("digits"), seed),
        "breast_cancer": lambda: _split("breast_cancer", *files.scikit_learn("breast_cancer"), seed),
        "diabetes": lambda: _split_whole("diabetes", *files.scikit_learn("diabetes"), seed),
        "languages": lambda: _split("languages", *texts.languages(), seed),
        "mnist": lambda: DataSet("mnist", *files.mnist(_folder(data_dir, "mnist")), classes=10),
        "cifar10": lambda: DataSet("cifar10", *files.cifar10(_folder(data_dir, "cifar10")), classes=10),
    }
    if name not in loaders:
        raise InputError(f"There is no data set {name!r}; use one of {NAMES} or the path of an .npz file.")
    return loaders[name]()


def data_directory(environment: Mapping[str, str], working_directory: Path) -> Path | None:
    """Return where published data files are, or None.

    That is POLE_DATA of the environment, else `../shared/data` seen from the repository that the working
    directory is in, else where `pole data fetch` puts them.
    """
    if environment.get("POLE_DATA"):
        return Path(environment["POLE_DATA"])
    for folder in (working_directory, *working_directory.parents):
        beside = folder.parent / "shared" / "data"
        if (folder / "pyproject.toml").is_file() and beside.is_dir():
            return beside
    fetched = fetched_directory()
    return fetched if fetched.is_dir() else None


def fetched_directory() -> Path:
    """Return the platform's folder for published data files that were fetched; it may not be there."""
    return user_cache_path("pole") / "data"


def subset(dataset: DataSet, train: int, test: int, seed: int) -> DataSet:
    """Return a random part of a data set; raises InputError where it has not as many samples."""
    if not (1 <= train <= len(dataset.x_train) and 1 <= test <= len(dataset.x_test)):
        raise InputError(
            f"The data set {dataset.name} has {len(dataset.x_train)} training and {len(dataset.x_test)} "
            "test samples, "
            f"so {train} and {test} cannot be taken from it; ask for fewer."
        )
    random = np.random.default_rng(seed)
    kept_train = random.permutation(len(dataset.x_train))[:train]
    kept_test = random.permutation(len(dataset.x_test))[:test]
    return replace(
        dataset,
        x_train=dataset.x_train[kept_train],
        y_train=dataset.y_train[kept_train],
        x_test=dataset.x_test[kept_test],
        y_test=dataset.y_test[kept_test],
    )


def _folder(data_dir: Path | None, name: str) -> Path:
    if data_dir is None:
        raise InputError(
            f"The files of {name} are not here: fetch them by `pole data fetch {name}`, or name the folder "
            f"above {name}/ by POLE_DATA."
        )
    return data_dir / name


def _iris(data_dir: Path | None) -> tuple[Samples, Labels]:
    if data_dir is not None and (data_dir / "iris" / "iris.data").is_file():
        return files.iris(data_dir / "iris")
    return files.scikit_learn("iris")


def _split(name: str, x: Samples, y: Labels, seed: int) -> DataSet:
    """Return a split in which every class gives the same part of its samples to the test set."""
    random = np.random.default_rng(seed)
    groups = [np.flatnonzero(y == label) for label in np.unique(y)]
    return _split_groups(name, x, y, groups, random)


def _split_whole(name: str, x: Samples, y: Labels, seed: int) -> DataSet:
    """Return a random split, as targets that are no classes need it."""
    return _split_groups(name, x, y, [np.arange(len(y))], np.random.default_rng(seed))


def _split_groups(
    name: str, x: Samples, y: Labels, groups: list[NDArray[np.intp]], random: np.random.Generator
) -> DataSet:
    test = np.zeros(len(y), dtype=bool)
    for group in groups:
        members = random.permutation(group)
        test[members[: round(TEST_PART[name] * len(members))]] = True
    train_order, test_order = (random.permutation(np.flatnonzero(part)) for part in (~test, test))
    return DataSet(
        name, x[train_order], y[train_order], x[test_order], y[test_order], classes=int(y.max()) + 1
    )


def _own(path: Path) -> DataSet:
    arrays = files.npz(path, ("x_train", "y_train", "x_test", "y_test"), optional=("low", "high"))
    x_train, x_test = (_samples(path, part, arrays[part]) for part in ("x_train", "x_test"))
    if x_train.shape[1:] != x_test.shape[1:]:
        raise InputError(
            f"In {path} the training samples have the shape {x_train.shape[1:]} and the test samples "
            f"{x_test.shape[1:]}; "
            "both must be alike."
        )
    y_train = _labels(path, "y_train", arrays["y_train"], len(x_train))
    y_test = _labels(path, "y_test", arrays["y_test"], len(x_test))
    classes = int(y_train.max()) + 1
    if int(y_test.max()) >= classes or classes < 2:
        raise InputError(
            f"In {path} the training labels make {classes} classes and the test labels reach "
            f"{y_test.max()}; there must be "
            "two classes or more, counted from 0, and the training set must have the last one."
        )
    bounds = _bounds(path, arrays, x_train[0].size)
    return DataSet(path.stem, x_train, y_train, x_test, y_test, classes, bounds)


def _samples(path: Path, part: str, x: Samples) -> Samples:
    if x.dtype.kind not in "uif" or x.ndim not in (2, 3, 4) or x.size == 0:
        raise InputError(
            f"{part} in {path} is {x.dtype} of shape {x.shape}; it must hold numbers as (n, D), (n, "
            "height, width) or "
            "(n, channels, height, width), and not be empty."
        )
    if not np.all(np.isfinite(x)):
        raise InputError(
            f"{part} in {path} has {np.count_nonzero(~np.isfinite(x))} values that are NaN or infinite; "
            "remove those samples."
        )
    return x


def _bounds(path: Path, arrays: Mapping[str, NDArray[Any]], dimension: int) -> Bounds | None:
    given = [name for name in ("low", "high") if name in arrays]
    if not given:
        return None
    if len(given) == 1:
        raise InputError(
            f"{path} has {given[0]} without the other bound; save both low and high, or neither."
        )
    for name in given:
        array = arrays[name]
        if array.dtype.kind not in "uif" or array.ndim > 1 or array.size not in (1, dimension):
            raise InputError(
                f"{name} in {path} is {array.dtype} of shape {array.shape}; it must hold one number for all "
                f"{dimension} values of a sample, or one for each."
            )
    low, high = np.broadcast_arrays(*(np.atleast_1d(arrays[name]).astype(np.float64) for name in given))
    try:
        return Bounds(tuple(low.tolist()), tuple(high.tolist()))
    except InputError as error:
        raise InputError(f"low and high in {path} cannot be used: {error}") from error


def _labels(path: Path, part: str, y: NDArray[Any], count: int) -> Labels:
    if y.dtype.kind not in "ui" or y.shape != (count,):
        raise InputError(
            f"{part} in {path} is {y.dtype} of shape {y.shape}; it must hold {count} integers, one label "
            "for each sample."
        )
    if int(y.min()) < 0 or int(y.max()) >= 2**15:
        raise InputError(
            f"{part} in {path} runs from {y.min()} to {y.max()}; labels must be 0 to 32767, counted from 0."
        )
    return y.astype(np.int64)
