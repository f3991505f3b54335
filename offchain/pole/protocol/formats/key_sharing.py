"""The files of a shared master secret: the public sharing, a share, a sealed share, and partial keys."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pole.errors import InputError, IntegrityError
from pole.protocol.encoding import hashing
from pole.protocol.formats.canonical_json import (
    bytes_in_hex,
    read_document,
    read_hex,
    read_whole,
    write_document,
)
from pole.protocol.formats.shared_task import (
    SharedTask,
    read_task,
    read_task_metadata,
    task_document,
    task_metadata,
    task_text,
)
from pole.protocol.formats.tensors import TensorType, read_metadata, read_tensors, write_tensors

SHARING_FORMAT: Final = "pole.key-sharing"
SHARE_FORMAT: Final = "pole.key-share"
SEALED_SHARE_FORMAT: Final = "pole.sealed-share"
PARTIAL_KEYS_FORMAT: Final = "pole.partial-keys"

SCALAR_BYTES: Final = 32
ADDRESS_BYTES: Final = 20
SEALING_KEY_BYTES: Final = 32
MAX_HOLDERS: Final = 255
MAX_SEALED_SHARE_BYTES: Final = 2**23
VERSION: Final = 2
EARLIER_VERSION: Final = (
    "It is of version 1, whose shares served any task that named them: the data node has to share the secret "
    "again (`pole data-node share`), and every holder to take in its new file (`pole key-holder accept`)."
)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a share: the address it acts under, and the X25519 key that its share was sealed to."""

    address: str
    sealing_key: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Sharing:
    """What everybody may know of a sharing: its task, its holders from 1, and the commitments (t, D, 32).

    Raises InputError for more holders than 255, fewer than the threshold t, or one that is named twice.
    """

    task: SharedTask
    holders: tuple[Holder, ...]
    commitments: NDArray[np.uint8]

    def __post_init__(self) -> None:
        if not self.threshold <= len(self.holders) <= MAX_HOLDERS:
            raise InputError(f"A sharing needs {self.threshold} to {MAX_HOLDERS} holders.")
        if len({holder.address for holder in self.holders}) < len(self.holders):
            raise InputError("A holder is named twice; name everybody once.")

    @property
    def threshold(self) -> int:
        """The number t of holders that make keys."""
        return len(self.commitments)

    def index_of(self, address: str) -> int | None:
        """Return the number of the holder with this address, None when it holds no share."""
        addresses = [holder.address for holder in self.holders]
        return addresses.index(address) + 1 if address in addresses else None


@dataclass(frozen=True, slots=True)
class SealedShare:
    """A share on its way to holder `index` of the sharing with this digest; `box` opens under its key."""

    task: SharedTask
    sharing_digest: bytes
    index: int
    box: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ShareReceipt:
    """A holder's word that it took in its share of the sharing with this digest, to serve this task."""

    holder: str
    sharing_digest: bytes
    task: SharedTask


def write_sharing(sharing: Sharing) -> bytes:
    """Return the public file of a sharing."""
    addresses = b"".join(bytes.fromhex(holder.address[2:]) for holder in sharing.holders)
    keys = b"".join(holder.sealing_key for holder in sharing.holders)
    tensors = {
        "addresses": np.frombuffer(addresses, dtype=np.uint8).reshape(-1, ADDRESS_BYTES),
        "commitments": sharing.commitments,
        "sealingKeys": np.frombuffer(keys, dtype=np.uint8).reshape(-1, SEALING_KEY_BYTES),
    }
    return write_tensors(tensors, _sharing_metadata(sharing.task))


def read_sharing(data: bytes) -> Sharing:
    """Return a sharing, encodings of its commitments not yet checked to be group elements.

    Raises IntegrityError when the file is none, or of an earlier version. The caller has checked `data`
    against its digest.
    """
    task = read_task_metadata(_metadata_of(data, SHARING_FORMAT))
    types = {
        "addresses": TensorType("U8", (-1, ADDRESS_BYTES)),
        "commitments": TensorType("U8", (-1, -1, SCALAR_BYTES)),
        "sealingKeys": TensorType("U8", (-1, SEALING_KEY_BYTES)),
    }
    tensors = read_tensors(data, what="key sharing", types=types, metadata=_sharing_metadata(task))
    addresses, keys = tensors["addresses"], tensors["sealingKeys"]
    if len(addresses) != len(keys):
        raise IntegrityError(f"The sharing names {len(addresses)} holders, but {len(keys)} sealing keys.")
    if len(addresses) > MAX_HOLDERS:
        raise IntegrityError(f"The sharing names {len(addresses)} holders; {MAX_HOLDERS} are accepted.")
    holders = tuple(
        Holder(hashing.address(f"0x{address.tobytes().hex()}"), key.tobytes())
        for address, key in zip(addresses, keys, strict=True)
    )
    try:
        return Sharing(task, holders, tensors["commitments"])
    except InputError as error:
        raise IntegrityError(f"The sharing is unusable: {error}") from error


