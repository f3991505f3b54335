"""Keys and ciphertexts of the scheme: arrays of scalars and points, of checked shapes."""

from dataclasses import dataclass, field

import numpy as np

from pole.errors import InputError
from pole.ipfe.kernel import Bytes
from pole.ipfe.scalars import are_reduced


@dataclass(frozen=True, slots=True, eq=False)
class MasterSecretKey:
    """The scalars s: uint8 (D, 32), little-endian. Whoever has them can read every ciphertext.

    Raises InputError for another shape, and for scalars that are not reduced: they would give other keys than
    their public key.
    """

    scalars: Bytes = field(repr=False)

    def __post_init__(self) -> None:
        _check_shape(self.scalars, "A master secret key", ("D", 32))
        if not are_reduced(self.scalars):
            raise InputError(
                "A master secret key has a scalar that is not reduced modulo the group order; restore the "
                "key from a backup."
            )

    @property
    def dimension(self) -> int:
        """The number D of columns."""
        return len(self.scalars)


@dataclass(frozen=True, slots=True, eq=False)
class MasterPublicKey:
    """The points h_j = s_j G: uint8 (D, 32), canonical encodings."""

    points: Bytes

    def __post_init__(self) -> None:
        _check_shape(self.points, "A master public key", ("D", 32))

    @property
    def dimension(self) -> int:
        """The number D of columns."""
        return len(self.points)


@dataclass(frozen=True, slots=True, eq=False)
class Ciphertexts:
    """n samples of D columns: ct0 is uint8 (n, 32), ct is uint8 (n, D, 32), canonical encodings."""

    ct0: Bytes
    ct: Bytes

    def __post_init__(self) -> None:
        _check_samples(self.ct0, self.ct, 32)

    def __len__(self) -> int:
        return len(self.ct0)

    @property
    def dimension(self) -> int:
        """The number D of columns."""
        return int(self.ct.shape[1])


@dataclass(frozen=True, slots=True, eq=False)
class AffineCiphertexts:
    """The same samples as decoded points: ct0 is uint8 (n, 64), ct is uint8 (n, D, 64).

    A point is x || y, canonical coordinates on the twisted Edwards curve, 32 bytes little-endian each. Twice
    the bytes, and no square root to decrypt them: for a local cache, never for exchange, because eight points
    of the curve stand for one group element. Only shapes are checked here; `decrypt` checks the points.
    """

    ct0: Bytes
    ct: Bytes

    def __post_init__(self) -> None:
        _check_samples(self.ct0, self.ct, 64)

    def __len__(self) -> int:
        return len(self.ct0)

    @property
    def dimension(self) -> int:
        """The number D of columns."""
        return int(self.ct.shape[1])


@dataclass(frozen=True, slots=True, eq=False)
class FunctionalKeys:
    """One eta for every window and query vector of a plan: uint8 (W, L, 32), little-endian, reduced."""

    eta: Bytes

    def __post_init__(self) -> None:
        _check_shape(self.eta, "Functional keys", ("W", "L", 32))


def _check_samples(ct0: Bytes, ct: Bytes, point_bytes: int) -> None:
    _check_shape(ct0, "ct_0", ("n", point_bytes))
    _check_shape(ct, "ct", ("n", "D", point_bytes))
    if len(ct0) != len(ct):
        raise InputError(f"There are {len(ct0)} ct_0 for {len(ct)} samples; both must be equal.")


def _check_shape(array: Bytes, what: str, shape: tuple[str | int, ...]) -> None:
    fits = array.dtype == np.uint8 and array.ndim == len(shape) and array.shape[-1] == shape[-1]
    if not fits or 0 in array.shape[1:]:
        wanted = ", ".join(str(side) for side in shape)
        raise InputError(
            f"{what} must be a uint8 array of shape ({wanted}), not {array.dtype} {array.shape}."
        )
