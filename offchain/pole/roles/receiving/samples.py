"""Samples as miners and verifiers have them: decrypted features and labels."""

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
