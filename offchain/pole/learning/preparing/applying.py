"""A preparation applied to rows: samples as the model takes them, and labels where the rows have the target.

The order of the operations is part of the format (docs/formats.md), since exported models repeat them to the
bit. New rows are read with the preparation's types, never with types of their own.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pole.errors import InputError
from pole.learning.data import files
from pole.learning.data.preparation import (
    ArraySource,
    CategoryColumn,
    ClassTarget,
    Column,
    Encoder,
    ImageSource,
    NumberColumn,
    NumberTarget,
    Preparation,
    Source,
    TableSource,
    TextSource,
    TimeColumn,
)
from pole.learning.preparing import cells, images
from pole.learning.preparing.encoders import FrozenEncoder
from pole.learning.preparing.tables import Report, Table, read_table, table_of
from pole.quoting import listed, quoted

Samples = NDArray[np.float64]
Labels = NDArray[np.int64]
Rows = Any
"""A pyarrow.Table, an array (n, ...), or a tuple of the files of images: what can be cut into parts."""

NO_LABEL: Final = -1
KINDS: Final = {"number": "number", "time": "date or time", "truth": "yes or no"}
IN_ARRAYS: Final = ("x", "x_test", "x_train")


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """Samples (n, *input_shape) in float64 from 0 to 1, and labels (n,), None where rows have no target.

    A label is -1 where the target is missing, or a class that the preparation does not know. `notes` are
    sentences of what was unlike the rows that the preparation was made of.
    """

    samples: Samples
    labels: Labels | None
    notes: tuple[str, ...] = ()


def read_rows(path: Path, preparation: Preparation, report: Report = lambda _: None) -> Rows:
    """Return the rows in a file or folder, to be cut into parts and given to `encode`.

    A table's file for a table; a folder of images (at any depth, by name), or one, for images; an .npy or
    .npz file (x, x_test or its only array) for arrays. Raises InputError where it is none of these.
    """
    match preparation.source:
        case ImageSource():
            return images.image_files(path)
        case ArraySource():
            return files.one_array(path, IN_ARRAYS)
        case TableSource() | TextSource():
            return read_table(path, report)


def rows_of(frame: object, preparation: Preparation) -> Rows:
    """Return the rows of a data frame, an array or a list of image files. Raises InputError for others."""
    if isinstance(preparation.source, TableSource | TextSource):
        return table_of(frame)
    if isinstance(preparation.source, ImageSource) and not isinstance(frame, np.ndarray):
        if isinstance(frame, str | Path):
            return images.image_files(Path(frame))
        if isinstance(frame, Sequence) and all(isinstance(each, str | Path) for each in frame):
            return tuple(Path(each) for each in frame)
    try:
        return np.asarray(frame)
    except ValueError as error:
        raise InputError("The rows are no array: give samples of one shape.") from error


def parts(rows: Rows, size: int) -> Iterator[Rows]:
    """Yield the rows in parts of at most `size`, so that long files are encoded in bounded memory."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def encode(
    preparation: Preparation, rows: Rows, *, first: int = 1, encoder: FrozenEncoder | None = None
) -> Encoded:
    """Return what a preparation makes of rows (see `read_rows` and `rows_of`).

    The table's target may be there or not. `first` is the number of the first row, for errors that name one.
    Raises InputError, one sentence with what to do, where columns are
    missing, hold another type or have another shape. Missing values and unseen categories are no errors.
    """
    values, notes = source_values(preparation.source, rows, first=first)
    if preparation.encoder is not None:
        values = _encoded(preparation.encoder, encoder, values)
    in_table = isinstance(preparation.source, TableSource | TextSource)
    return Encoded(values, _labels(preparation, rows, first) if in_table else None, notes)


