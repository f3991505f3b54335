"""Exported files held against canonical evaluation: on random rows, and on rows of their owner's."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from pole.errors import IntegrityError
from pole.learning.data.preparation import (
    ArraySource,
    CategoryColumn,
    Column,
    ImageSource,
    Preparation,
    TableSource,
    TimeColumn,
    TruthColumn,
)
from pole.learning.exporting.head import input_names
from pole.learning.exporting.lowering import LABEL, LABEL_NAME, LOGITS, OUTPUTS, VALUE
from pole.learning.exporting.program import Program
from pole.learning.exporting.trained_model import TrainedModel
from pole.learning.preparing import cells
from pole.learning.preparing.applying import Rows, encode, ranged, rows_of, source_values
from pole.learning.preparing.encoders import FrozenEncoder

RANDOM_ROWS: Final = 1024
MISSING: Final = 0.1
MICROSECONDS: Final = 1_000_000
UNSEEN: Final = "a value that was never there"

Inputs = dict[str, Any]


class Runner(Protocol):
    """A file at work."""

    def run(self, inputs: Inputs) -> Inputs:
        """Return the outputs of rows by name."""


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """Rows as a file takes them, and the samples that the preparation makes of them."""

    inputs: Inputs
    samples: NDArray[np.float64]


def require_equal(trained: TrainedModel, runner: Runner, trials: Iterator[Trial]) -> int:
    """Return how many rows a file answers as canonical evaluation does; raises IntegrityError at another."""
    count = 0
    for trial in trials:
        logits = trained.logits(trial.samples)
        labels = trained.labels(logits)
        expected: Inputs = {LOGITS: logits, LABEL: labels}
        if trained.is_regression:
            expected[VALUE] = trained.values(labels)
        found = runner.run(trial.inputs)
        if LABEL_NAME in found:
            expected[LABEL_NAME] = np.array(trained.names())[labels]
        for name, values in expected.items():
            _require_same(name, values, np.asarray(found[name]), count)
        count += len(labels)
    return count


def random_trials(trained: TrainedModel, program: Program, seed: int, rows: int) -> Iterator[Trial]:
    """Yield random rows, `rows` at a time: beyond the ranges, missing, unseen, and at the ranges' ends."""
    random = np.random.default_rng(seed)
    for start in range(0, RANDOM_ROWS, rows):
        yield _random_trial(trained, program, random, min(rows, RANDOM_ROWS - start))


def trial_of_rows(
    trained: TrainedModel, program: Program, rows: Rows, encoder: FrozenEncoder | None = None
) -> Trial:
    """Return rows of a file (see `pole.learning.preparing.applying`) as a trial."""
    preparation = trained.preparation
    if preparation is None:
        return Trial({program.inputs[0].name: np.asarray(rows, dtype=np.float64)}, np.asarray(rows))
    if preparation.encoder is not None:
        samples = encode(preparation, rows, encoder=encoder).samples
        made = encoder(source_values(preparation.source, rows)[0]) if encoder else samples
        return Trial({program.inputs[0].name: np.asarray(made, dtype=np.float64)}, samples)
    samples = encode(preparation, rows).samples
    if program.inputs[0].name == "samples":
        return Trial({"samples": samples}, samples)
    if isinstance(preparation.source, TableSource):
        return Trial(_typed(preparation.source, rows), samples)
    if isinstance(preparation.source, ImageSource):
        return Trial({program.inputs[0].name: np.rint(samples * 255).astype(np.uint8)}, samples)
    return Trial({program.inputs[0].name: np.asarray(rows, dtype=np.float64)}, samples)


def _require_same(name: str, expected: Any, found: Any, first: int) -> None:
    if expected.shape == found.shape and expected.tolist() == found.tolist():
        return
    row = first
    if expected.shape == found.shape:
        differs = expected.astype(object) != found.astype(object)
        row += int(np.argmax(differs.reshape(len(expected), -1).any(axis=1)))
    raise IntegrityError(
        f"The exported file computes another {name} than canonical evaluation in row {row + 1} of its check, "
        "so it was removed: tell PoLe's developers, with the versions of what was exported to."
    )


def _random_trial(trained: TrainedModel, program: Program, random: np.random.Generator, count: int) -> Trial:
    preparation = trained.preparation
    if preparation is None or program.inputs[0].name == "samples":
        return _random_samples(trained, random, count)
    shape = program.inputs[0].shape
    if preparation.encoder is not None:
        low, high = (np.array(end) for end in (preparation.encoder.low, preparation.encoder.high))
        numbers = random.uniform(low - 0.2 * (high - low), high + 0.2 * (high - low), (count, len(low)))
        return Trial({program.inputs[0].name: numbers}, ranged(numbers, low, high))
    if isinstance(preparation.source, TableSource):
        return _random_table(preparation, preparation.source, random, count)
    if not isinstance(preparation.source, ArraySource):
        return trial_of_rows(trained, program, random.integers(0, 256, (count, *shape), dtype=np.uint8))
    first, last = min(preparation.source.low), max(preparation.source.high)
    return trial_of_rows(trained, program, random.uniform(1.2 * first - 0.2 * last, last, (count, *shape)))


def _random_samples(trained: TrainedModel, random: np.random.Generator, count: int) -> Trial:
    """Return samples that reach beyond the quantisation's range by a tenth, some of them at its steps."""
    quantisation, shape = trained.quantisation, trained.model.specification.input.shape
    steps = random.uniform(-0.1, 1.1, (count, int(np.prod(shape)))) * (2**quantisation.bits - 1)
    steps = np.where(random.random(steps.shape) < MISSING, np.rint(steps * 2) / 2, steps)
    samples = (steps / np.array(quantisation.scale) + np.array(quantisation.offset)).reshape(count, *shape)
    return Trial({"samples": samples}, samples)


def _random_table(
    preparation: Preparation, source: TableSource, random: np.random.Generator, count: int
) -> Trial:
    columns = {column.name: _random_cells(column, random, count) for column in source.columns}
    rows = rows_of(columns, preparation)
    return Trial(_typed(source, rows), encode(preparation, rows).samples)


def _random_cells(column: Column, random: np.random.Generator, count: int) -> list[Any]:
    missing = random.random(count) < MISSING
    if isinstance(column, CategoryColumn):
        found = random.choice([*column.values, UNSEEN], count).tolist()
    elif isinstance(column, TruthColumn):
        found = (random.random(count) < 0.5).tolist()
    else:
        span = column.high - column.low
        values = random.uniform(column.low - 0.2 * span, column.high + 0.2 * span, count)
        values[:2] = column.low, column.high
        found = values.tolist()
        if isinstance(column, TimeColumn):
            found = _as_times(values)
    return [None if gone else cell for gone, cell in zip(missing, found, strict=True)]


def _as_times(seconds: NDArray[np.float64]) -> list[Any]:
    limited = np.clip(seconds, -60e9, 250e9)
    times: list[Any] = np.rint(limited * MICROSECONDS).astype("datetime64[us]").tolist()
    return times


def _typed(source: TableSource, rows: Rows) -> Inputs:
    """Return the cells of a table as a file takes them: missing numbers are NaN, missing texts empty."""
    read = {"number": cells.numbers, "time": cells.times, "truth": cells.truths}
    inputs: Inputs = {}
    for column, name in zip(source.columns, input_names(source, OUTPUTS), strict=True):
        given = rows.column(column.name)
        if isinstance(column, CategoryColumn):
            told = cells.texts(given)
            inputs[name] = np.array([*told.names, ""], dtype=object)[told.codes]
        else:
            inputs[name] = read[column.kind](given).values
    return inputs
