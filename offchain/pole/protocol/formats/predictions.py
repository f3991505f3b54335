"""The digest of a model's predictions: what a vote shows that nobody knows without evaluating the model."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pole.errors import InputError
from pole.protocol.encoding.hashing import keccak256

PREFIX: Final = b"pole.predictions.v2"
INVALID: Final = -1
_INVALID_LABEL: Final = 0xFFFF


def predictions_digest(
    attempt: int, train: NDArray[np.integer[Any]], test: NDArray[np.integer[Any]] | None
) -> bytes:
    """Return the keccak-256 of the predicted labels of the training samples and of the test set.

    `attempt` is the ballot's: the votes of earlier attempts are public, and would be copied if they could.
    Both arrays are one-dimensional, in the order of the samples; -1 stands for a prediction that is no label,
    as of NaN logits. `test` is None when no test set was released. The bytes hashed are PREFIX, the attempt
    (1 byte), then for each set its size (4 bytes) and its labels (2 bytes each, 0xFFFF for -1),
    little-endian. Raises InputError for other shapes and for labels outside -1..65534.
    """
    return keccak256(
        PREFIX
        + attempt.to_bytes(1, "big")
        + _labels(train)
        + _labels(np.empty(0, np.int64) if test is None else test)
    )


def _labels(predictions: NDArray[np.integer[Any]]) -> bytes:
    if predictions.ndim != 1 or predictions.dtype.kind not in "iu":
        raise InputError("Predictions must be a one-dimensional array of whole numbers.")
    wide = predictions.astype(np.int64)
    if wide.size and (wide.min() < INVALID or wide.max() >= _INVALID_LABEL):
        raise InputError(f"Predicted labels must lie in 0..{_INVALID_LABEL - 1}, or be {INVALID} for none.")
    labels = np.where(wide == INVALID, _INVALID_LABEL, wide).astype("<u2")
    return wide.size.to_bytes(4, "little") + labels.tobytes()
