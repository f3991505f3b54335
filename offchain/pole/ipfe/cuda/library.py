"""The functions of the GPU library (decryptor.cu), with arrays for pointers and errors for outcomes."""

import ctypes
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pole.errors import InputError
from pole.ipfe.kernel import Bytes

# Of kernel.h and decryptor.h.
DONE, OUT_OF_MEMORY, REFUSED = 0, 1, 4
MESSAGE_BYTES = 256
SHARD = 32768

Array = NDArray[np.generic]


class Limits(ctypes.Structure):
    """What a decryptor may take: entries of its table, bytes of device memory, samples worked on at once."""

    _fields_ = (
        ("logarithms", ctypes.c_uint64),
        ("bytes", ctypes.c_uint64),
        ("samples", ctypes.c_uint64),
    )


def _pointer(array: Array) -> ctypes.c_void_p:
    if not array.flags.c_contiguous:
        raise ValueError("an array for the GPU library must be contiguous")
    return ctypes.c_void_p(array.ctypes.data)


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class OpenDecryptor:
    """A plan and its keys on the device, freed with this object. Calls from several threads take turns."""

    functions: Any
    handle: ctypes.c_void_p
    dimension: int
    results: tuple[int, int]

    @property
    def shard(self) -> int:
        """See pole.ipfe.kernel.Decryptor: several portions, so that copies and additions overlap."""
        return SHARD

    def inner_products(self, ct0: Bytes, ct: Bytes) -> NDArray[np.int64]:
        """See pole.ipfe.kernel.Decryptor. Raises InputError too, when the device fails."""
        samples, point_bytes = ct0.shape
        if point_bytes not in (32, 64) or ct.shape != (samples, self.dimension, point_bytes):
            raise ValueError(f"ct_0 {ct0.shape} and ct {ct.shape} do not fit {self.dimension} columns")
        out = np.empty((samples, *self.results), dtype=np.int64)
        message = ctypes.create_string_buffer(MESSAGE_BYTES)
        outcome = self.functions.pole_inner_products(
            self.handle,
            _pointer(ct0),
            _pointer(ct),
            ctypes.c_uint64(point_bytes),
            ctypes.c_uint64(samples),
            _pointer(out),
            message,
        )
        _check(outcome, message)
        return out


@dataclass(frozen=True, slots=True)
class Library:
    """The library in one file, loaded."""

    functions: Any

    @classmethod
    def load(cls, path: Path) -> "Library":
        """Load the file; raises InputError where the system refuses it."""
        try:
            functions = ctypes.CDLL(str(path))
        except OSError as error:
            raise InputError(
                f"The GPU library {path} cannot be loaded ({error}); delete it to build it anew."
            ) from error
        functions.pole_close.restype = None
        return cls(functions)

    def open(
        self,
        windows: NDArray[np.int32],
        vectors: NDArray[np.uint16],
        keys: Bytes,
        dimension: int,
        bound: int,
        limits: Limits,
    ) -> OpenDecryptor:
        """Prepare windows (W, d), vectors (L, d) and keys (W, L, 32) on the device; raises InputError."""
        results = (len(windows), len(vectors))
        if vectors.shape[1] != windows.shape[1] or keys.shape != (*results, 32):
            raise ValueError(f"keys {keys.shape} do not fit windows {windows.shape}, vectors {vectors.shape}")
        shape = (ctypes.c_uint64 * 4)(dimension, *results, windows.shape[1])
        handle, message = ctypes.c_void_p(), ctypes.create_string_buffer(MESSAGE_BYTES)
        outcome = self.functions.pole_open(
            shape,
            _pointer(windows),
            _pointer(vectors),
            _pointer(keys),
            ctypes.c_uint64(bound),
            ctypes.byref(limits),
            ctypes.byref(handle),
            message,
        )
        _check(outcome, message)
        opened = OpenDecryptor(self.functions, handle, dimension, results)
        weakref.finalize(opened, self.functions.pole_close, handle)
        return opened


def _check(outcome: int, message: "ctypes.Array[ctypes.c_char]") -> None:
    if outcome == OUT_OF_MEMORY:
        raise InputError(
            "The GPU has not enough free memory for this plan; free it, or use another back end."
        )
    reason = message.value.decode(errors="replace")
    if outcome == REFUSED:
        raise ValueError(reason)
    if outcome != DONE:
        raise InputError(
            f"The GPU does not work ({reason}); check `nvidia-smi` and the driver's version, "
            "or use another back end."
        )
