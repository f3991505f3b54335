"""The files of a shared master secret: the public sharing, a share, a sealed share, and partial keys."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pole.errors import InputError, IntegrityError
from pole.protocol.encoding import abi
from pole.protocol.formats.canonical_json import (
    bytes_in_hex,
    read_document,
    read_hex,
    read_whole,
    write_document,
)
from pole.protocol.formats.tensors import TensorType, read_tensors, write_tensors

SHARING_FORMAT: Final = "pole.key-sharing"
SHARE_FORMAT: Final = "pole.key-share"
SEALED_SHARE_FORMAT: Final = "pole.sealed-share"
PARTIAL_KEYS_FORMAT: Final = "pole.partial-keys"

SCALAR_BYTES: Final = 32
ADDRESS_BYTES: Final = 20
SEALING_KEY_BYTES: Final = 32
MAX_HOLDERS: Final = 255
MAX_SEALED_SHARE_BYTES: Final = 2**23
_SHARING_METADATA: Final = {"format": SHARING_FORMAT, "version": "1"}


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a share: the address it acts under, and the X25519 key that its share was sealed to."""

    address: str
    sealing_key: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Sharing:
    """What everybody may know of a sharing: its holders, numbered from 1, and the commitments (t, D, 32).

    Raises InputError for more holders than 255, fewer than the threshold t, or one that is named twice.
    """

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

    task_id: int
    sharing_digest: bytes
    index: int
    box: bytes = field(repr=False)


def write_sharing(sharing: Sharing) -> bytes:
    """Return the public file of a sharing."""
    addresses = b"".join(bytes.fromhex(holder.address[2:]) for holder in sharing.holders)
    keys = b"".join(holder.sealing_key for holder in sharing.holders)
    tensors = {
        "addresses": np.frombuffer(addresses, dtype=np.uint8).reshape(-1, ADDRESS_BYTES),
        "commitments": sharing.commitments,
        "sealingKeys": np.frombuffer(keys, dtype=np.uint8).reshape(-1, SEALING_KEY_BYTES),
    }
    return write_tensors(tensors, _SHARING_METADATA)


def read_sharing(data: bytes) -> Sharing:
    """Return a sharing, encodings of its commitments not yet checked to be group elements.

    Raises IntegrityError when the file is none. The caller has checked `data` against its digest.
    """
    types = {
        "addresses": TensorType("U8", (-1, ADDRESS_BYTES)),
        "commitments": TensorType("U8", (-1, -1, SCALAR_BYTES)),
        "sealingKeys": TensorType("U8", (-1, SEALING_KEY_BYTES)),
    }
    tensors = read_tensors(data, what="key sharing", types=types, metadata=_SHARING_METADATA)
    addresses, keys = tensors["addresses"], tensors["sealingKeys"]
    if len(addresses) != len(keys):
        raise IntegrityError(f"The sharing names {len(addresses)} holders, but {len(keys)} sealing keys.")
    if len(addresses) > MAX_HOLDERS:
        raise IntegrityError(f"The sharing names {len(addresses)} holders; {MAX_HOLDERS} are accepted.")
    holders = tuple(
        Holder(abi.address(f"0x{address.tobytes().hex()}"), key.tobytes())
        for address, key in zip(addresses, keys, strict=True)
    )
    try:
        return Sharing(holders, tensors["commitments"])
    except InputError as error:
        raise IntegrityError(f"The sharing is unusable: {error}") from error


def write_share(scalars: NDArray[np.uint8], *, sharing_digest: bytes, index: int) -> bytes:
    """Return the secret file of a share, scalars uint8 (D, 32): what a sealed share holds."""
    return write_tensors({"scalars": scalars}, _metadata(SHARE_FORMAT, sharing_digest, index))


def read_share(data: bytes, *, sharing_digest: bytes, index: int, dimension: int) -> NDArray[np.uint8]:
    """Return the scalars of a share, not yet held against the commitments.

    Raises IntegrityError when the file is another's.
    """
    types = {"scalars": TensorType("U8", (dimension, SCALAR_BYTES))}
    metadata = _metadata(SHARE_FORMAT, sharing_digest, index)
    return read_tensors(data, what="key share", types=types, metadata=metadata)["scalars"]


def share_context(sharing_digest: bytes, index: int) -> bytes:
    """Return what a share's box is bound to, so that it opens as no other share."""
    return f"{SHARE_FORMAT}/1/{sharing_digest.hex()}/{index}".encode()


def write_sealed_share(sealed: SealedShare) -> bytes:
    """Return the file in which a share travels to its holder."""
    return write_document(
        {
            "format": SEALED_SHARE_FORMAT,
            "version": 1,
            "box": sealed.box.hex(),
            "index": sealed.index,
            "sharingDigest": f"0x{sealed.sharing_digest.hex()}",
            "taskId": sealed.task_id,
        }
    )


def read_sealed_share(data: bytes) -> SealedShare:
    """Return a sealed share; raises IntegrityError when the file is none."""
    fields = ("box", "index", "sharingDigest", "taskId")
    document = read_document(
        data, kind=SEALED_SHARE_FORMAT, version=1, fields=fields, max_bytes=MAX_SEALED_SHARE_BYTES
    )
    box = bytes_in_hex(document["box"], "")
    if not box:
        raise IntegrityError("box must be bytes in lower-case hex.")
    return SealedShare(
        task_id=read_whole(document, "taskId", minimum=1, maximum=2**64 - 1),
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


def _metadata(kind: str, sharing_digest: bytes, index: int) -> dict[str, str]:
    return {"format": kind, "version": "1", "holder": str(index), "sharing": sharing_digest.hex()}


def _partial_metadata(round_id: int, seed: bytes, sharing_digest: bytes, index: int) -> dict[str, str]:
    round_metadata = {"roundId": str(round_id), "seed": seed.hex()}
    return _metadata(PARTIAL_KEYS_FORMAT, sharing_digest, index) | round_metadata
