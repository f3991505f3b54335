"""Functional keys: derived from the master secret, and checked by anyone against the master public key."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pole.errors import IntegrityError
from pole.ipfe import backend as backends
from pole.ipfe.group import ORDER
from pole.ipfe.kernel import Bytes
from pole.ipfe.keys import FunctionalKeys, MasterPublicKey, MasterSecretKey
from pole.ipfe.scalars import limbs_of, scalars_of, sum_limbs
from pole.protocol.mapping.plan import PADDING, QueryPlan

RandomBytes = Callable[[int], bytes]

SOUNDNESS_BYTES = 16


class WrongKeysError(IntegrityError):
    """Functional keys do not belong to the master public key."""


def derive_keys(msk: MasterSecretKey, plan: QueryPlan) -> FunctionalKeys:
    """Return eta[w, l] = sum over j of s[windows[w, j]] * z[l, j] mod q, padding left out."""
    plan.check_dimension(msk.dimension)
    limbs = limbs_of(msk.scalars)
    kept = plan.windows != PADDING
    columns = np.where(kept, plan.windows, 0)
    vectors = plan.vectors.astype(np.int64)
    eta = np.empty((len(plan.windows), len(plan.vectors), 32), dtype=np.uint8)
    for w in range(len(columns)):
        eta[w] = sum_limbs((limbs[:, columns[w]] * kept[w]) @ vectors.T)
    return FunctionalKeys(eta)


def reduced_etas(keys: FunctionalKeys) -> list[int]:
    """Return all eta as integers, window by window; raises WrongKeysError for one that is not below q."""
    etas = [int.from_bytes(row.tobytes(), "little") for row in keys.eta.reshape(-1, 32)]
    if max(etas, default=0) >= ORDER:
        raise WrongKeysError(
            "A functional key is not reduced modulo the group order; the round's keys are wrong."
        )
    return etas


def verify_keys(
    mpk: MasterPublicKey,
    plan: QueryPlan,
    keys: FunctionalKeys,
    random_bytes: RandomBytes,
    *,
    backend: str | None = None,
) -> None:
    """Check all equations eta[w, l] G = sum over j of z[l, j] h[windows[w, j]] at once.

    They are added up with random weights of 128 bits, so that a wrong key passes with probability 2^-128.
    Raises WrongKeysError, an IntegrityError, when a key is wrong, not reduced, or missing;
    InvalidKeyPointError when the public key holds no group element.
    """
    plan.check_dimension(mpk.dimension)
    windows, queries = len(plan.windows), len(plan.vectors)
    if keys.eta.shape != (windows, queries, 32):
        raise WrongKeysError(
            f"The plan needs {windows} x {queries} functional keys, but there are {keys.eta.shape[0]} x "
            f"{keys.eta.shape[1]}; the round's keys are wrong."
        )
    etas = reduced_etas(keys)
    weights = np.frombuffer(random_bytes(SOUNDNESS_BYTES * len(etas)), dtype="<u2").reshape(
        windows, queries, -1
    )
    total = sum(
        eta * int.from_bytes(weight.tobytes(), "little")
        for eta, weight in zip(etas, weights.reshape(len(etas), -1), strict=True)
    )
    kernel = backends.choose(backend)
    left = kernel.base_multiples(scalars_of([total]))[0].tobytes()
    right = kernel.linear_combination(
        np.ascontiguousarray(mpk.points), _column_weights(plan, weights, mpk.dimension)
    )
    if left != right:
        raise WrongKeysError("The round's functional keys do not belong to the data set's master public key.")


def _column_weights(plan: QueryPlan, weights: NDArray[np.uint16], dimension: int) -> Bytes:
    """The scalar that each h_j gets in the sum of all equations: over w, l of weights[w, l] * z[l, j]."""
    vectors = plan.vectors.astype(np.int64)
    totals = np.zeros((weights.shape[2], dimension + 1), dtype=np.int64)  # the last column takes the padding
    for w, window in enumerate(plan.windows):
        products = weights[w].T.astype(np.int64) @ vectors
        for limb in range(len(products)):
            np.add.at(totals[limb], window, products[limb])
    return sum_limbs(totals[:, :dimension])
