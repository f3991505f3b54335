"""A source becomes a data set: read, typed, split, fitted on its training rows, and encoded.

What was decided is in the data set's preparation; what is worth knowing of it is told beside.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from math import prod
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
from numpy.typing import NDArray

from pole.errors import InputError
from pole.learning.data import files
from pole.learning.data.datasets import DataSet
from pole.learning.data.own import ARRAYS, NPZ, POLE, UNIT, require_channels_first
from pole.learning.data.preparation import Preparation, Source, TableSource, TextSource
from pole.learning.evaluation.features import batches
from pole.learning.machine.disk_arrays import Allocate
from pole.learning.preparing import arrow_files, cells, images
from pole.learning.preparing.applying import Samples, ranged, source_values
from pole.learning.preparing.arrow_files import is_of_classes, is_picture
from pole.learning.preparing.encoders import fit_encoder, open_encoder
from pole.learning.preparing.fitting import ColumnReport, Fitted, cleaned, fit_array, fit_columns, left_out
from pole.learning.preparing.images import File, Picture
from pole.learning.preparing.tables import MEMORY, Report, Table, Workspace, read_table, table_of
from pole.learning.preparing.targets import Mask, Split, WantedTarget, split_rows
from pole.protocol.models.specification import MAX_INPUTS
from pole.quoting import listed, quoted

FLOAT_BYTES: Final = 8
IMAGES_AT_ONCE: Final = 256
CLASS_BY_FOLDER: Final = "class"
LABEL_OF_ARRAYS: Final = "y"


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a source is to be prepared.

    `target` names the column to learn (None where folders or `y` tell it); `regression`, `unit` and `steps`
    are as in `WantedTarget`. `dropped` columns are left out, `categories` are names whatever they hold. Test
    rows are those in `test`, or of each class a share `test_part`, chosen by `seed`. Images become `size`
    (height, width) and have `channels`, 1 or 3. `encoder` names a frozen encoder (see `open_encoder`) of what
    would be the samples, or of the column `text`.
    """

    target: str | None = None
    regression: bool | None = None
    unit: str = ""
    steps: int | None = None
    dropped: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    test: Path | None = None
    test_part: float = 0.2
    seed: int = 0
    size: tuple[int, int] | None = None
    channels: int | None = None
    encoder: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A data set with its preparation, what became of each column, and sentences on the rest."""

    dataset: DataSet
    preparation: Preparation
    columns: tuple[ColumnReport, ...]
    notes: tuple[str, ...]


def prepare(
    source: Path, wanted: Wanted, report: Report = lambda _: None, workspace: Workspace = MEMORY
) -> Prepared:
    """Return a data set of what `source` is: a table, a Hugging Face data set, images by class, or .npz.

    `report` is told how many rows or images were read. Rows and samples are kept in the `workspace`. Raises
    InputError, one sentence with what to do, for a source that cannot be read or learned from, and DiskError
    where the workspace has no room.
    """
    name = source.resolve().name.split(".")[0] or "data"
    if source.suffix == POLE:
        raise InputError(f"{source} is prepared already; see `pole data show {source}`.")
    if source.suffix == NPZ:
        return _of_arrays(name, *_arrays(source, wanted, workspace), wanted, report, workspace)
    if not source.is_dir():
        table, test = read_table(source, report, workspace), None
    elif not arrow_files.is_hugging_face(source):
        found = images.labelled_images(source, wanted.test)
        return _of_images(name, *found, _of_classes(wanted), report, workspace)
    else:
        table, test = (_read(each, report, workspace) for each in arrow_files.splits(source))
        if wanted.test is None and (pictures := _pictures(table, test, wanted)) is not None:
            return _of_images(name, *pictures, report, workspace)
    if wanted.test is not None:
        test = read_table(wanted.test, report, workspace)
    return prepare_table(name, table, test, wanted, report, workspace)


def prepare_frame(frame: object, wanted: Wanted, test: object = None, *, name: str = "frame") -> Prepared:
    """Return a data set of a data frame (see `table_of`), and perhaps one of test rows."""
    return prepare_table(name, table_of(frame), None if test is None else table_of(test), wanted)


def prepare_table(
    name: str,
    table: Table,
    test: Table | None,
    wanted: Wanted,
    report: Report = lambda _: None,
    workspace: Workspace = MEMORY,
) -> Prepared:
    """Return a data set of a table, and of one of test rows where they are apart.

    Raises InputError where it cannot be learned from.
    """
    column = _target_column(table, wanted.target)
    for each in (*wanted.dropped, *wanted.categories):
        _require_column(table, each)
    dropped = [name for name in dict.fromkeys(wanted.dropped) if name not in (column, wanted.text)]
    wanted = _as_told(table, column, wanted)
    joined = table.drop_columns(dropped)
    joined = joined if test is None else _joined(joined, test, column)
    given = None if test is None else np.arange(len(joined)) >= len(table)
    nested = [field for field in joined.schema if not cells.is_flat(field.type) and field.name != column]
    joined = joined.drop_columns([field.name for field in nested])
    split = split_rows(joined.column(column), given, _aim(wanted, column), wanted.test_part, wanted.seed)
    if wanted.text is not None:
        return _of_texts(name, joined, split, wanted, report, workspace)
    fitted = fit_columns(joined, split.train, {column}, wanted.categories)
    fitted += [left_out(name, "dropped") for name in dropped]
    places = {name: place for place, name in enumerate(table.column_names)}
    fitted.sort(key=lambda each: places[each.report.name])
    fitted += [left_out(field.name, f"holds {field.type}, which no value of a sample is") for field in nested]
    source = _table_source(name, fitted)
    _require_room(len(joined), source.shape[0], workspace)
    values = _samples_of(source, lambda rows: _cleaned(source, joined[rows]), split, workspace)
    return _prepared(
        name, source, values, split, tuple(each.report for each in fitted), wanted, report, workspace
    )


def _of_texts(
    name: str, table: Table, split: Split, wanted: Wanted, report: Report, workspace: Workspace
) -> Prepared:
    if wanted.encoder is None:
        raise InputError("--text names a column for an encoder; name the encoder by --encoder.")
    source = TextSource(column=_target_column(table, wanted.text))
    values = [source_values(source, table.filter(part))[0] for part in (split.train, split.test)]
    return _prepared(name, source, values, split, (), wanted, report, workspace)


def _of_images(
    name: str,
    pictures: Sequence[File],
    classes: list[str],
    given: Mask | None,
    wanted: Wanted,
    report: Report,
    workspace: Workspace,
) -> Prepared:
    source = images.source_of(pictures, wanted.size, wanted.channels)
    _require_room(len(pictures), prod(source.shape), workspace)
    aim = _aim(wanted, wanted.target or CLASS_BY_FOLDER)
    split = split_rows(pa.array(classes), given, aim, wanted.test_part, wanted.seed)
    pixels = workspace.allocate((len(pictures), *source.shape), np.uint8)
    for start in range(0, len(pictures), IMAGES_AT_ONCE):
        part = pictures[start : start + IMAGES_AT_ONCE]
        made = workspace.parts.part(images.name_of_part(part, source), partial(images.decoded, part, source))
        pixels[start : start + len(part)] = made
        report(start + len(part))
    values = _samples_of(source, lambda rows: pixels[rows], split, workspace)
    return _prepared(name, source, values, split, (), wanted, report, workspace)


def _of_arrays(
    name: str,
    x: NDArray[Any],
    y: Any,
    given: Mask | None,
    wanted: Wanted,
    report: Report,
    workspace: Workspace,
) -> Prepared:
    split = split_rows(y, given, _aim(wanted, LABEL_OF_ARRAYS), wanted.test_part, wanted.seed)
    _require_room(len(x), x[0].size, workspace)
    source, reports = fit_array(x, split.train)
    values = _samples_of(source, lambda rows: x[rows], split, workspace)
    return _prepared(name, source, values, split, reports, wanted, report, workspace)


def _samples_of(
    source: Source, cut: Callable[[slice], Any], split: Split, workspace: Workspace
) -> list[Samples]:
    """Return the samples to train and to test that a source makes of rows, of which `cut` gives a part.

    Each sample depends on its own row alone, so that the parts may be of any size.
    """
    masks, count = (split.train, split.test), len(split.train)
    made = [workspace.allocate((int(np.count_nonzero(mask)), *source.shape), np.float64) for mask in masks]
    done = [0, 0]
    for rows in batches(count, prod(source.shape)):
        values, _ = source_values(source, cut(rows))
        for part, mask in enumerate(masks):
            chosen = values[mask[rows]]
            made[part][done[part] : done[part] + len(chosen)] = chosen
            done[part] += len(chosen)
        workspace.report(rows.stop, count)
    return made


def _cleaned(source: TableSource, rows: Table) -> Table:
    """Return rows of a table whose cells that are wrong for their column are missing."""
    for column in source.columns:
        place = rows.column_names.index(column.name)
        rows = rows.set_column(place, column.name, cleaned(column, rows.column(column.name)))
    return rows


def _prepared(
    name: str,
    source: Source,
    values: Sequence[Any],
    split: Split,
    columns: tuple[ColumnReport, ...],
    wanted: Wanted,
    report: Report,
    workspace: Workspace,
) -> Prepared:
    (x_train, x_test), labels, fitted = values, split.labels, None
    if wanted.encoder is not None:
        encoder = open_encoder(wanted.encoder)
        fitted, x_train = fit_encoder(encoder, x_train, report, workspace)
        x_test = encoder(x_test, report, workspace)
        for made in (x_train, x_test):
            for rows in batches(len(made), fitted.width):
                made[rows] = ranged(made[rows], fitted.low, fitted.high)
    preparation = Preparation(source=source, encoder=fitted, target=split.target)
    classes = split.target.classes
    dataset = DataSet(
        name, x_train, labels[split.train], x_test, labels[split.test], classes, UNIT, preparation
    )
    return Prepared(dataset, preparation, columns, split.notes)


def _table_source(name: str, fitted: Sequence[Fitted]) -> TableSource:
    columns = tuple(each.column for each in fitted if each.column is not None)
    if not columns:
        why = "; ".join(f"{quoted(each.report.name)} {each.report.remark}" for each in fitted[:3])
        raise InputError(f"No column of {name} can be learned from ({why}); name a table with more columns.")
    width = sum(each.width for each in columns)
    if width > MAX_INPUTS:
        raise InputError(
            f"The columns of {name} make {width:,} values a sample, more than {MAX_INPUTS:,}; --drop some."
        )
    return TableSource(
        columns=columns, ignored=tuple(each.report.name for each in fitted if each.column is None)
    )


def _target_column(table: Table, wanted: str | None) -> str:
    if wanted is None:
        raise InputError(f"Name the column to learn by --target; there are {listed(table.column_names)}.")
    _require_column(table, wanted)
    return wanted


def _require_column(table: Table, name: str) -> None:
    if name in table.column_names:
        return
    folded = {each.casefold(): each for each in table.column_names}
    like = get_close_matches(name.casefold(), folded, 1)
    meant = f"; {quoted(folded[like[0]])} is one" if like else f"; there are {listed(table.column_names)}"
    raise InputError(f"The table has no column {quoted(name)}{meant}.")


def _joined(table: Table, test: Table, target: str) -> Table:
    """Return training and test rows as one table with the columns of the first.

    Columns of another type in either are texts in both, which `cells` reads alike. Raises InputError where
    test rows lack a column.
    """
    for name in table.column_names:
        if name not in test.column_names:
            what = "target" if name == target else "column"
            raise InputError(f"The test rows lack the {what} {quoted(name)}; add it, or --drop it from both.")
    test = test.select(table.column_names)
    unlike = [
        number
        for number, (ours, theirs) in enumerate(zip(table.schema, test.schema, strict=True))
        if ours.type != theirs.type
    ]
    for number in unlike:
        name = table.column_names[number]
        table, test = (
            each.set_column(number, name, cells.as_texts(each.column(number))) for each in (table, test)
        )
    return pa.concat_tables([part.replace_schema_metadata(None) for part in (table, test)])


def _read(paths: Sequence[Path], report: Report, workspace: Workspace) -> Table | None:
    return pa.concat_tables([read_table(path, report, workspace) for path in paths]) if paths else None


def _pictures(
    table: Table, test: Table | None, wanted: Wanted
) -> tuple[list[File], list[str], Mask | None, Wanted] | None:
    """Return the images of a Hugging Face data set, and what is wanted of their target.

    None where it has no column of images, or their target is nested.
    """
    names = [field.name for field in table.schema if is_picture(field.type)]
    if len(names) != 1:
        return None
    column = wanted.target or next((name for name in ("label", "labels") if name in table.column_names), None)
    target = _target_column(table, column)
    if not cells.is_flat(table.schema.field(target).type):
        return None
    rows = table.select([names[0], target])
    whole = rows if test is None else _joined(rows, test, target)
    # Not in one chunk, which would end at 2 GiB.
    chunks = whole.column(names[0]).chunks
    contents = [content for chunk in chunks for content in chunk.field("bytes").to_pylist()]
    if None in contents:
        raise InputError(
            f"Column {quoted(names[0])} names files of images; save the data set with the images in it."
        )
    pictures: list[File] = [Picture(f"image {row + 1}", content) for row, content in enumerate(contents)]
    told = cells.texts(whole.column(target))
    classes = [told.names[code] if code >= 0 else "" for code in told.codes]
    given = None if test is None else np.arange(len(whole)) >= len(table)
    return pictures, classes, given, _as_told(table, target, wanted)


def _arrays(path: Path, wanted: Wanted, workspace: Workspace) -> tuple[NDArray[Any], Any, Mask | None]:
    """Return samples, labels, and which are to test, of an .npz file: x and y, or x_train and so on."""
    found = files.npz(path, (), optional=("x", "y", *ARRAYS))
    if "x" in found and "y" in found:
        x, y, given = found["x"], found["y"], None
        if wanted.test is not None:
            raise InputError(
                "--test names a file of rows; save x_test and y_test beside x_train and y_train."
            )
    else:
        found = files.npz(path, ARRAYS)
        _require_alike(path, found)
        x, y = (
            _concatenated(found[f"{part}_train"], found[f"{part}_test"], workspace.allocate) for part in "xy"
        )
        given = np.arange(len(x)) >= len(found["x_train"])
    _require_samples(path, x)
    y = y[:, 0] if y.shape[1:] == (1,) else y
    if y.ndim != 1 or len(y) != len(x) or y.dtype.kind not in "uifbU":
        raise InputError(
            f"y in {path} is {y.dtype} of shape {y.shape}; it must hold a label for each sample."
        )
    return x, pa.array(_as_arrow_takes(y)), given


def _as_arrow_takes(y: NDArray[Any]) -> NDArray[Any]:
    """Return labels in this machine's order of bytes, of 64 bits at most where they are numbers."""
    if y.dtype.kind == "f" and y.dtype.itemsize > FLOAT_BYTES:
        return y.astype(np.float64)
    return y.astype(y.dtype.newbyteorder("="), copy=False)


