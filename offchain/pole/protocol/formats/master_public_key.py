"""The file of a master public key: one ristretto255 element for each input column."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pole.protocol.formats.tensors import TensorType, read_tensors, write_tensors

FORMAT: Final = "pole.master-public-key"
ELEMENT_BYTES: Final = 32
_METADATA: Final = {"format": FORMAT, "version": "1"}


def write_master_public_key(points: NDArray[np.uint8]) -> bytes:
    """Return the file of a key whose elements h_j are `points`, uint8 of shape (D, 32)."""
    return write_tensors({"h": points}, _METADATA)


def read_master_public_key(data: bytes, *, dimension: int) -> NDArray[np.uint8]:
    """Return the elements, uint8 of shape (dimension, 32), encodings not yet checked to be group elements.

    Raises IntegrityError when the file is not such a key. The caller has checked `data` against its digest.
    """
    types = {"h": TensorType("U8", (dimension, ELEMENT_BYTES))}
    return read_tensors(data, what="master public key", types=types, metadata=_METADATA)["h"]
