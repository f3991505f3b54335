"""A user's own data sets: .npz files as NumPy writes them, and .pole files, which hold a preparation, too.

A .pole file (docs/formats.md) is an .npz file with a further entry, preparation.json. No pickle is ever read.
Large arrays are stored as they are, and mapped: decision record 0075.
"""

import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from pole.errors import InputError
from pole.learning.data import files
from pole.learning.data.preparation import MAX_DOCUMENT_BYTES, ImageSource, Preparation, parse_preparation
from pole.learning.data.quantisation import Bounds
from pole.learning.data.ranges import bounds_without_outliers
from pole.learning.data.reading import is_mapped, read_as
from pole.learning.evaluation.features import batches
from pole.learning.machine.whole_files import written_whole

Samples = NDArray[Any]
Labels = NDArray[np.int64]

NPZ: Final = ".npz"
POLE: Final = ".pole"
ENDINGS: Final = (NPZ, POLE)
ARRAYS: Final = ("x_train", "y_train", "x_test", "y_test")
PREPARATION: Final = "preparation.json"
UNIT: Final = Bounds((0.0,), (1.0,))
LARGEST_BYTE: Final = 255.0
CHANNELS: Final = (1, 3, 4)
LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)
COMPRESSION: Final = 3
ALIGNMENT: Final = 64
HEADER_BYTES: Final = 50
"""Of an entry with 64-bit sizes, without its name."""
FIELD: Final = struct.Struct("<HH")
FILLING: Final = 0xD935
"""The field of zip headers that fills up, as Android's zipalign writes it."""


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """What a file holds of a data set: see `DataSet`, which has these fields and a name."""

    x_train: Samples
    y_train: Labels
    x_test: Samples
    y_test: Labels
    classes: int
    bounds: Bounds | None = None
    preparation: Preparation | None = None
    advice: tuple[str, ...] = ()


def read_npz(path: Path) -> Parts:
    """Return the data set in an .npz file: x_train, y_train, x_test, y_test, perhaps low and high.

    Without bounds of their own, columns that outliers would flatten are bounded without those. Raises
    InputError where an array is none that PoLe trains on.
    """
    arrays = files.npz(path, ARRAYS, optional=("low", "high"))
    x_train, x_test = (_samples(path, part, arrays[part]) for part in ("x_train", "x_test"))
    if x_train.shape[1:] != x_test.shape[1:]:
        raise InputError(
            f"In {path} the training samples have the shape {x_train.shape[1:]} and the test samples "
            f"{x_test.shape[1:]}; "
            "both must be alike."
        )
    y_train = _labels(path, "y_train", arrays["y_train"], len(x_train))
    y_test = _labels(path, "y_test", arrays["y_test"], len(x_test))
    _require_from_0(path, y_train)
    classes = int(y_train.max()) + 1
    if int(y_test.max()) >= classes or classes < 2:
        raise InputError(
            f"In {path} the training labels make {classes} classes and the test labels reach "
            f"{y_test.max()}; there must be "
            "two classes or more, counted from 0, and the training set must have the last one."
        )
    bounds = _bounds(path, arrays, x_train[0].size)
    robust, advice = (None, ()) if bounds else _robust(path, x_train)
    return Parts(x_train, y_train, x_test, y_test, classes, bounds or robust, advice=advice)


def read_pole(path: Path) -> Parts:
    """Return the data set in a .pole file, which `write_pole` wrote.

    Raises InputError where it is none, or its arrays are not what its preparation makes.
    """
    arrays = files.npz(path, ARRAYS)
    with (
        read_as(".pole file", path, "prepare the data again"),
        zipfile.ZipFile(path) as archive,
        archive.open(PREPARATION) as entry,
    ):
        preparation = parse_preparation(entry.read(MAX_DOCUMENT_BYTES + 1))
    classes = preparation.target.classes
    x_train, x_test = (_prepared(path, part, arrays[part], preparation) for part in ("x_train", "x_test"))
    y_train = _labels(path, "y_train", arrays["y_train"], len(x_train))
    y_test = _labels(path, "y_test", arrays["y_test"], len(x_test))
    if max(int(y_train.max()), int(y_test.max())) >= classes:
        raise InputError(
            f"{path} has labels beyond the {classes} of its preparation; prepare the data again."
        )
    return Parts(x_train, y_train, x_test, y_test, classes, UNIT, preparation)


def write_pole(file: BinaryIO, samples: Mapping[str, NDArray[Any]], preparation: Preparation) -> None:
    """Write a .pole file of x_train, y_train, x_test and y_test; the same data set is the same bytes."""
    content = preparation.canonical_bytes()
    if len(content) > MAX_DOCUMENT_BYTES:
        raise InputError(
            f"What was decided about the columns takes {len(content):,} bytes, more than "
            f"{MAX_DOCUMENT_BYTES:,}; leave columns out, or shorten their texts."
        )
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION) as archive:
        for name in ARRAYS:
            array = samples[name]
            if name.startswith("x") and _is_bytes(preparation):
                array = _as_bytes(array)
            entry = zipfile.ZipInfo(f"{name}.npy", LONG_AGO)
            if is_mapped(array.nbytes):
                entry.extra = _filling(archive.start_dir + HEADER_BYTES + len(entry.filename))
            else:
                entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, np.ascontiguousarray(array), allow_pickle=False)
        document = zipfile.ZipInfo(PREPARATION, LONG_AGO)
        archive.writestr(document, content, zipfile.ZIP_DEFLATED, COMPRESSION)


