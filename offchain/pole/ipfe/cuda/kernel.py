"""The code path "cuda": decryption on a GPU, everything else on the fastest path of the processor."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pole.ipfe.cuda.library import Library, Limits, OpenDecryptor
from pole.ipfe.kernel import Bytes, Kernel
from pole.protocol.mapping.plan import QueryPlan

# 512 MiB of table; beyond that many logarithms the device takes giant steps.
MAX_LOGARITHMS = 1 << 24
# For both sets of buffers together; never more than half of the memory that is free.
BUFFER_BYTES = 8 << 30
# More threads than an H200 can hold, once for each group of rows.
PORTION = 4096


def default_limits() -> Limits:
    """Return the limits that large devices work well with."""
    return Limits(MAX_LOGARITHMS, BUFFER_BYTES, PORTION)


@dataclass(frozen=True, slots=True)
class CudaKernel:
    """A library with the decryption, a kernel of the processor with the rest."""

    library: Library
    processor: Kernel
    limits: Limits
    name: str = "cuda"

    def base_multiples(self, scalars: Bytes) -> Bytes:
        """See Kernel. On the processor."""
        return self.processor.base_multiples(scalars)

    def encrypt(self, secret: Bytes, randomness: Bytes, x: NDArray[np.uint32]) -> tuple[Bytes, Bytes]:
        """See Kernel. On the processor: the secret never reaches the device."""
        return self.processor.encrypt(secret, randomness, x)

    def encrypt_with_public_key(
        self, points: Bytes, randomness: Bytes, x: NDArray[np.uint32]
    ) -> tuple[Bytes, Bytes]:
        """See Kernel. On the processor."""
        return self.processor.encrypt_with_public_key(points, randomness, x)

    def expand(self, ct0: Bytes, ct: Bytes) -> tuple[Bytes, Bytes]:
        """See Kernel. On the processor."""
        return self.processor.expand(ct0, ct)

    def linear_combination(self, points: Bytes, scalars: Bytes) -> bytes:
        """See Kernel. On the processor."""
        return self.processor.linear_combination(points, scalars)

    def decryptor(self, plan: QueryPlan, keys: Bytes, dimension: int, bound: int) -> OpenDecryptor:
        """See Kernel. Raises InputError when the device fails."""
        return self.library.open(
            np.ascontiguousarray(plan.windows),
            np.ascontiguousarray(plan.vectors, dtype=np.uint16),
            np.ascontiguousarray(keys),
            dimension,
            bound,
            self.limits,
        )
