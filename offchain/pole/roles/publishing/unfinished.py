"""A set that is being encrypted, on its data node's disk, so that a kill costs the shards under way alone.

Its order and a line for each shard that has a CID are there until the manifest is. The order is the owner's
secret, as the samples are: nobody else's eyes are on either, and it is gone with the last shard.
"""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pole.protocol.formats.encrypted_set import Part, ShardRef
from pole.roles.publishing.task_folder import TaskFolder
from pole.roles.support.files import (
    make_private_folder,
    own_disk,
    read_with_digest,
    with_digest,
    write_durably,
)

ORDER_TYPE: Final = "<i8"


@dataclass(frozen=True, slots=True)
class Placed:
    """A shard that has a CID, and how many of its values were clipped."""

    ref: ShardRef
    clipped: int


@dataclass(frozen=True, slots=True)
class UnfinishedSet:
    """What is kept of a set of the task in `folder` while it is encrypted; its methods raise DiskError."""

    folder: TaskFolder
    part: Part

    def order(self, count: int, draw: Callable[[int], NDArray[np.int64]]) -> NDArray[np.int64]:
        """Return the order of `count` samples that was kept, else the one that `draw` gives, kept first.

        A new order makes all shards anew.
        """
        path = self.folder.order(self.part.value)
        with own_disk(path):
            kept = read_with_digest(path)
        if kept is not None and len(kept) == count * np.dtype(ORDER_TYPE).itemsize:
            return np.frombuffer(kept, dtype=ORDER_TYPE)
        drawn = draw(count)
        self.finish()
        write_durably(path, with_digest(drawn.astype(ORDER_TYPE).tobytes()))
        return drawn

    def add(self, placed: Placed) -> None:
        """Keep durably that the next shard has a CID."""
        path = self.folder.placed(self.part.value)
        with own_disk(path):
            make_private_folder(path.parent)
            with open(path, "ab", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
                file.write(json.dumps(asdict(placed.ref) | {"clipped": placed.clipped}).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())

    def placed(self, count: int, rows: int) -> list[Placed]:
        """Return the first shards of `count` samples that need not be done again, of `rows` samples each.

        What follows them, such as a line that was cut off, is forgotten.
        """
        path = self.folder.placed(self.part.value)
        with own_disk(path):
            content = path.read_bytes() if path.exists() else b""
        found: list[Placed] = []
        size = 0
        for line, each in _read(content):
            number = len(found)
            if each.ref.rows != min(rows, count - number * rows) or not self._is_here(number):
                break
            found.append(each)
            size += len(line)
        if size < len(content):
            write_durably(path, content[:size])
        return found

    def finish(self) -> None:
        """Forget all of it: the manifest is there."""
        for path in (self.folder.placed(self.part.value), self.folder.order(self.part.value)):
            with own_disk(path):
                path.unlink(missing_ok=True)

    def _is_here(self, number: int) -> bool:
        """Return whether a shard that stays here until its release is here."""
        return self.part is Part.TRAIN or self.folder.shard(self.part.value, number).is_file()


def _read(content: bytes) -> Iterator[tuple[bytes, Placed]]:
    """Yield lines and what they say, up to the first that was not written whole."""
    for line in content.splitlines(keepends=True):
        try:
            fields = json.loads(line)
            clipped = fields.pop("clipped")
            placed = Placed(ShardRef(**fields), clipped)
        except (ValueError, TypeError, KeyError, AttributeError):
            return
        if not line.endswith(b"\n"):
            return
        yield line, placed
