"""The compiled code paths behind the interface of pole.ipfe.kernel; their C is in pole/ipfe/native."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pole.ipfe import _native
from pole.ipfe.kernel import Bytes, Decryptor, InvalidKeyPointError
from pole.protocol.mapping.plan import QueryPlan

# Beyond this many entries (128 MiB) the kernel takes giant steps.
MAX_LOGARITHMS = 1 << 22
# A multiple of the lanes of every code path, few enough for progress and for several threads.
SHARD = 64


def logarithms_for(bound: int) -> int:
    """Return the last logarithm of the table for a bound: the largest that takes no more memory.

    The bound changes with every round's keys, by little, and a table that serves an octave of them is kept.
    """
    slots = 1 << ((3 * (bound + 1) + 1) // 2 - 1).bit_length()
    return min(2 * slots // 3, MAX_LOGARITHMS) - 1


@lru_cache(maxsize=2)
def _logarithms(name: str, last: int) -> "_native._Logarithms":
    return _native.build_logarithms(name, last)


def names() -> list[str]:
    """Return the native code paths that this machine can run, fastest first."""
    return _native.names()


@dataclass(frozen=True, slots=True)
class NativeKernel:
    """The code path `name`; all functions release the GIL."""

    name: str

    def base_multiples(self, scalars: Bytes) -> Bytes:
        """See Kernel."""
        out = np.empty_like(scalars)
        _native.base_multiples(self.name, scalars, out)
        return out

    def encrypt(self, secret: Bytes, randomness: Bytes, x: NDArray[np.uint32]) -> tuple[Bytes, Bytes]:
        """See Kernel."""
        ct0, ct = np.empty_like(randomness), np.empty((*x.shape, 32), dtype=np.uint8)
        _native.encrypt(self.name, secret, randomness, x, ct0, ct)
        return ct0, ct

    def encrypt_with_public_key(
        self, points: Bytes, randomness: Bytes, x: NDArray[np.uint32]
    ) -> tuple[Bytes, Bytes]:
        """See Kernel."""
        ct0, ct = np.empty_like(randomness), np.empty((*x.shape, 32), dtype=np.uint8)
        invalid = _native.encrypt_public(self.name, points, randomness, x, ct0, ct)
        if invalid is not None:
            raise InvalidKeyPointError(invalid)
        return ct0, ct

    def expand(self, ct0: Bytes, ct: Bytes) -> tuple[Bytes, Bytes]:
        """See Kernel."""
        affine0 = np.empty((len(ct0), 64), dtype=np.uint8)
        affine = np.empty((*ct.shape[:2], 64), dtype=np.uint8)
        _native.expand(self.name, ct0, affine0)
        _native.expand(self.name, ct, affine)
        return affine0, affine

    def linear_combination(self, points: Bytes, scalars: Bytes) -> bytes:
        """See Kernel. The same on every native path."""
        out = bytearray(32)
        invalid = _native.linear_combination(points, scalars, out)
        if invalid is not None:
            raise InvalidKeyPointError(invalid)
        return bytes(out)

    def decryptor(self, plan: QueryPlan, keys: Bytes, dimension: int, bound: int) -> Decryptor:
        """See Kernel. The table of logarithms is kept for the next decryptor with a bound of that size."""
        windows = np.ascontiguousarray(plan.windows)
        vectors = np.ascontiguousarray(plan.vectors, dtype=np.uint16)
        schedule = _native.build_schedule(
            dimension, windows, len(windows), vectors, len(vectors), np.ascontiguousarray(keys)
        )
        logarithms = _logarithms(self.name, logarithms_for(bound))
        return NativeDecryptor(self.name, schedule, logarithms, bound, (len(windows), len(vectors)))


@dataclass(frozen=True, slots=True)
class NativeDecryptor:
    """A schedule of additions and a table of logarithms, both owned by the kernel."""

    name: str
    schedule: "_native._Schedule"
    logarithms: "_native._Logarithms"
    bound: int
    results: tuple[int, int]

    @property
    def shard(self) -> int:
        """See Decryptor."""
        return SHARD

    def inner_products(self, ct0: Bytes, ct: Bytes) -> NDArray[np.int64]:
        """See Decryptor."""
        out = np.empty((len(ct0), *self.results), dtype=np.int64)
        _native.decrypt(self.name, self.schedule, self.logarithms, self.bound, ct0, ct, out)
        return out
