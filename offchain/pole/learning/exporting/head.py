"""A preparation as steps, from rows to samples: see `pole.learning.preparing.applying`."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from pole.learning.data.preparation import (
    ArraySource,
    CategoryColumn,
    Column,
    Encoder,
    ImageSource,
    NumberColumn,
    Preparation,
    TableSource,
    TimeColumn,
)
from pole.learning.exporting.program import BYTE, FLOAT, TEXT, Builder, Port

ARRAY: Final = "x"
IMAGES: Final = "images"
ENCODED: Final = "encoded"


def rows_to_samples(
    build: Builder, preparation: Preparation, taken: frozenset[str]
) -> tuple[tuple[Port, ...], str]:
    """Add the steps from rows to samples; return the inputs, none with a name that is taken, and the samples.

    A table has an input for each column: a number (NaN where it is missing), a time in seconds since 1970
    UTC, a truth as 1 or 0, or a text without spaces around it. Images are bytes, [height, width] or
    [3, height, width]. Where there is an encoder the input is what it makes of a row.
    """
    if preparation.encoder is not None:
        return _array(build, preparation.encoder, ENCODED)
    match preparation.source:
        case TableSource() as source:
            return _table(build, source, taken)
        case ImageSource() as source:
            pixels = build.apply("Cast", IMAGES, to=FLOAT)
            return (Port(IMAGES, BYTE, source.shape),), build.divided(pixels, 255.0)
        case ArraySource() as source:
            return _array(build, source, ARRAY)


def input_names(source: TableSource, taken: frozenset[str]) -> Iterator[str]:
    """Yield the input's name of each column: the column's, with underscores where that is taken."""
    used = set(taken)
    for column in source.columns:
        name = column.name
        while name in used:
            name += "_"
        used.add(name)
        yield name


def _array(build: Builder, ranges: ArraySource | Encoder, name: str) -> tuple[tuple[Port, ...], str]:
    low, high = (np.array(end) for end in (ranges.low, ranges.high))
    if len(low) > 1:
        low, high = low.reshape(ranges.shape), high.reshape(ranges.shape)
    return (Port(name, FLOAT, ranges.shape),), _ranged(build, name, low, high)


def _table(build: Builder, source: TableSource, taken: frozenset[str]) -> tuple[tuple[Port, ...], str]:
    ports: list[Port] = []
    values: list[str] = []
    for column, name in zip(source.columns, input_names(source, taken), strict=True):
        ports.append(Port(name, TEXT if isinstance(column, CategoryColumn) else FLOAT, ()))
        values += _column(build, column, build.reshaped(name, 1))
    return tuple(ports), values[0] if len(values) == 1 else build.apply("Concat", *values, axis=1)


def _column(build: Builder, column: Column, cells: str) -> Iterator[str]:
    """Yield the values (n, 1), or (n, categories), that a column's cells (n, 1) make."""
    if isinstance(column, CategoryColumn):
        yield _categories(build, column, cells)
        return
    missing = build.apply("Or", build.apply("IsNaN", cells), build.apply("IsInf", cells))
    values = build.apply("Where", missing, build.constant(float(column.fill), "fill"), cells)
    if isinstance(column, NumberColumn | TimeColumn):
        values = _ranged(build, values, np.array(column.low), np.array(column.high))
    yield values
    if column.indicator:
        yield build.apply("Cast", missing, to=FLOAT)


def _categories(build: Builder, column: CategoryColumn, cells: str) -> str:
    count = len(column.values)
    numbers = tuple(range(count))
    code = build.apply(
        "LabelEncoder", cells, keys_strings=column.values, values_int64s=numbers, default_int64=-1
    )
    return build.apply(
        "Cast", build.apply("Equal", code, build.constant(np.arange(count), "codes")), to=FLOAT
    )


def _ranged(build: Builder, values: str, low: np.ndarray, high: np.ndarray) -> str:
    moved = build.apply("Sub", values, build.constant(low, "low"))
    return build.clipped(build.apply("Div", moved, build.constant(high - low, "range")), 0, 1)
