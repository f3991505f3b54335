"""Predictions of a kept model, chunk by chunk: of rows as their owner has them, or of features."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pole.errors import InputError
from pole.learning.data.preparation import ClassTarget, Preparation
from pole.learning.evaluation.canonical import logits
from pole.learning.exporting.trained_model import TrainedModel
from pole.learning.preparing.applying import NO_LABEL, Rows, encode, parts, read_rows
from pole.learning.preparing.encoders import FrozenEncoder, find_encoder
from pole.protocol.mapping.layer import feature_shape
from pole.protocol.models.graph import count_activations
from pole.protocol.models.specification import MAX_INNER_PRODUCT
from pole.roles.models.folder import KeptModel

Integers = NDArray[np.int64]

VALUES_AT_ONCE: Final = 2**22
MAX_ROWS: Final = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """What a model predicts of some rows, of which `first` is the first one's number, from 1.

    `logits` are (n, outputs) in multiples of 2^-10, `labels` (n,). `truth` has the rows' own labels, -1 for
    unknown, None where the rows have no target. `notes` are sentences about rows unlike those before.
    """

    first: int
    logits: Integers
    labels: Integers
    truth: Integers | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Given:
    """Rows to work on (see `read_rows`), and the preparation's encoder, None where it has none."""

    rows: Rows
    encoder: FrozenEncoder | None = None


def read_given(kept: KeptModel, path: Path, encoder: str | None) -> Given:
    """Return the rows at a path, with the frozen encoder where the preparation has one.

    The encoder is at the reference `encoder`, or beside the model, or in the working directory; it runs only
    if its digest is the preparation's. Raises InputError where it, or the model's preparation, is not here.
    """
    found = encoder_of(kept, encoder)
    return Given(read_rows(path, kept.require_preparation()), found)


def encoder_of(kept: KeptModel, reference: str | None) -> FrozenEncoder | None:
    """Return the frozen encoder of a model's preparation, None where it has none; see `read_given`."""
    encoder = kept.require_preparation().encoder
    if encoder is not None:
        return find_encoder(encoder, (kept.folder, Path()), reference)
    if reference is not None:
        raise InputError("The data of this model were prepared without an encoder: leave --encoder out.")
    return None


def predict_rows(kept: KeptModel, given: Given, report: Callable[[int], None]) -> Iterator[Predictions]:
    """Yield the predictions of rows; `report` is told how many are done.

    Raises InputError where the model's preparation is not here or does not fit the rows, or needs an encoder.
    """
    preparation, trained, done = kept.require_preparation(), kept.trained, 0
    for part in parts(given.rows, rows_at_once(trained)):
        encoded = encode(preparation, part, first=done + 1, encoder=given.encoder)
        found = trained.logits(encoded.samples)
        truth = encoded.labels if encoded.labels is not None else _by_folder(preparation, part)
        yield Predictions(done + 1, found, trained.labels(found), truth, encoded.notes)
        done += len(found)
        report(done)


def predict_features(
    trained: TrainedModel, features: NDArray[Any], report: Callable[[int], None]
) -> Iterator[Predictions]:
    """Yield the predictions of features (n, *feature_shape), as decryption gives them.

    Raises InputError where they are no whole numbers of that shape.
    """
    shape = feature_shape(trained.model.specification)
    whole = features.dtype.kind in "ui"
    if not whole or features.shape[1:] != shape or not _in_range(features):
        raise InputError(
            f"The features are {features.dtype} of shape {list(features.shape)}, but the model takes whole "
            f"numbers of shape {['n', *shape]}, as decryption gives them: they are those of another task."
        )
    size = rows_at_once(trained)
    for start in range(0, len(features), size):
        found = logits(trained.model, features[start : start + size].astype(np.int64))
        yield Predictions(start + 1, found, trained.labels(found), None, ())
        report(start + len(found))


def rows_at_once(trained: TrainedModel) -> int:
    """Return how many rows to predict at a time in bounded memory."""
    specification = trained.model.specification
    size = prod(feature_shape(specification)) + count_activations(specification.nodes())
    return int(np.clip(VALUES_AT_ONCE // size, 1, MAX_ROWS))


def _by_folder(preparation: Preparation, files: Rows) -> Integers | None:
    """Return the labels of images by the folders that they are in, -1 for other names; None without any."""
    target = preparation.target
    if not isinstance(files, tuple) or not isinstance(target, ClassTarget):
        return None
    label_of = {name: label for label, name in enumerate(target.names)}
    labels = np.array([label_of.get(path.parent.name, NO_LABEL) for path in files], dtype=np.int64)
    return labels if np.any(labels >= 0) else None


def _in_range(features: NDArray[Any]) -> bool:
    return not features.size or 0 <= int(features.min()) <= int(features.max()) <= MAX_INNER_PRODUCT