def write_share(scalars: NDArray[np.uint8], *, task: SharedTask, sharing_digest: bytes, index: int) -> bytes:
    """Return the secret file of a share, scalars uint8 (D, 32): what a sealed share holds."""
    return write_tensors({"scalars": scalars}, _share_metadata(task, sharing_digest, index))


def read_share(
    data: bytes, *, task: SharedTask, sharing_digest: bytes, index: int, dimension: int
) -> NDArray[np.uint8]:
    """Return the scalars of a share, not yet held against the commitments.

    Raises IntegrityError when the file is another's, for another task, or of an earlier version.
    """
    _metadata_of(data, SHARE_FORMAT)
    types = {"scalars": TensorType("U8", (dimension, SCALAR_BYTES))}
    metadata = _share_metadata(task, sharing_digest, index)
    return read_tensors(data, what="key share", types=types, metadata=metadata)["scalars"]


def share_context(task: SharedTask, sharing_digest: bytes, index: int) -> bytes:
    """Return what a share's box is bound to, so that it opens as no other share and for no other task."""
    return f"{SHARE_FORMAT}/{VERSION}/{sharing_digest.hex()}/{index}/{task_text(task)}".encode()


def write_sealed_share(sealed: SealedShare) -> bytes:
    """Return the file in which a share travels to its holder."""
    return write_document(
        {
            "format": SEALED_SHARE_FORMAT,
            "version": VERSION,
            "box": sealed.box.hex(),
            "index": sealed.index,
            "sharingDigest": f"0x{sealed.sharing_digest.hex()}",
            "task": task_document(sealed.task),
        }
    )


def read_sealed_share(data: bytes) -> SealedShare:
    """Return a sealed share; raises IntegrityError when the file is none, or of an earlier version."""
    # The fields of canonical JSON are sorted, and the version was the last.
    if f'"format":"{SEALED_SHARE_FORMAT}"'.encode() in data and data.endswith(b',"version":1}'):
        raise IntegrityError(f"This {SEALED_SHARE_FORMAT} file cannot be used. {EARLIER_VERSION}")
    document = read_document(
        data,
        kind=SEALED_SHARE_FORMAT,
        version=VERSION,
        fields=("box", "index", "sharingDigest", "task"),
        max_bytes=MAX_SEALED_SHARE_BYTES,
    )
    box = bytes_in_hex(document["box"], "")
    if not box:
        raise IntegrityError("box must be bytes in lower-case hex.")
    return SealedShare(
        task=read_task(document["task"]),
        sharing_digest=read_hex(document, "sharingDigest", length=32),
        index=read_whole(document, "index", minimum=1, maximum=MAX_HOLDERS),
        box=box,
    )


def write_partial_keys(
    eta: NDArray[np.uint8], *, round_id: int, seed: bytes, sharing_digest: bytes, index: int
) -> bytes:
    """Return the file of holder `index`'s partial keys, uint8 (W, L, 32): little-endian scalars."""
    metadata = _partial_metadata(round_id, seed, sharing_digest, index)
    return write_tensors({"eta": eta}, metadata)


def read_partial_keys(
    data: bytes, *, round_id: int, seed: bytes, sharing_digest: bytes, index: int, windows: int, queries: int
) -> NDArray[np.uint8]:
    """Return partial keys, uint8 (windows, queries, 32), not yet held against the commitments.

    Raises IntegrityError when the file is not this holder's for this round. The caller has checked `data`
    against its digest.
    """
    types = {"eta": TensorType("U8", (windows, queries, SCALAR_BYTES))}
    metadata = _partial_metadata(round_id, seed, sharing_digest, index)
    return read_tensors(data, what="partial keys", types=types, metadata=metadata)["eta"]


def _metadata_of(data: bytes, kind: str) -> dict[str, str]:
    metadata = read_metadata(data, kind)
    if metadata.get("format") == kind and metadata.get("version") == "1":
        raise IntegrityError(f"This {kind} file cannot be used. {EARLIER_VERSION}")
    return metadata


def _sharing_metadata(task: SharedTask) -> dict[str, str]:
    return {"format": SHARING_FORMAT, "version": str(VERSION), **task_metadata(task)}


def _share_metadata(task: SharedTask, sharing_digest: bytes, index: int) -> dict[str, str]:
    named = {"format": SHARE_FORMAT, "version": str(VERSION), **_holder_metadata(sharing_digest, index)}
    return named | task_metadata(task)


def _partial_metadata(round_id: int, seed: bytes, sharing_digest: bytes, index: int) -> dict[str, str]:
    named = {"format": PARTIAL_KEYS_FORMAT, "version": "1", **_holder_metadata(sharing_digest, index)}
    return named | {"roundId": str(round_id), "seed": seed.hex()}


def _holder_metadata(sharing_digest: bytes, index: int) -> dict[str, str]:
    return {"holder": str(index), "sharing": sharing_digest.hex()}
