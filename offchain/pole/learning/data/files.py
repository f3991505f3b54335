"""Readers of the published data files, each checked against its publisher's checksum before it is parsed."""

import gzip
import hashlib
import io
import pickle
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pole.errors import InputError
from pole.learning.data.reading import mapped_entry, read_as, require_unpacked_size

Arrays = tuple[NDArray[Any], NDArray[np.int64], NDArray[Any], NDArray[np.int64]]

SHA256: Final[Mapping[str, str]] = {
    "iris.data": "6f608b71a7317216319b4d27b4d9bc84e6abd734eda7872b71a458569e2656c0",
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    "cifar-10-python.tar.gz": "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    "data_batch_1": "54636561a3ce25bd3e19253c6b0d8538147b0ae398331ac4a2d86c6d987368cd",
    "data_batch_2": "766b2cef9fbc745cf056b3152224f7cf77163b330ea9a15f9392beb8b89bc5a8",
    "data_batch_3": "0f00d98ebfb30b3ec0ad19f9756dc2630b89003e10525f5e148445e82aa6a1f9",
    "data_batch_4": "3f7bb240661948b8f4d53e36ec720d8306f5668bd0071dcb4e6c947f78e9682b",
    "data_batch_5": "d91802434d8376bbaeeadf58a737e3a1b12ac839077e931237e0dcd43adcb154",
    "test_batch": "f53d8d457504f7cff4ea9e021afcf0e0ad8e24a91f3fc42091b8adef61157831",
}
NPY: Final = b"\x93NUMPY"
IRIS_CLASSES: Final = ("Iris-setosa", "Iris-versicolor", "Iris-virginica")
CIFAR10_GLOBALS: Final = frozenset(
    {
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("_codecs", "encode"),
    }
)


def iris(folder: Path) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return UCI's Iris: samples (150, 4) in centimetres, and their species in alphabetical order."""
    rows = [line.split(",") for line in _verified(folder / "iris.data").decode().split()]
    x = np.array([[float(value) for value in row[:4]] for row in rows])
    return x, np.array([IRIS_CLASSES.index(row[4]) for row in rows], dtype=np.int64)


def mnist(folder: Path) -> Arrays:
    """Return MNIST: images (n, 28, 28) as uint8 and digits, for training and for testing."""
    parts = [
        (_idx(folder / f"{part}-images-idx3-ubyte.gz", 3), _idx(folder / f"{part}-labels-idx1-ubyte.gz", 1))
        for part in ("train", "t10k")
    ]
    (x_train, y_train), (x_test, y_test) = parts
    return x_train, y_train.astype(np.int64), x_test, y_test.astype(np.int64)


def cifar10(folder: Path) -> Arrays:
    """Return CIFAR-10: images (n, 3, 32, 32) as uint8 and classes, for training and for testing."""
    batches = [_cifar10_batch(folder / f"data_batch_{number}") for number in range(1, 6)]
    x_test, y_test = _cifar10_batch(folder / "test_batch")
    return np.concatenate([x for x, _ in batches]), np.concatenate([y for _, y in batches]), x_test, y_test


def scikit_learn(name: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return a data set that scikit-learn ships, and its labels.

    iris (150, 4), digits (1797, 8, 8), breast_cancer (569, 30), or diabetes (442, 10), whose
    labels are its targets, whole numbers from 25 to 346.
    """
    try:
        from sklearn import datasets  # type: ignore[import-untyped]
    except ImportError as error:
        raise InputError(
            f"The data set {name} comes with scikit-learn, which is not installed; install scikit-learn."
        ) from error
    loaders: dict[str, Callable[[], Any]] = {
        "iris": datasets.load_iris,
        "digits": datasets.load_digits,
        "breast_cancer": datasets.load_breast_cancer,
        "diabetes": lambda: datasets.load_diabetes(scaled=False),
    }
    bunch = loaders[name]()
    x = bunch.images if name == "digits" else bunch.data
    return np.asarray(x, dtype=np.float64), np.asarray(bunch.target, dtype=np.int64)


def npz(path: Path, names: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, NDArray[Any]]:
    """Return the named arrays of an .npz file, and the optional ones that it has; pickles are never read.

    Large ones that are not compressed are mapped, read-only. Raises InputError where it is none, is encrypted
    or too large, or lacks an array.
    """
    with _opened(path) as file:
        missing = [name for name in names if name not in file.files]
        if missing:
            raise InputError(f"{path} lacks {', '.join(missing)}; save it with numpy.savez and these names.")
        found = [name for name in optional if name in file.files]
        return {name: _mapped_or_read(path, file, name) for name in (*names, *found)}


def one_array(path: Path, names: tuple[str, ...]) -> NDArray[Any]:
    """Return the array of an .npy file, or of an .npz file the first of `names`, or its only one.

    Raises InputError where there is none; pickles are never read.
    """
    with read_as("array", path, "save it with numpy.save or numpy.savez"):
        with path.open("rb") as stream:
            if stream.read(len(NPY)) == NPY:
                stream.seek(0)
                return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))
        with _opened(path) as file:
            found = [name for name in names if name in file.files] or file.files
            if len(found) == 1 or found[0] in names:
                return np.asarray(file[found[0]])
            raise InputError(f"{path} has {len(file.files)} arrays; call the one that is meant `x`.")


def _mapped_or_read(path: Path, file: np.lib.npyio.NpzFile, name: str) -> NDArray[Any]:
    mapped = mapped_entry(path, f"{name}.npy")
    return np.asarray(file[name]) if mapped is None else mapped


@contextmanager
def _opened(path: Path) -> Iterator[np.lib.npyio.NpzFile]:
    with read_as(".npz file", path, "save it with numpy.savez and plain arrays"), path.open("rb") as stream:
        if stream.read(len(NPY)) == NPY:
            raise InputError(
                f"{path} is one array of numpy.save under another name; save all arrays with numpy.savez."
            )
        with zipfile.ZipFile(stream) as archive:
            require_unpacked_size(path, archive)
        with np.lib.npyio.NpzFile(stream, allow_pickle=False) as file:
            yield file


def _verified(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"The data file {path} cannot be read ({error.strerror}); fetch it by `pole data "
            "fetch`, or set POLE_DATA."
        ) from error
    if hashlib.sha256(content).hexdigest() != SHA256[path.name]:
        raise InputError(
            f"The data file {path} is not the published one (its SHA-256 differs); fetch it again by "
            "`pole data fetch`."
        )
    return content


def _idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Return the array of an IDX file.

    It holds two zero bytes, the type 8 (unsigned byte), the number of dimensions, their sizes, the bytes.
    """
    content = gzip.decompress(_verified(path))
    shape = np.frombuffer(content, dtype=">u4", offset=4, count=dimensions)
    return np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * dimensions).reshape(tuple(shape))


class _ArraysOnly(pickle.Unpickler):
    """An unpickler that builds numpy arrays and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in CIFAR10_GLOBALS:
            raise InputError(
                f"The CIFAR-10 file asks for {module}.{name}, which no published file does; fetch it again."
            )
        module = "numpy._core.multiarray" if module == "numpy.core.multiarray" else module
        return super().find_class(module, name)


def _cifar10_batch(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    batch = _ArraysOnly(io.BytesIO(_verified(path)), encoding="bytes").load()
    return batch[b"data"].reshape(-1, 3, 32, 32), np.array(batch[b"labels"], dtype=np.int64)
