"""Comparing sets of samples whose order is nobody's business."""

import numpy as np
from numpy.typing import NDArray


def sorted_rows(features: NDArray[np.integer], labels: NDArray[np.integer]) -> NDArray[np.integer]:
    """Return samples (n, ...) with their labels (n,) as rows that are the same for every order."""
    rows = np.column_stack([features.reshape(len(labels), -1), labels])
    return rows[np.lexsort(rows.T)]
