"""What every code path of the scheme computes: the operations that are worth a native implementation."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pole.ipfe.group import InvalidEncodingError
from pole.protocol.mapping.plan import QueryPlan

Bytes = NDArray[np.uint8]
NO_LOGARITHM = -1


class InvalidKeyPointError(InvalidEncodingError):
    """A point of the master public key is not a group element; `column` says which."""

    def __init__(self, column: int) -> None:
        super().__init__(
            f"Column {column} of the master public key is not a ristretto255 element; "
            "fetch the key again or report its owner."
        )
        self.column = column


class Decryptor(Protocol):
    """A plan with its functional keys and its discrete logarithms, ready for any number of ciphertexts."""

    @property
    def shard(self) -> int:
        """How many samples a call should get: a multiple of the lanes, and enough that none of them idles."""

    def inner_products(self, ct0: Bytes, ct: Bytes) -> NDArray[np.int64]:
        """Return the inner products (n, W, L) of ct0 (n, P) and ct (n, D, P), else NO_LOGARITHM.

        P says what the points are: 32 bytes, encodings, or 64, affine coordinates as Kernel.expand returns
        them. A sample is NO_LOGARITHM throughout where one of its points is no encoding, or not reduced and
        on the curve; points of the curve that differ by one of order 8 or less give the same result. Runs
        without the GIL on native paths, so threads may share a decryptor.
        """


class Kernel(Protocol):
    """One implementation of the group operations behind the scheme; all give the same bytes.

    Points are canonical ristretto255 encodings where nothing else is said, scalars are reduced, both 32 bytes
    little-endian in the last axis.
    """

    @property
    def name(self) -> str:
        """The code path: "ifma", "avx2", "portable" or "python"."""

    def base_multiples(self, scalars: Bytes) -> Bytes:
        """Return scalar times the generator for scalars (n, 32)."""

    def encrypt(self, secret: Bytes, randomness: Bytes, x: NDArray[np.uint32]) -> tuple[Bytes, Bytes]:
        """Return ct0 (n, 32) and ct (n, D, 32) under secret (D, 32) with randomness (n, 32)."""

    def encrypt_with_public_key(
        self, points: Bytes, randomness: Bytes, x: NDArray[np.uint32]
    ) -> tuple[Bytes, Bytes]:
        """Return the same from the points (D, 32) of the public key; raises InvalidKeyPointError."""

    def expand(self, ct0: Bytes, ct: Bytes) -> tuple[Bytes, Bytes]:
        """Return ct0 (n, 64) and ct (n, D, 64) as x || y of the points that RFC 9496 decodes to.

        What does not decode becomes zeros, which are no point of the curve either.
        """

    def linear_combination(self, points: Bytes, scalars: Bytes) -> bytes:
        """Return the sum of scalar times point over (m, 32) of each; raises InvalidKeyPointError."""

    def decryptor(self, plan: QueryPlan, keys: Bytes, dimension: int, bound: int) -> Decryptor:
        """Prepare decryption of `dimension` columns with keys (W, L, 32) for values in [0, bound]."""