def save_pole(path: Path, samples: Mapping[str, NDArray[Any]], preparation: Preparation) -> None:
    """Write a .pole file whole or not at all, readable by its owner alone.

    Raises InputError where it cannot be written.
    """
    try:
        with written_whole(path) as file:
            write_pole(file, samples, preparation)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}); name another file.") from error


def require_channels_first(where: str, shape: tuple[int, ...]) -> None:
    """Raise InputError for the shape (n, height, width, channels), with the line that puts it right."""
    if len(shape) == 4 and shape[3] in CHANNELS and shape[1] not in CHANNELS:
        raise InputError(
            f"{where} has the shape {shape}, which looks like (n, height, width, channels); save it as (n, "
            "channels, height, width): x.transpose(0, 3, 1, 2)."
        )


def _filling(place: int) -> bytes:
    """Return a field of an entry's header that would end at `place`, so that its array is aligned."""
    missing = -(place + FIELD.size) % ALIGNMENT
    return FIELD.pack(FILLING, missing) + bytes(missing)


def _is_bytes(preparation: Preparation) -> bool:
    """Return whether values are bytes / 255, which are kept as bytes."""
    return isinstance(preparation.source, ImageSource) and preparation.encoder is None


def _as_bytes(x: Samples) -> NDArray[np.uint8]:
    made = np.empty(x.shape, np.uint8)
    for rows in batches(len(x), x[0].size):
        made[rows] = np.rint(x[rows] * LARGEST_BYTE)
    return made


def _prepared(path: Path, part: str, x: Samples, preparation: Preparation) -> Samples:
    kind = np.uint8 if _is_bytes(preparation) else np.float64
    if x.dtype != kind or x.shape[1:] != preparation.input_shape or not len(x):
        raise InputError(
            f"{part} in {path} is {x.dtype} of shape {x.shape}, which its preparation does not make; prepare "
            "the data again."
        )
    values = x / LARGEST_BYTE if kind == np.uint8 else x
    if not (values.min() >= 0 and values.max() <= 1):
        raise InputError(f"{part} in {path} has values beyond 0 to 1; prepare the data again.")
    return values


def _samples(path: Path, part: str, x: Samples) -> Samples:
    if x.dtype.kind not in "uif" or x.ndim not in (2, 3, 4) or x.size == 0:
        raise InputError(
            f"{part} in {path} is {x.dtype} of shape {x.shape}; it must hold numbers as (n, D), (n, "
            "height, width) or "
            "(n, channels, height, width), and not be empty."
        )
    require_channels_first(f"{part} in {path}", x.shape)
    strange = sum(int(np.count_nonzero(~np.isfinite(x[rows]))) for rows in batches(len(x), x[0].size))
    if strange:
        raise InputError(
            f"{part} in {path} has {strange} values that are NaN or infinite; remove those samples."
        )
    return x


def _robust(path: Path, x: Samples) -> tuple[Bounds | None, tuple[str, ...]]:
    found = bounds_without_outliers(x)
    if found is None:
        return None, ()
    bounds, outside = found
    rows = np.flatnonzero(outside)
    shown = ", ".join(str(row) for row in rows[:3]) + (", …" if len(rows) > 3 else "")
    return bounds, (
        f"{len(rows)} of {len(x)} training samples in {path} have values far beyond all others (row "
        f"{shown}), so that their columns would be flattened: they are clipped; remove them, or save low and "
        "high.",
    )


def _bounds(path: Path, arrays: Mapping[str, NDArray[Any]], dimension: int) -> Bounds | None:
    given = [name for name in ("low", "high") if name in arrays]
    if not given:
        return None
    if len(given) == 1:
        raise InputError(
            f"{path} has {given[0]} without the other bound; save both low and high, or neither."
        )
    for name in given:
        array = arrays[name]
        if array.dtype.kind not in "uif" or array.ndim > 1 or array.size not in (1, dimension):
            raise InputError(
                f"{name} in {path} is {array.dtype} of shape {array.shape}; it must hold one number for all "
                f"{dimension} values of a sample, or one for each."
            )
    low, high = np.broadcast_arrays(*(np.atleast_1d(arrays[name]).astype(np.float64) for name in given))
    try:
        return Bounds(tuple(low.tolist()), tuple(high.tolist()))
    except InputError as error:
        raise InputError(f"low and high in {path} cannot be used: {error}") from error


def _labels(path: Path, part: str, y: NDArray[Any], count: int) -> Labels:
    if y.dtype.kind not in "ui" or y.shape != (count,):
        raise InputError(
            f"{part} in {path} is {y.dtype} of shape {y.shape}; it must hold {count} integers, one label "
            "for each sample; `pole data prepare` makes them of any labels."
        )
    if int(y.min()) < 0 or int(y.max()) >= 2**15:
        raise InputError(
            f"{part} in {path} runs from {y.min()} to {y.max()}; labels must be 0 to 32767, counted from 0; "
            "`pole data prepare` makes them of any labels."
        )
    return y.astype(np.int64, copy=False)


def _require_from_0(path: Path, y: Labels) -> None:
    """Raise InputError for classes that are counted from 1: all numbers up to the last, and no 0."""
    there = np.unique(y)
    if there[0] == 1 and len(there) == there[-1] > 1:
        raise InputError(
            f"The labels in {path} begin at 1 and end at {there[-1]}; save them counted from 0 (y - 1), or "
            f"let `pole data prepare {path} --out NAME.pole` number them."
        )
