"""Predictions as a file: CSV, or Parquet by its ending, written whole or not at all."""

import csv
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TextIO

from pole.errors import InputError
from pole.learning.exporting.trained_model import TrainedModel
from pole.roles.models.predicting import Predictions
from pole.roles.support.files import own_disk

MAX_PROBABILITIES: Final = 256
"""Classes above which only the predicted one's probability is written."""

Columns = dict[str, list[Any]]


def columns_of(trained: TrainedModel, predicted: Predictions) -> Columns:
    """Return what is written of predictions: row numbers, labels by name with probabilities, or values."""
    count = len(predicted.labels)
    rows: Columns = {"row": list(range(predicted.first, predicted.first + count))}
    if trained.is_regression:
        return {**rows, "prediction": trained.values(predicted.labels).tolist()}
    names = trained.names()
    shares = trained.probabilities(predicted.logits)
    named = {"prediction": [names[label] for label in predicted.labels.tolist()]}
    sure = {"probability": shares[range(count), predicted.labels].tolist()}
    if len(names) > MAX_PROBABILITIES:
        return {**rows, **named, **sure}
    each = {f"p({name})": shares[:, label].tolist() for label, name in enumerate(names)}
    return {**rows, **named, **sure, **each}


def write_predictions(
    path: Path, trained: TrainedModel, predicted: Iterable[Predictions], see: Callable[[Predictions], None]
) -> None:
    """Write predictions to a file as they come, and show each part to `see`.

    Raises InputError for a path that cannot be written, and what making the predictions raises; nothing is
    left at the path then.
    """
    with _beside(path) as unfinished:
        if path.suffix.lower() == ".parquet":
            _write_parquet(unfinished, trained, predicted, see)
            return
        with own_disk(path):
            file = unfinished.open("w", encoding="utf-8", newline="")
        with file:
            write_csv(file, trained, predicted, see)


def write_csv(
    file: TextIO, trained: TrainedModel, predicted: Iterable[Predictions], see: Callable[[Predictions], None]
) -> None:
    """Write predictions as CSV, with the names of the columns on the first line."""
    writer = csv.writer(file, lineterminator="\n")
    for number, part in enumerate(predicted):
        columns = columns_of(trained, part)
        if number == 0:
            writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
        see(part)


def _write_parquet(
    path: Path, trained: TrainedModel, predicted: Iterable[Predictions], see: Callable[[Predictions], None]
) -> None:
    import pyarrow as pa  # type: ignore[import-untyped]
    from pyarrow import parquet

    writer = None
    try:
        for part in predicted:
            table = pa.table(columns_of(trained, part))
            writer = writer or parquet.ParquetWriter(path, table.schema)
            writer.write_table(table)
            see(part)
    finally:
        if writer is not None:
            writer.close()


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Give a path to write to, which becomes `path` when all went well."""
    if not path.parent.is_dir():
        raise InputError(f"The folder {path.parent} is not there: make it, or name another file.")
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield unfinished
        with own_disk(path):
            unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
