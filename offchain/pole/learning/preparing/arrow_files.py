"""Parquet and Arrow files, and Hugging Face data sets on disk, which are Arrow files in folders.

Their bytes are checked whole (`validate`), since an offset that points nowhere would be followed later.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa  # type: ignore[import-untyped]
from pyarrow import parquet as arrow_parquet

from pole.errors import InputError
from pole.learning.data.reading import MAX_UNPACKED_BYTES, read_as

ROWS: Final = 2**16
FEATURES: Final = b"huggingface"
OF_CLASSES: Final = {b"pole": b"classes"}
"""Metadata of a column of names that the file says to be classes."""
TEST_SPLITS: Final = ("test", "validation")


def parquet(path: Path) -> Iterator[Any]:
    """Yield the parts of a Parquet file."""
    with arrow_parquet.ParquetFile(str(path)) as file:
        groups = range(file.metadata.num_row_groups)
        size = max((file.metadata.row_group(number).total_byte_size for number in groups), default=0)
        if size > MAX_UNPACKED_BYTES:
            raise InputError(
                f"A row group of {path} unpacks to {size:,} bytes, more than the {MAX_UNPACKED_BYTES:,} that "
                "PoLe reads at once; write it in smaller row groups."
            )
        for batch in file.iter_batches(ROWS):
            yield _checked(batch)


def arrow_file(path: Path) -> Iterator[Any]:
    """Yield the parts of an Arrow IPC file, such as a Feather file is."""
    with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as reader:
        for number in range(reader.num_record_batches):
            yield _checked(reader.get_batch(number))


def arrow_stream(path: Path) -> Iterator[Any]:
    """Yield the parts of an Arrow IPC stream."""
    with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as reader:
        for batch in reader:
            yield _checked(batch)


def is_hugging_face(folder: Path) -> bool:
    """Return whether a folder is what `save_to_disk` of Hugging Face's datasets makes."""
    return (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file()


def is_picture(kind: Any) -> bool:
    """Return whether a column of this pyarrow type holds images as Hugging Face's data sets do."""
    return bool(pa.types.is_struct(kind)) and {field.name for field in kind} == {"bytes", "path"}


def is_of_classes(field: Any) -> bool:
    """Return whether a file says that a column (a pyarrow field) holds the names of classes."""
    return bool((field.metadata or {}).items() >= OF_CLASSES.items())


def splits(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the Arrow files of a Hugging Face data set on disk: to train, and to test (none: not split).

    Raises InputError where it is damaged.
    """
    with read_as("Hugging Face data set", folder, "save it again with save_to_disk"):
        if (folder / "state.json").is_file():
            return _files(folder), []
        names = _document(folder / "dataset_dict.json").get("splits")
        if not isinstance(names, list) or "train" not in names:
            raise InputError(f"{folder} has no split `train`; save the data set with one.")
        test = next((name for name in TEST_SPLITS if name in names), None)
        return _files(folder / "train"), _files(folder / test) if test else []


def _files(folder: Path) -> list[Path]:
    listed = _document(folder / "state.json").get("_data_files")
    names = [each.get("filename") for each in listed] if isinstance(listed, list) else []
    if not names or not all(isinstance(name, str) and Path(name).name == name for name in names):
        raise InputError(f"{folder / 'state.json'} names no files; save the data set again.")
    return [folder / name for name in names]


def _document(path: Path) -> dict[str, Any]:
    document = json.loads(path.read_bytes())
    if not isinstance(document, dict):
        raise InputError(f"{path} holds no object; save the data set again.")
    return document


def _checked(batch: Any) -> Any:
    batch.validate(full=True)
    return _with_class_names(pa.Table.from_batches([batch]))


def _with_class_names(table: Any) -> Any:
    """Return a table in which the class labels that Hugging Face's metadata name are their names."""
    metadata = (table.schema.metadata or {}).get(FEATURES)
    if metadata is None:
        return table
    features = json.loads(metadata).get("info", {}).get("features", {})
    for name, feature in features.items():
        # What is nested is told by a list, or in another way.
        told = isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
        if not told or name not in table.column_names:
            continue
        column = table.column(name).combine_chunks().cast(pa.int64())
        names = pa.array(feature["names"], pa.string())
        # -1 is what the library writes where a sample has no label.
        indices = pa.array([None if code is None or code < 0 else code for code in column.to_pylist()])
        field = pa.field(name, pa.string(), metadata=OF_CLASSES)
        table = table.set_column(table.column_names.index(name), field, [names.take(indices)])
    return table.replace_schema_metadata(None)
