"""The master secret among n holders, any t of whom can make functional keys (Feldman 1987).

Every scalar s_j is the constant term of a random polynomial f_j of degree t - 1 over Z_q; holder i, from 1 to
n, has the share f_j(i) of each (Shamir 1979). The coefficients are published in the exponent, A_kj = a_kj G,
so that A_0 is the master public key and sum i^k A_kj = f_j(i) G is the public key of share i: a share is
itself a master secret key, its functional keys <f(i), z> are the partial keys, and whoever checks functional
keys can check them. As <f(x), z> is a polynomial of degree t - 1 in x, Lagrange interpolation at 0 turns t
partial keys into <s, z>.

Fewer than t shares are independent of s. The partial keys of a plan reveal no more than its functional keys
do: with these and t - 1 shares everybody can compute them. t holders together are the owner of s.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from pole.errors import InputError, IntegrityError
from pole.ipfe import backend as backends
from pole.ipfe.group import ORDER
from pole.ipfe.kernel import Bytes, InvalidKeyPointError
from pole.ipfe.keys import FunctionalKeys, MasterPublicKey, MasterSecretKey
from pole.ipfe.scalars import are_reduced, reduced, scalars_of
from pole.ipfe.scheme import WrongKeysError, derive_keys, verify_keys
from pole.protocol.mapping.plan import QueryPlan

RandomBytes = Callable[[int], bytes]

MAX_HOLDERS = 255


class WrongShareError(IntegrityError):
    """A share, or the commitments that it is held against, are not what the data node should have dealt."""


class WrongPartialKeysError(IntegrityError):
    """Partial keys do not belong to their holder's share; `index` names the holder."""

    def __init__(self, index: int) -> None:
        super().__init__(
            f"The partial keys of holder {index} do not belong to its share: leave them out, and tell the "
            "data node."
        )
        self.index = index


@dataclass(frozen=True, slots=True, eq=False)
class Commitments:
    """The points A_kj: uint8 (t, D, 32), canonical encodings; public."""

    points: Bytes

    def __post_init__(self) -> None:
        shape = self.points.shape
        if self.points.dtype != np.uint8 or len(shape) != 3 or shape[2] != 32 or 0 in shape:
            raise InputError(f"Commitments must be uint8 (t, D, 32), not {self.points.dtype} {shape}.")

    @property
    def threshold(self) -> int:
        """The number t of shares that make a key."""
        return len(self.points)

    @property
    def master_public_key(self) -> MasterPublicKey:
        """The public key of what is shared: A_0."""
        return MasterPublicKey(self.points[0])


@dataclass(frozen=True, slots=True, eq=False)
class KeyShare:
    """Holder `index`'s share f(index): scalars uint8 (D, 32). Whoever has t of them has the master secret.

    Raises InputError for an index or a shape that is none, WrongShareError for scalars that are not reduced.
    """

    index: int
    scalars: Bytes = field(repr=False)

    def __post_init__(self) -> None:
        _check_index(self.index)
        if not are_reduced(self.scalars):
            raise WrongShareError(
                f"Share {self.index} has a scalar that is not reduced: ask the data node for another."
            )
        MasterSecretKey(self.scalars)


def share_secret(
    msk: MasterSecretKey,
    *,
    threshold: int,
    holders: int,
    random_bytes: RandomBytes,
    backend: str | None = None,
) -> tuple[Commitments, tuple[KeyShare, ...]]:
    """Return the public commitments and one share for each of `holders`, `threshold` of which make keys.

    `random_bytes` must be a cryptographic generator. Python integers cannot be wiped, so the coefficients
    stay in memory until it is reused: deal in a process that ends soon. Raises InputError unless 1 <=
    threshold <= holders <= 255.
    """
    if not 1 <= threshold <= holders <= MAX_HOLDERS:
        raise InputError(
            f"{threshold} of {holders} holders cannot be: choose a threshold from 1 to the number of "
            f"holders, and at most {MAX_HOLDERS} holders."
        )
    dimension = msk.dimension
    drawn = reduced(random_bytes(64 * dimension * (threshold - 1)))
    coefficients = np.concatenate([msk.scalars, drawn.reshape(-1, 32)])
    points = backends.choose(backend).base_multiples(np.ascontiguousarray(coefficients))
    integers = _integers(coefficients)
    columns = [integers[j::dimension] for j in range(dimension)]
    shares = tuple(
        KeyShare(index, scalars_of(_evaluate(column, index) for column in columns))
        for index in range(1, holders + 1)
    )
    return Commitments(points.reshape(threshold, dimension, 32)), shares


def check_commitments(commitments: Commitments, *, backend: str | None = None) -> None:
    """Raise WrongShareError unless every commitment is a group element: only who dealt can be at fault."""
    points = np.ascontiguousarray(commitments.points)
    _, decoded = backends.choose(backend).expand(np.ascontiguousarray(points[:, 0]), points)
    none = np.argwhere(~decoded.any(axis=2))
    if len(none):
        raise _no_element(*(int(place) for place in none[0]))


