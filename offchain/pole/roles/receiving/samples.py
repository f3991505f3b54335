"""Samples as miners and verifiers have them: decrypted features and labels, and which do not decrypt."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Decrypted features, integers of the mapping layer's feature shape (n, ...), and labels, int64 (n,).

    The features' type is any that holds them; no result depends on it.
    """

    features: NDArray[np.integer[Any]]
    labels: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class OpenedRows:
    """Samples of a shard; `bad`, bool (n,), marks those that do not decrypt, whose features are all 0."""

    samples: Samples
    bad: NDArray[np.bool_]
