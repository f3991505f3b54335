"""What the rest of PoLe needs of an inner-product functional encryption scheme."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from pole.protocol.mapping.plan import QueryPlan

Secret = TypeVar("Secret")
Public = TypeVar("Public")
Sealed = TypeVar("Sealed")
Keys = TypeVar("Keys")

RandomBytes = Callable[[int], bytes]


@dataclass(frozen=True, slots=True, eq=False)
class InnerProducts:
    """What n rows decrypt to under a plan of W windows and L query vectors.

    `values` is int64 (n, W, L), each in [0, bound]; `bad`, bool (n,), marks the rows that do not decrypt,
    whose values are all 0.
    """

    values: NDArray[np.int64]
    bad: NDArray[np.bool_]


class InnerProductScheme(Protocol[Secret, Public, Sealed, Keys]):
    """A scheme whose keys are for a whole plan, and can be checked by whoever has the public key.

    A module fulfils it with functions of these names: `pole.ipfe.scheme` does. Its own options, such as
    progress or a code path, come after these with defaults.
    """

    def generate_keys(self, dimension: int, random_bytes: RandomBytes, /) -> tuple[Secret, Public]:
        """Return a master key pair for data of `dimension` columns."""

    def encrypt(
        self,
        secret: Secret,
        x: NDArray[np.unsignedinteger],
        random_bytes: RandomBytes,
        /,
        *,
        threads: int = 1,
    ) -> Sealed:
        """Encrypt the rows of x, unsigned (n, D), as the owner of the master secret."""

    def encrypt_with_public_key(
        self,
        public: Public,
        x: NDArray[np.unsignedinteger],
        random_bytes: RandomBytes,
        /,
        *,
        threads: int = 1,
    ) -> Sealed:
        """Encrypt the rows of x, unsigned (n, D), for the owner of the master secret."""

    def derive_keys(self, secret: Secret, plan: QueryPlan, /) -> Keys:
        """Return the functional keys for every query vector over every window of the plan."""

    def verify_keys(self, public: Public, plan: QueryPlan, keys: Keys, random_bytes: RandomBytes, /) -> None:
        """Raise IntegrityError unless all keys are those of the public key and the plan."""

    def decrypt(
        self, sealed: Sealed, plan: QueryPlan, keys: Keys, bound: int, /, *, threads: int = 1
    ) -> InnerProducts:
        """Return the inner products; a row is bad where one of them is not in [0, bound]."""
