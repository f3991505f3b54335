"""The cells of one column, whatever type its file gave it, as numbers, times, truths or texts.

A cell is missing, or of the wanted kind, or wrong. The same text means the same in every file: `1` in a CSV
file, an integer 1 and a float 1.0 are one category.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
from numpy.typing import NDArray

Column = Any
"""A pyarrow.Array or ChunkedArray; pyarrow has no types."""

MISSING: Final = ("", "nan", "NaN", "NAN", "<NA>", "null", "NULL", "#N/A", "NaT")
"""Texts that stand for nothing, whatever the column."""
NO_NUMBER: Final = (*MISSING, "NA", "N/A", "n/a", "na", "None", "none", "-", "?", ".")
"""And in columns of numbers, times and truths."""
TRUE: Final = frozenset({"true", "yes", "t", "y", "1", "1.0"})
FALSE: Final = frozenset({"false", "no", "f", "n", "0", "0.0"})
NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+|\d{1,3}(,\d{3})+(\.\d*)?)([eE][+-]?\d+)?", re.ASCII)
WHOLE: Final = re.compile(r"-?\d{1,15}\.0+", re.ASCII)
"""What a whole number looks like where empty cells beside it made floats of a column."""
DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?", re.ASCII)
MICROSECONDS: Final = 1_000_000
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Numbers (n,), NaN where a cell is missing or wrong; and which cells are wrong."""

    values: NDArray[np.float64]
    wrong: NDArray[np.bool_]

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Return which cells have no number, for whatever reason."""
        return np.isnan(self.values)


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """Texts (n,) as numbers into `names`, -1 where a cell is missing."""

    codes: NDArray[np.int64]
    names: tuple[str, ...]

    def counts(self) -> NDArray[np.int64]:
        """Return how many cells each name has."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.names))


def is_text(kind: Any) -> bool:
    """Return whether a column of this pyarrow type holds texts."""
    types = pa.types
    if types.is_dictionary(kind):
        return is_text(kind.value_type)
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def is_flat(kind: Any) -> bool:
    """Return whether a column of this pyarrow type has one text, number, truth or time a cell."""
    types = pa.types
    if types.is_dictionary(kind):
        return is_flat(kind.value_type)
    return bool(is_text(kind) or types.is_null(kind) or _is_number(kind) or is_time(kind) or is_truth(kind))


def is_time(kind: Any) -> bool:
    """Return whether a column of this pyarrow type holds dates or points in time."""
    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))


def is_truth(kind: Any) -> bool:
    """Return whether a column of this pyarrow type holds truths."""
    return bool(pa.types.is_boolean(kind))


def numbers(column: Column) -> Cells:
    """Return the numbers of a column; truths are 1 and 0, spans and times of day are seconds.

    Infinite numbers count as missing.
    """
    kind = column.type
    if is_text(kind):
        return _parsed(column, _number)
    if pa.types.is_duration(kind) or pa.types.is_time(kind):
        column = _counted(column, pa.types.is_duration(kind))
        return Cells(_floats(column) / MICROSECONDS, _none_wrong(column))
    if _is_number(kind) or is_truth(kind) or pa.types.is_null(kind):
        return Cells(_floats(column), _none_wrong(column))
    return _all_wrong(column)


def times(column: Column) -> Cells:
    """Return the times of a column in seconds since 1970 UTC, from whole microseconds; no zone means UTC."""
    kind = column.type
    if is_text(kind):
        return _parsed(column, _time)
    if is_time(kind):
        whole = column.cast(pa.timestamp("us", getattr(kind, "tz", None)), safe=False).cast(pa.int64())
        return Cells(_floats(whole) / MICROSECONDS, _none_wrong(column))
    return _all_wrong(column)


def truths(column: Column) -> Cells:
    """Return the truths of a column as 1 and 0."""
    if is_text(column.type):
        return _parsed(column, _truth)
    found = numbers(column)
    wrong = found.wrong | ~(found.missing | (found.values == 0) | (found.values == 1))
    return Cells(np.where(wrong, np.nan, found.values), wrong)