def source_values(source: Source, rows: Rows, *, first: int = 1) -> tuple[Any, tuple[str, ...]]:
    """Return what a source makes of rows, before any encoder, and notes on it.

    That is an array (n, *shape) in float64 from 0 to 1, of texts a list. Raises what `encode` raises.
    """
    match source:
        case TableSource():
            return _of_table(source, rows, first)
        case TextSource():
            return _of_texts(source, rows), ()
        case ImageSource():
            given = isinstance(rows, np.ndarray)
            pixels = images.from_arrays(rows, source) if given else images.decoded(rows, source)
            return pixels / 255.0, ()
        case ArraySource():
            return _of_array(source, rows), ()


def labels_of(target: ClassTarget | NumberTarget, column: Any, *, first: int = 1) -> Labels:
    """Return the labels of a target's column, -1 where it is missing or no class of the preparation.

    A number is the nearest step of the grid, its first or last one where it lies beyond. Raises InputError
    where a number is none.
    """
    if isinstance(target, NumberTarget):
        found = cells.numbers(column)
        _require_right(target.column, "number", column, found.wrong, first)
        steps = np.rint((found.values - target.low) / target.step)
        limited = np.clip(np.nan_to_num(steps), 0, target.steps - 1).astype(np.int64)
        return np.where(found.missing, NO_LABEL, limited)
    told = cells.texts(column)
    exact = {name: label for label, name in enumerate(target.names)}
    # A truth is `true` in a typed file and `True` in the text that Python writes.
    folded = {name.casefold(): label for label, name in enumerate(target.names)}
    loose = folded if len(folded) == len(exact) else {}
    found_labels = [exact.get(name, loose.get(name.casefold(), NO_LABEL)) for name in told.names]
    return np.array([*found_labels, NO_LABEL], dtype=np.int64)[told.codes]


def ranged(values: Samples, low: Any, high: Any) -> Samples:
    """Return (values - low) / (high - low), limited to 0 .. 1: the one scaling there is."""
    low, high = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    limited: Samples = np.clip((values - low) / (high - low), 0.0, 1.0)
    return limited


def column_values(column: Column, given: Any, *, first: int = 1) -> tuple[Samples, str]:
    """Return the values (n, width) of one column's cells, and a note of what is new in it, or "".

    Raises InputError where cells are of another type than the column's.
    """
    if isinstance(column, CategoryColumn):
        return _categories(column, given)
    found = _READ[column.kind](given)
    _require_right(column.name, column.kind, given, found.wrong, first)
    values = np.where(found.missing, float(column.fill), found.values)
    made, note = values, ""
    if isinstance(column, NumberColumn | TimeColumn):
        made = ranged(values, column.low, column.high)
        outside = int(np.count_nonzero((values < column.low) | (values > column.high)))
        note = f"{_counted(outside)} of {quoted(column.name)} outside of its range" if outside else ""
    if not column.indicator:
        return made[:, None], note
    return np.stack([made, found.missing.astype(np.float64)], axis=1), note


_READ: Final[dict[str, Callable[[Any], cells.Cells]]] = {
    "number": cells.numbers,
    "time": cells.times,
    "truth": cells.truths,
}


def _encoded(fitted: Encoder, encoder: FrozenEncoder | None, values: Any) -> Samples:
    """Return the ranged numbers that an encoder makes of values; raises InputError where it is another."""
    if encoder is None or encoder.digest != fitted.digest:
        raise InputError(
            f"The rows need the encoder {fitted.name} that the data were prepared with; name its file by "
            "--encoder."
        )
    made = encoder(values)
    if made.shape[1] != fitted.width:
        raise InputError(
            f"The encoder {fitted.name} makes {made.shape[1]} numbers of a row, but made {fitted.width} when "
            "the data were prepared; use what it was run with then."
        )
    return ranged(made, fitted.low, fitted.high)


def _of_texts(source: TextSource, table: Table) -> list[str]:
    _require_columns([source.column], table.column_names)
    column = table.column(source.column)
    if not cells.is_flat(column.type):
        raise InputError(f"Column {quoted(source.column)} holds {column.type} and no texts; give texts.")
    return [text or "" for text in cells.as_texts(column).to_pylist()]


