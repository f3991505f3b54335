"""Fetching published data sets from where their publishers put them, each file checked before it is kept."""

import hashlib
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedRandom
from pathlib import Path
from typing import Final

import requests
from urllib3.exceptions import HTTPError

from pole.errors import IntegrityError, PoleError, UnreachableError
from pole.learning.data.files import SHA256
from pole.roles.support.files import make_private_folder, own_disk, write_whole

_TIMEOUTS: Final = (10, 60)
"""Seconds to connect, and to wait for the next bytes."""
_CHUNK: Final = 2**20

Report = Callable[[str, int, int], None]
"""Called with the name of a file, the bytes of it that are here, and all of its bytes."""


@dataclass(frozen=True, slots=True)
class Published:
    """A file at its publisher: its name, its length in bytes, and addresses, tried in turn.

    An archive names the `members` that are wanted; only these are taken out of it, without their folder. All
    have the checksums of `pole.learning.data.files`, which makes mirrors and plain HTTP as good as any.
    """

    name: str
    size: int
    urls: tuple[str, ...]
    members: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """Return the names of the files that are kept of it."""
        return self.members or (self.name,)


_MNIST: Final = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "http://yann.lecun.com/exdb/mnist/",
)
"""PyTorch's and TensorFlow's copies; LeCun's own page often refuses them."""


def _mnist(name: str, size: int) -> Published:
    return Published(name, size, tuple(address + name for address in _MNIST))


PUBLISHED: Final[Mapping[str, Sequence[Published]]] = {
    "iris": (
        Published(
            "iris.data",
            4551,
            ("https://archive.ics.uci.edu/ml/machine-learning-databases/iris/iris.data",),
        ),
    ),
    "mnist": (
        _mnist("train-images-idx3-ubyte.gz", 9_912_422),
        _mnist("train-labels-idx1-ubyte.gz", 28_881),
        _mnist("t10k-images-idx3-ubyte.gz", 1_648_877),
        _mnist("t10k-labels-idx1-ubyte.gz", 4542),
    ),
    "cifar10": (
        Published(
            "cifar-10-python.tar.gz",
            170_498_071,
            ("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",),
            (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"),
        ),
    ),
}


def fetch(files: Sequence[Published], folder: Path, report: Report) -> list[str]:
    """Put what is not there yet into a folder; return the names of the files that were fetched.

    Raises UnreachableError where no address gives a file, IntegrityError where one gives another file, and
    DiskError where this machine cannot keep it. Nothing is kept that is not the published file.
    """
    fetched: list[str] = []
    for published in files:
        missing = [name for name in published.files if not _is_there(folder / name)]
        if missing:
            with own_disk(folder):
                make_private_folder(folder)
            _from_any(published, folder, missing, report)
            fetched += missing
    return fetched


def is_here(name: str, folder: Path) -> bool:
    """Return whether all files of a published data set are in its folder below `folder`, right or wrong."""
    return all((folder / name / file).is_file() for each in PUBLISHED[name] for file in each.files)


def _is_there(path: Path) -> bool:
    with own_disk(path):
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == SHA256[path.name]


def _from_any(published: Published, folder: Path, missing: Sequence[str], report: Report) -> None:
    failures: list[PoleError] = []
    for url in published.urls:
        try:
            with _beside(folder) as file:
                _download(url, published, file, report)
                _keep(published, file, folder, missing)
        except (UnreachableError, IntegrityError) as error:
            failures.append(error)
        else:
            return
    # Wrong bytes are worse news than none.
    kind = next((type(each) for each in failures if isinstance(each, IntegrityError)), UnreachableError)
    raise kind(" ".join(str(each) for each in failures))


@contextmanager
def _beside(folder: Path) -> Iterator[BufferedRandom]:
    """Open a file in the folder that is gone afterwards."""
    with own_disk(folder), tempfile.TemporaryFile(dir=folder) as file:
        yield file


def _download(url: str, published: Published, file: BufferedRandom, report: Report) -> None:
    try:
        with requests.get(url, stream=True, timeout=_TIMEOUTS) as answer:
            answer.raise_for_status()
            # Undecoded: some servers take the .gz of a file's name for an encoding of the transfer.
            for chunk in answer.raw.stream(_CHUNK, decode_content=False):
                file.write(chunk)
                if file.tell() > published.size:
                    break
                report(published.name, file.tell(), published.size)
    except (requests.RequestException, HTTPError) as error:
        raise UnreachableError(
            f"{url} does not give {published.name} ({_reason(error)}): check the connection and try again, "
            "or fetch the file by other means."
        ) from error
    file.seek(0)
    if hashlib.file_digest(file, "sha256").hexdigest() != SHA256[published.name]:
        raise IntegrityError(
            f"What {url} gives is not the published {published.name} (its SHA-256 differs): try again, or "
            "fetch the file by other means."
        )


def _reason(error: Exception) -> str:
    response = getattr(error, "response", None)
    return type(error).__name__ if response is None else f"HTTP {response.status_code}"


def _keep(published: Published, file: BufferedRandom, folder: Path, missing: Sequence[str]) -> None:
    """Write the missing files of a download whose checksum is right."""
    file.seek(0)
    if not published.members:
        write_whole(folder / published.name, file.read())
        return
    with tarfile.open(fileobj=file, mode="r:gz") as archive:
        for member in archive:
            name, stream = Path(member.name).name, archive.extractfile(member)
            if name in missing and stream is not None:
                write_whole(folder / name, stream.read())
