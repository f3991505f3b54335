"""Which training samples a committee evaluates when its task asks for an audit sample."""

import numpy as np
from numpy.typing import NDArray

from pole.errors import InputError
from pole.protocol.encoding.domains import AUDIT_DOMAIN
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.models.metrics import Metric
from pole.protocol.rounds.committee_draw import shuffled


def is_whole_set(audit_count: int, train_count: int) -> bool:
    """Return whether every training sample is evaluated: the task asks for no smaller sample."""
    return audit_count == 0 or audit_count >= train_count


def evaluated_count(audit_count: int, train_count: int) -> int:
    """Return how many training samples a verifier's train count speaks of."""
    return train_count if is_whole_set(audit_count, train_count) else audit_count


def bounds_claims(metric: Metric, *, audit_count: int, train_count: int) -> bool:
    """Return whether no true claim can be proven false by the audit sample that is drawn, but by e^-18.

    The bound (`judgement`) holds for accuracy, a mean over samples that each count 0 or 1; a
    sample's F1, AUC or error can be far from that of the whole set.
    """
    return metric == "accuracy" or is_whole_set(audit_count, train_count)


def audit_sample(entropy: bytes, *, count: int, total: int) -> NDArray[np.int64]:
    """Return the indices of the training samples to evaluate, ascending, distinct, in [0, total).

    `entropy` is the round's (it drew the committee after the reveals, so no miner knew the sample), `count`
    the task's audit count (0 for all), `total` its train count. All indices when the audit covers the set.
    The shuffle is that of the committee's draw over keccak256(AUDIT_DOMAIN, entropy). Raises InputError
    when `entropy` has not 32 bytes.
    """
    if len(entropy) != 32:
        raise InputError(
            f"A round's entropy has 32 bytes, not {len(entropy)}; the committee must be drawn first."
        )
    if is_whole_set(count, total):
        return np.arange(total, dtype=np.int64)
    picked = shuffled(keccak256(AUDIT_DOMAIN + entropy), total=total, count=count)
    return np.array(sorted(picked), dtype=np.int64)
