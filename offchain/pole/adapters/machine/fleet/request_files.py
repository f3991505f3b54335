"""What another process asks of the one that serves a fleet: a file for each request, until it is done."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from pole.adapters.storage.private_file import write_private
from pole.roles.support.files import own_disk


class Request(Enum):
    """What is asked for a worker: to be drained, or to be drained and started again."""

    DRAIN = "drain"
    RENEW = "renew"


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests to one fleet, in a folder of its own; who writes there is the fleet's own user."""

    folder: Path

    def ask(self, worker: str, request: Request) -> None:
        """Ask for something. Raises DiskError where the request cannot be written."""
        write_private(self._path(worker, request), b"")

    def has(self, worker: str, request: Request) -> bool:
        """Return whether something was asked for and is not done yet."""
        return self._path(worker, request).exists()

    def drop(self, worker: str, request: Request) -> None:
        """Take a request back, or note that it is done. Raises DiskError where that cannot be."""
        path = self._path(worker, request)
        with own_disk(path):
            path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Drop all requests. Raises DiskError where that cannot be."""
        for request in Request:
            for path in self.folder.glob(f"*.{request.value}"):
                self.drop(path.stem, request)

    def record(self, worker: str) -> Path:
        """Return the file that says which process a worker is."""
        return self.folder / f"{worker}.json"

    def _path(self, worker: str, request: Request) -> Path:
        return self.folder / f"{worker}.{request.value}"