def _concatenated(train: NDArray[Any], test: NDArray[Any], allocate: Allocate) -> NDArray[Any]:
    whole = allocate((len(train) + len(test), *train.shape[1:]), np.result_type(train, test))
    whole[: len(train)], whole[len(train) :] = train, test
    return whole


def _require_alike(path: Path, found: Mapping[str, NDArray[Any]]) -> None:
    for part in "xy":
        train, test = found[f"{part}_train"], found[f"{part}_test"]
        if train.shape[1:] != test.shape[1:] or not train.ndim or train.dtype.kind != test.dtype.kind:
            raise InputError(
                f"In {path} {part}_train is {train.dtype} of shape {train.shape}, but {part}_test is "
                f"{test.dtype} of {test.shape}; both must be alike."
            )


def _require_samples(path: Path, x: NDArray[Any]) -> None:
    if x.dtype.kind not in "uifb" or x.ndim not in (2, 3, 4) or not x.size or x[0].size > MAX_INPUTS:
        raise InputError(
            f"x in {path} is {x.dtype} of shape {x.shape}; it must hold numbers as (n, D), (n, height, "
            f"width) or (n, channels, height, width), at most {MAX_INPUTS:,} a sample."
        )
    require_channels_first(f"x in {path}", x.shape)
    if not all(np.all(np.isfinite(x[rows])) for rows in batches(len(x), x[0].size)):
        raise InputError(f"x in {path} has values that are NaN or infinite; remove those samples.")


def _aim(wanted: Wanted, column: str) -> WantedTarget:
    return WantedTarget(column, wanted.regression, wanted.unit, wanted.steps)


def _as_told(table: Table, column: str, wanted: Wanted) -> Wanted:
    """Return what is wanted of a target's column, of classes where its file says so."""
    return _of_classes(wanted) if is_of_classes(table.schema.field(column)) else wanted


def _of_classes(wanted: Wanted) -> Wanted:
    """Return what is wanted of a target of classes, whatever their names look like: numbers if asked for."""
    return replace(wanted, regression=bool(wanted.regression))


def _require_room(rows: int, width: int, workspace: Workspace) -> None:
    if rows * width * FLOAT_BYTES > workspace.max_bytes:
        raise InputError(
            f"{rows:,} samples of {width:,} values are more than {workspace.max_bytes:,} bytes; take fewer "
            "rows, a smaller --size, or --drop columns."
        )
