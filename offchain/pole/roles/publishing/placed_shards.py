"""What is noted on disk of a set while it is encrypted, so that who was killed goes on with the next shard.

What is not noted is encrypted under the same key with fresh randomness, which is safe. But samples with noise
would show their inner products twice, under two draws of it: their shards are durable before anybody gets
them, and none that others may have seen is encrypted anew.
"""

import json
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pole.protocol.formats.encrypted_set import Part, ShardRef
from pole.roles.publishing.permutation import random_permutation
from pole.roles.publishing.task_folder import TaskFolder
from pole.roles.support.files import read_with_digest, with_digest, write_durably

ORDER_TYPE: Final = "<i8"


def kept_order(
    folder: TaskFolder, part: Part, count: int, random_bytes: Callable[[int], bytes]
) -> NDArray[np.int64]:
    """Return the order in which `count` samples are published: what was kept, else one that is drawn now."""
    path = folder.order(part.value)
    kept = read_with_digest(path)
    if kept is None:
        kept = random_permutation(count, random_bytes).astype(ORDER_TYPE).tobytes()
        write_durably(path, with_digest(kept))
    return np.frombuffer(kept, ORDER_TYPE).astype(np.int64)


def can_go_on(folder: TaskFolder) -> bool:
    """Return whether the order of each set is there that has no manifest yet.

    What was encrypted in an order that is lost fits no other one.
    """
    return all(
        folder.manifest(part.value).is_file() or read_with_digest(folder.order(part.value)) is not None
        for part in Part
    )


def whole_set(folder: TaskFolder, part: Part) -> bytes:
    """Return the manifest of a set that was encrypted before; what was noted on the way goes."""
    drop_notes(folder, part)
    return folder.manifest(part.value).read_bytes()


def placed_shard(folder: TaskFolder, part: Part, number: int, rows: int) -> ShardRef | None:
    """Return where a shard is that the store has, None where it has to be encrypted or handed over."""
    kept = read_with_digest(folder.note(part.value, number))
    if kept is None:
        return None
    ref = ShardRef(**json.loads(kept))
    is_here = part is Part.TRAIN or folder.shard(part.value, number).is_file()
    return ref if ref.rows == rows and is_here else None


def note_of(ref: ShardRef) -> bytes:
    """Return the file that notes where a shard is."""
    document = {"cid": ref.cid, "digest": ref.digest, "size": ref.size, "rows": ref.rows}
    return with_digest(json.dumps(document).encode())


def drop_notes(folder: TaskFolder, part: Part) -> None:
    """Delete the order and the notes of a set whose manifest is on disk."""
    folder.order(part.value).unlink(missing_ok=True)
    for note in folder.path.glob(f"{part.value}-*.placed"):
        note.unlink()
