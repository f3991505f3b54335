"""What each column of a table is, and how its cells become values, found on the training rows alone."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
from numpy.typing import NDArray

from pole.errors import InputError
from pole.learning.data.preparation import (
    MAX_CATEGORIES,
    ArraySource,
    CategoryColumn,
    Column,
    NumberColumn,
    TimeColumn,
    TruthColumn,
)
from pole.learning.data.ranges import robust_range, scaling_range
from pole.learning.evaluation.features import batches
from pole.learning.preparing import cells
from pole.quoting import listed

MAX_VALUES: Final = 64
"""Categories above which a column of texts is left out: each is an input of the network."""
MOSTLY: Final = 0.9
"""Share of the texts of a column that have to be numbers, or times, for it to be one of them."""
FEW_ROWS: Final = 20
HALF_A_BYTE: Final = 127
"""Bytes that never exceed it have a range of their own, as images of 16 greys have."""
OTHER_DATES: Final = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}.*")
IDENTIFIER: Final = re.compile(r"(.*[_\s-])?(id|uuid|guid|key|index|nr|no|number|rowid)", re.IGNORECASE)
CAMEL_IDENTIFIER: Final = re.compile(r".*[a-z0-9](Id|ID|Key|Uuid|UUID|Guid|GUID)")


@dataclass(frozen=True, slots=True)
class ColumnReport:
    """What became of a column: its `role`, in words, of how many values, what was `missing` and `clipped`.

    The counts are of training rows. `remark` is a sentence's end, or "".
    """

    name: str
    role: str
    width: int = 0
    missing: int = 0
    clipped: int = 0
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A column of the preparation, None where it is left out, and what is said of it."""

    column: Column | None
    report: ColumnReport


def fit_columns(
    table: Any,
    train: NDArray[np.bool_],
    skip: Collection[str],
    named: Collection[str],
) -> list[Fitted]:
    """Return what each column of the rows to `train` becomes, but for those to `skip`.

    `named` are categories whatever they hold. One column is in memory at a time.
    """
    rows = pa.array(train)
    return [
        fit_column(name, column.filter(rows), as_names=name in named)
        for name, column in zip(table.column_names, table.columns, strict=True)
        if name not in skip
    ]


def fit_column(name: str, column: Any, *, as_names: bool = False) -> Fitted:
    """Return what a flat column of training rows becomes; with `as_names` a category if it can be one."""
    if as_names:
        return _category(name, cells.texts(column))
    if cells.is_time(column.type):
        return _measured(name, TimeColumn, cells.times(column))
    if cells.is_truth(column.type):
        return _truth(name, cells.truths(column))
    if not cells.is_text(column.type):
        found = cells.numbers(column)
        reason = _why_identifier(name, found.values)
        return left_out(name, reason) if reason else _measured(name, NumberColumn, found)
    return _of_texts(name, column)


def fit_array(x: NDArray[Any], train: NDArray[np.bool_]) -> tuple[ArraySource, tuple[ColumnReport, ...]]:
    """Return the ranges of samples (n, ...) to `train`: one for bytes and images, one a column for tables.

    A column of one value is all 0. Memory holds a column in float64, or all samples where they are images of
    other numbers than bytes. Raises InputError where values are too far apart to be scaled.
    """
    columns = x.reshape(len(x), -1)
    if x.dtype == np.uint8:
        highest = max(float(values.max()) for values in _values_of(columns, train))
        ends = [(0.0, 255.0 if highest > HALF_A_BYTE else highest or 1.0)]
    elif x.ndim > 2:
        ends = [scaling_range(_floats(x[train]).ravel())]
    else:
        ends = [scaling_range(_floats(column[train])) for column in columns.T]
    _require_scalable(ends)
    low, high = (np.array(each) for each in zip(*ends, strict=True))
    clipped = sum(
        np.count_nonzero((values < low) | (values > high), axis=0) for values in _values_of(columns, train)
    )
    source = ArraySource(shape=x.shape[1:], low=tuple(low.tolist()), high=tuple(high.tolist()))
    if len(ends) > 1:
        return source, tuple(
            ColumnReport(f"column {number}", "number", 1, clipped=int(count))
            for number, count in enumerate(clipped)
        )
    return source, (ColumnReport("all values", "number", x[0].size, clipped=int(clipped.sum())),)


def _values_of(columns: NDArray[Any], train: NDArray[np.bool_]) -> Iterator[NDArray[np.float64]]:
    """Yield the rows to train of an array (n, D), some at a time."""
    for rows in batches(*columns.shape):
        values = _floats(columns[rows][train[rows]])
        if len(values):
            yield values