def _of_table(source: TableSource, table: Table, first: int) -> tuple[Samples, tuple[str, ...]]:
    _require_columns([column.name for column in source.columns], table.column_names)
    samples = np.empty((len(table), source.shape[0]), dtype=np.float64)
    place, notes = 0, []
    for column in source.columns:
        values, note = column_values(column, table.column(column.name), first=first)
        samples[:, place : place + column.width] = values
        place += column.width
        notes.append(note)
    return samples, tuple(note for note in notes if note)


def _categories(column: CategoryColumn, given: Any) -> tuple[Samples, str]:
    if not cells.is_flat(given.type):
        raise InputError(f"Column {quoted(column.name)} holds {given.type} and no texts; give texts.")
    told = cells.texts(given)
    known = {value: place for place, value in enumerate(column.values)}
    places = np.array([*(known.get(name, -1) for name in told.names), -1], dtype=np.int64)[told.codes]
    made = np.zeros((len(places), column.width), dtype=np.float64)
    rows = np.flatnonzero(places >= 0)
    made[rows, places[rows]] = 1.0
    unseen = [name for name in told.names if name not in known]
    note = f"{quoted(column.name)} has values that were not there before: {listed(unseen)}" if unseen else ""
    return made, note


def _of_array(source: ArraySource, rows: Any) -> Samples:
    array = np.asarray(rows)
    if array.dtype.kind not in "uifb" or array.shape[1:] != source.shape:
        raise InputError(
            f"The rows are {array.dtype} of shape {list(array.shape)}, but the model takes numbers of shape "
            f"{['n', *source.shape]}; give them so."
        )
    values = array.astype(np.float64)
    if not np.all(np.isfinite(values)):
        raise InputError(
            f"{np.count_nonzero(~np.isfinite(values))} values of the rows are NaN or infinite; remove those "
            "rows."
        )
    low, high = (np.array(end, dtype=np.float64) for end in (source.low, source.high))
    if len(low) > 1:
        low, high = low.reshape(source.shape), high.reshape(source.shape)
    return ranged(values, low, high)


def _labels(preparation: Preparation, table: Table, first: int) -> Labels | None:
    target = preparation.target
    if target.column not in table.column_names:
        return None
    return labels_of(target, table.column(target.column), first=first)


def _require_columns(wanted: Sequence[str], given: Sequence[str]) -> None:
    """Raise InputError where columns of the preparation are not given; suggest those that look like them."""
    missing = [name for name in wanted if name not in given]
    if not missing:
        return
    spare = [name for name in given if name not in wanted]
    by_case = {name.casefold().replace(" ", "_"): name for name in spare}
    like = {
        name: by_case[match[0]]
        for name in missing
        if (match := get_close_matches(name.casefold().replace(" ", "_"), by_case, 1, cutoff=0.75))
    }
    if like:
        pairs = ", ".join(f"{quoted(other)} to {quoted(name)}" for name, other in list(like.items())[:3])
        remedy = f"rename {pairs}" + ("" if len(like) == len(missing) else ", and add the others")
    else:
        remedy = "add them; a cell may be empty where its value is not known"
    what = "column" if len(missing) == 1 else "columns"
    raise InputError(f"The rows lack the {what} {listed(missing)} that the model takes; {remedy}.")


def _require_right(name: str, kind: str, column: Any, wrong: NDArray[np.bool_], first: int) -> None:
    """Raise InputError where cells are not of the wanted kind; it names the first."""
    if not wrong.any():
        return
    row = int(np.argmax(wrong))
    more = int(np.count_nonzero(wrong)) - 1
    others = f" (and {more:,} others)" if more else ""
    raise InputError(
        f"Column {quoted(name)} holds {quoted(column[row].as_py())} in row {first + row}{others}, which is "
        f"no {KINDS[kind]}; correct it, or leave the cell empty."
    )


def _counted(number: int) -> str:
    return f"{number:,} value{'s' * (number > 1)}"
