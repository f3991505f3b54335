"""Arrays of integers modulo the group order, 32 bytes little-endian each, and exact sums of them."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from pole.ipfe.group import ORDER

LIMB_BITS = 16


def scalars_of(integers: Iterable[int]) -> NDArray[np.uint8]:
    """Return integers reduced modulo the group order as uint8 (n, 32)."""
    joined = b"".join((k % ORDER).to_bytes(32, "little") for k in integers)
    return np.frombuffer(joined, dtype=np.uint8).reshape(-1, 32).copy()


def reduced(uniform: bytes) -> NDArray[np.uint8]:
    """Return every 64 bytes, a little-endian integer, modulo the group order: uint8 (n, 32)."""
    return scalars_of(int.from_bytes(uniform[i : i + 64], "little") for i in range(0, len(uniform), 64))


def are_reduced(scalars: NDArray[np.uint8]) -> bool:
    """Return whether every 32 bytes are an integer below the group order."""
    joined = scalars.tobytes()
    return all(int.from_bytes(joined[i : i + 32], "little") < ORDER for i in range(0, len(joined), 32))


def limbs_of(scalars: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return scalars (n, 32) as 16-bit limbs, int64 (16, n), lowest first.

    Products with 16-bit weights can then be added up to 2^31 times before they leave 64 bits.
    """
    return np.ascontiguousarray(scalars).view("<u2").T.astype(np.int64)


def sum_limbs(sums: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return sum over i of sums[i] * 2^(16 i) modulo the group order for sums (limbs, n): uint8 (n, 32)."""
    return scalars_of(sum(int(limb) << (LIMB_BITS * i) for i, limb in enumerate(column)) for column in sums.T)
