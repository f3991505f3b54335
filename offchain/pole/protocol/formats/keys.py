"""The files of keys: of a master public key, an element a column; of functional keys, a scalar each."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pole.protocol.formats.tensors import TensorType, read_tensors, write_tensors

PUBLIC_KEY_FORMAT: Final = "pole.master-public-key"
ELEMENT_BYTES: Final = 32
_PUBLIC_KEY: Final = {"format": PUBLIC_KEY_FORMAT, "version": "1"}


def write_master_public_key(points: NDArray[np.uint8]) -> bytes:
    """Return the file of a key whose elements h_j are `points`, uint8 of shape (D, 32)."""
    return write_tensors({"h": points}, _PUBLIC_KEY)


def read_master_public_key(data: bytes, *, dimension: int) -> NDArray[np.uint8]:
    """Return the elements, uint8 of shape (dimension, 32), encodings not yet checked to be group elements.

    Raises IntegrityError when the file is not such a key. The caller has checked `data` against its digest.
    """
    types = {"h": TensorType("U8", (dimension, ELEMENT_BYTES))}
    return read_tensors(data, what="master public key", types=types, metadata=_PUBLIC_KEY)["h"]


FUNCTIONAL_KEYS_FORMAT: Final = "pole.functional-keys"
SCALAR_BYTES: Final = 32


def write_functional_keys(eta: NDArray[np.uint8], *, round_id: int, seed: bytes) -> bytes:
    """Return the file of the keys `eta`, uint8 of shape (W, L, 32): little-endian scalars."""
    return write_tensors({"eta": eta}, _metadata(round_id, seed))


def read_functional_keys(
    data: bytes, *, round_id: int, seed: bytes, windows: int, queries: int
) -> NDArray[np.uint8]:
    """Return the keys, uint8 of shape (windows, queries, 32), not yet held against the master key.

    Raises IntegrityError when the file is not the keys of this round and seed. The caller has checked
    `data` against its digest.
    """
    types = {"eta": TensorType("U8", (windows, queries, SCALAR_BYTES))}
    metadata = _metadata(round_id, seed)
    return read_tensors(data, what="functional keys", types=types, metadata=metadata)["eta"]


def _metadata(round_id: int, seed: bytes) -> dict[str, str]:
    return {"format": FUNCTIONAL_KEYS_FORMAT, "version": "1", "roundId": str(round_id), "seed": seed.hex()}
