"""Data sets that PoLe knows by name, and a user's own files, checked before anything is encrypted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from pole.errors import InputError
from pole.learning.data import files, own, texts
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
    values, `preparation` says how rows as their owner has them became these samples, `advice` are sentences
    that the owner should know before anything is done with them.
    """

    name: str
    x_train: Samples
    y_train: Labels
    x_test: Samples
    y_test: Labels
    classes: int
    bounds: Bounds | None = None
    preparation: Preparation | None = None
    advice: tuple[str, ...] = ()

    def samples(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by their names, as files have them."""
        return {
            "x_train": self.x_train,
            "y_train": self.y_train,
            "x_test": self.x_test,
            "y_test": self.y_test,
        }

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Return the shape of one sample."""
        return self.x_train.shape[1:]


def load(name: str, data_dir: Path | None, *, seed: int = 0) -> DataSet:
    """Return the data set called `name`, one of NAMES, or the path of an .npz or .pole file.

    `data_dir` holds the published files in folders iris, mnist and cifar10, whose checksums are verified;
    iris falls back on scikit-learn's copy, digits, breast_cancer and diabetes have no other, languages comes
    with eth-account. Those that no publisher has split are split by `seed`, 80/20 (iris 90/10), each class
    alike. Raises InputError, one sentence with what to do, for a name, file or array that is unusable.
    """
    if name.endswith(own.ENDINGS):
        path = Path(name)
        parts = own.read_npz(path) if name.endswith(own.NPZ) else own.read_pole(path)
        return DataSet(path.stem, **{each.name: getattr(parts, each.name) for each in fields(parts)})
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
        raise InputError(
            f"There is no data set {name!r}; use one of {NAMES} or the path of an .npz or .pole "
            "file (`pole data prepare` makes one of a table or of images)."
        )
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