def texts(column: Column) -> Texts:
    """Return the texts of a column without spaces around them; whole numbers are written without a point."""
    encoded = _plain(column)
    if not is_text(encoded.type):
        encoded = _written(encoded)
    encoded = _trimmed(encoded).dictionary_encode()
    codes, names = _codes(encoded)
    shown = [name.partition(".")[0] if WHOLE.fullmatch(name) else name for name in names]
    kept = [name for name in dict.fromkeys(shown) if name not in MISSING]
    places = {name: place for place, name in enumerate(kept)}
    code_of = np.array([*(places.get(name, -1) for name in shown), -1], dtype=np.int64)
    return Texts(code_of[codes], tuple(kept))


def as_texts(column: Column) -> Column:
    """Return a column as texts, null where a cell is missing; nested cells stay as they are."""
    if not is_flat(column.type):
        return column
    plain = _plain(column)
    return plain if is_text(plain.type) else _written(plain)


def _is_number(kind: Any) -> bool:
    types = pa.types
    return bool(
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_decimal(kind)
        or types.is_duration(kind)
        or types.is_time(kind)
    )


def _plain(column: Column) -> Column:
    """Return a column without a dictionary, of texts as large strings, which all functions take."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.cast(pa.large_string()) if is_text(column.type) else column


def _trimmed(column: Column) -> Column:
    return pc.utf8_trim_whitespace(_plain(column))


def _codes(encoded: Column) -> tuple[NDArray[np.int64], list[str]]:
    """Return the numbers of a dictionary-encoded column into its values, len(values) for what is null."""
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.unify_dictionaries().combine_chunks()
    names = encoded.dictionary.to_pylist()
    indices = pc.fill_null(encoded.indices.cast(pa.int64()), len(names))
    return indices.to_numpy(zero_copy_only=False), names


def _parsed(column: Column, parse: Callable[[str], float | None]) -> Cells:
    """Return what `parse` makes of each text, which is None for what is wrong; a text is parsed once."""
    trimmed = _trimmed(column)
    if parse is _number and (quick := _quick_numbers(trimmed)) is not None:
        return quick
    codes, names = _codes(trimmed.dictionary_encode())
    found = [np.nan if name in NO_NUMBER else parse(name) for name in names]
    wrong = np.array([*(value is None for value in found), False], dtype=bool)
    values = np.array([*(np.nan if value is None else value for value in found), np.nan])
    return Cells(values[codes], wrong[codes])


def _quick_numbers(trimmed: Column) -> Cells | None:
    """Return a column of numbers as pyarrow reads them, None where some are none."""
    gone = pc.is_in(trimmed, value_set=pa.array(NO_NUMBER, trimmed.type))
    try:
        read = pc.if_else(gone, pa.scalar(None, trimmed.type), trimmed).cast(pa.float64())
    except pa.ArrowInvalid:
        return None
    return Cells(_floats(read), _none_wrong(trimmed))


def _number(text: str) -> float | None:
    if not NUMBER.fullmatch(text):
        return np.nan if text.lower().lstrip("+-") in ("inf", "infinity") else None
    value = float(text.replace(",", ""))
    return value if np.isfinite(value) else np.nan


def _time(text: str) -> float | None:
    if not DATE.fullmatch(text):
        return None
    try:
        read = datetime.fromisoformat(text)
        aware = read if read.tzinfo else read.replace(tzinfo=UTC)
        return (aware - EPOCH).total_seconds()
    except (ValueError, OverflowError):
        return None


def _truth(text: str) -> float | None:
    lower = text.lower()
    return 1.0 if lower in TRUE else 0.0 if lower in FALSE else None


def _floats(column: Column) -> NDArray[np.float64]:
    """Return numbers as float64, NaN for null and for what is infinite."""
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    values = np.array(column.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)
    values[~np.isfinite(values)] = np.nan
    return values


def _counted(column: Column, spans: Any) -> Column:
    if spans:
        return column.cast(pa.duration("us"), safe=False).cast(pa.int64())
    return column.cast(pa.time64("us"), safe=False).cast(pa.int64())


def _written(column: Column) -> Column:
    """Return cells that are no texts as texts."""
    if pa.types.is_floating(column.type):
        values = _floats(column)
        told = [None if np.isnan(value) else _shortest(value) for value in values.tolist()]
        return pa.array(told, pa.large_string())
    return column.cast(pa.large_string())


def _shortest(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)


def _none_wrong(column: Column) -> NDArray[np.bool_]:
    return np.zeros(len(column), dtype=bool)


def _all_wrong(column: Column) -> Cells:
    there = np.asarray(column.is_valid().to_numpy(zero_copy_only=False), dtype=bool)
    return Cells(np.full(len(column), np.nan), there)