def share_public_key(commitments: Commitments, index: int, *, backend: str | None = None) -> MasterPublicKey:
    """Return the public key of holder `index`'s share: sum over k of index^k A_k.

    Raises WrongShareError when a commitment is no group element.
    """
    _check_index(index)
    kernel = backends.choose(backend)
    powers = scalars_of(index**k for k in range(commitments.threshold))
    columns = np.ascontiguousarray(commitments.points.swapaxes(0, 1))
    encoded = bytearray()
    for number, column in enumerate(columns):
        try:
            encoded += kernel.linear_combination(column, powers)
        except InvalidKeyPointError as error:
            raise _no_element(error.column, number) from error
    return MasterPublicKey(np.frombuffer(bytes(encoded), dtype=np.uint8).reshape(-1, 32))


def check_share(commitments: Commitments, share: KeyShare, *, backend: str | None = None) -> None:
    """Raise WrongShareError unless the share lies on the polynomials that the commitments fix."""
    expected = share_public_key(commitments, share.index, backend=backend).points
    if len(expected) != len(share.scalars):
        raise WrongShareError(
            f"Share {share.index} has another number of scalars than the commitments: ask the data node for "
            "another."
        )
    found = backends.choose(backend).base_multiples(np.ascontiguousarray(share.scalars))
    if not np.array_equal(found, expected):
        raise WrongShareError(
            f"Share {share.index} does not fit the commitments: ask the data node for another."
        )


def derive_partial_keys(share: KeyShare, plan: QueryPlan) -> FunctionalKeys:
    """Return the holder's partial keys for a plan, of the shape of the functional keys."""
    return derive_keys(MasterSecretKey(share.scalars), plan)


def verify_partial_keys(
    commitments: Commitments,
    index: int,
    plan: QueryPlan,
    partial: FunctionalKeys,
    random_bytes: RandomBytes,
    *,
    backend: str | None = None,
) -> None:
    """Check holder `index`'s partial keys against the commitments alone, all at once.

    Raises WrongPartialKeysError when one is wrong, not reduced or missing; a wrong one passes with
    probability 2^-128. Raises WrongShareError when a commitment is no group element.
    """
    public = share_public_key(commitments, index, backend=backend)
    try:
        verify_keys(public, plan, partial, random_bytes, backend=backend)
    except WrongKeysError as error:
        raise WrongPartialKeysError(index) from error


def combine_keys(partials: Mapping[int, FunctionalKeys], threshold: int) -> FunctionalKeys:
    """Return the functional keys from checked partial keys by holder: sum of lambda_i <f(i), z>.

    More than `threshold` are cut to the lowest indices. Raises InputError for fewer, and for partial keys of
    different shapes. Checks no key: verify the partial ones before.
    """
    if len(partials) < threshold:
        raise InputError(
            f"There are partial keys of {len(partials)} holders, but {threshold} are needed: wait for more."
        )
    chosen = sorted(partials)[:threshold]
    shape = partials[chosen[0]].eta.shape
    if any(partials[index].eta.shape != shape for index in chosen):
        raise InputError("The partial keys are not of one plan: their shapes differ.")
    weights = _lagrange_at_zero(chosen)
    rows = zip(*(_integers(partials[index].eta.reshape(-1, 32)) for index in chosen), strict=True)
    sums = (sum(weight * eta for weight, eta in zip(weights, row, strict=True)) for row in rows)
    return FunctionalKeys(scalars_of(sums).reshape(shape))


def _lagrange_at_zero(indices: list[int]) -> list[int]:
    """The weights lambda_i with f(0) = sum lambda_i f(i) for every f of degree below len(indices)."""
    weights = []
    for i in indices:
        _check_index(i)
        above, below = 1, 1
        for m in indices:
            if m != i:
                above, below = above * m % ORDER, below * (m - i) % ORDER
        weights.append(above * pow(below, -1, ORDER) % ORDER)
    return weights


def _no_element(commitment: int, column: int) -> WrongShareError:
    return WrongShareError(
        f"Commitment {commitment} of column {column} is not a ristretto255 element: the data node dealt a "
        "sharing that nobody can use; ask it for another."
    )


def _evaluate(coefficients: list[int], x: int) -> int:
    result = 0
    for coefficient in reversed(coefficients):
        result = (result * x + coefficient) % ORDER
    return result


def _integers(scalars: Bytes) -> list[int]:
    return [int.from_bytes(row.tobytes(), "little") for row in scalars]


def _check_index(index: int) -> None:
    if not 1 <= index <= MAX_HOLDERS:
        raise InputError(f"Holders are numbered from 1 to {MAX_HOLDERS}, not {index}.")
