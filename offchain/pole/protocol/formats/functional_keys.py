"""The file of a round's functional keys: one scalar for each window and query vector."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pole.protocol.formats.tensors import TensorType, read_tensors, write_tensors

FORMAT: Final = "pole.functional-keys"
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
    return {"format": FORMAT, "version": "1", "roundId": str(round_id), "seed": seed.hex()}