def _floats(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return values in float64, infinite where they are beyond it."""
    with np.errstate(over="ignore"):
        return values.astype(np.float64)


def _require_scalable(ends: Sequence[tuple[float, float]]) -> None:
    for number, (low, high) in enumerate(ends):
        if not np.isfinite(high - low):
            where = f"Column {number} of x" if len(ends) > 1 else "x"
            raise InputError(
                f"{where} holds values too far apart to be scaled, from {low:g} to {high:g}; correct them, "
                "or save smaller ones."
            )


def cleaned(column: Column, given: Any) -> Any:
    """Return cells of which those that are wrong for a column are missing: as `fit_column` counted them."""
    kinds = {"number": cells.numbers, "time": cells.times, "truth": cells.truths}
    if column.kind not in kinds:
        return given
    wrong = kinds[column.kind](given).wrong
    return pc.if_else(pa.array(wrong), pa.scalar(None, given.type), given) if wrong.any() else given


def left_out(name: str, why: str) -> Fitted:
    """Return a column that makes no values, and why."""
    return Fitted(None, ColumnReport(name, "left out", remark=why))


def _of_texts(name: str, column: Any) -> Fitted:
    for kind, read in ((NumberColumn, cells.numbers), (TimeColumn, cells.times)):
        found = read(column)
        there = np.count_nonzero(~found.missing)
        if there and there >= MOSTLY * (there + np.count_nonzero(found.wrong)):
            reason = _why_identifier(name, found.values)
            return left_out(name, reason) if reason else _measured(name, kind, found, column)
    told = cells.texts(column)
    lower = {text.lower() for text in told.names}
    if len(lower) == 2 and lower & cells.TRUE and lower & cells.FALSE:
        return _truth(name, cells.truths(column))
    return _category(name, told)


def _measured(
    name: str, kind: type[NumberColumn] | type[TimeColumn], found: cells.Cells, column: Any = None
) -> Fitted:
    there = found.values[~found.missing]
    if not len(there):
        return left_out(name, "has no values")
    low, high = robust_range(there)
    if low == high:
        return left_out(name, "has one value in every training row")
    if not np.isfinite(high - low):
        return left_out(name, "has values too far apart")
    missing = int(np.count_nonzero(found.missing))
    made = kind(name=name, low=low, high=high, fill=float(np.median(there)), indicator=missing > 0)
    clipped = int(np.count_nonzero((there < low) | (there > high)))
    return Fitted(
        made, ColumnReport(name, made.kind, made.width, missing, clipped, _wrong(found, column, made.kind))
    )


def _wrong(found: cells.Cells, column: Any, kind: str) -> str:
    if not found.wrong.any():
        return ""
    first = cells.shown(column, int(np.argmax(found.wrong)))
    return f"{np.count_nonzero(found.wrong):,} cells such as {first} are no {kind}: taken as missing"


def _truth(name: str, found: cells.Cells) -> Fitted:
    there = found.values[~found.missing]
    if not len(there):
        return left_out(name, "has no values")
    if there.min() == there.max():
        return left_out(name, "has one value in every training row")
    missing = int(np.count_nonzero(found.missing))
    made = TruthColumn(name=name, fill=bool(there.mean() > 0.5), indicator=missing > 0)
    return Fitted(made, ColumnReport(name, "truth", made.width, missing))


def _category(name: str, told: cells.Texts) -> Fitted:
    count = len(told.names)
    missing = int(np.count_nonzero(told.codes < 0))
    rows = len(told.codes) - missing
    if count == 0:
        return left_out(name, "has no values")
    if count == 1 and not missing:
        return left_out(name, "has one value in every training row")
    if all(map(OTHER_DATES.fullmatch, told.names)):
        return left_out(name, "holds dates in another form; write them as 2026-12-31")
    if rows >= FEW_ROWS and count == rows:
        return left_out(name, "identifies the row: every text is another")
    if count > min(MAX_VALUES, MAX_CATEGORIES):
        return left_out(
            name, f"has {count:,} different texts, more than {MAX_VALUES}; group them, or use --encoder"
        )
    if any(len(value) > 1024 for value in told.names):
        return left_out(name, "has texts that are no categories; use --encoder")
    made = CategoryColumn(name=name, values=tuple(sorted(told.names)))
    return Fitted(made, ColumnReport(name, "category", made.width, missing, remark=listed(made.values)))


def _why_identifier(name: str, values: NDArray[np.float64]) -> str:
    """Return why numbers name the row and tell nothing, "" where they do not."""
    if len(values) < FEW_ROWS or np.isnan(values).any() or (values != np.rint(values)).any():
        return ""
    distinct = np.unique(values)
    if len(distinct) < len(values):
        return ""
    # Training rows are a part of all, so that there are gaps between their numbers.
    if distinct[-1] - distinct[0] < 2 * len(values):
        return "numbers the rows"
    if IDENTIFIER.fullmatch(name) or CAMEL_IDENTIFIER.fullmatch(name):
        return "identifies the row: every number is another"
    return ""
