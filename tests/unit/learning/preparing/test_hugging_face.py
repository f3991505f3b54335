"""Data sets of Hugging Face: what their metadata say of classes, and columns of every kind beside."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pytest
from PIL import Image
from tests.unit.learning.preparing.test_preparing import hugging_face, role

from pole.errors import InputError
from pole.learning.data.preparation import ClassTarget, NumberTarget
from pole.learning.preparing.preparing import Wanted, prepare
from pole.learning.preparing.tables import MEMORY, Workspace, on_disk

CLASSES = 25
NAMES = [str(number) for number in range(CLASSES)]
FEATURES = f'{{"label": {{"_type": "ClassLabel", "names": {NAMES}}}}}'.replace("'", '"')
WHOLE = Wanted(target="label")


def picture(grey: int) -> dict[str, bytes | None]:
    stream = io.BytesIO()
    Image.new("L", (4, 5), grey).save(stream, "PNG")
    return {"bytes": stream.getvalue(), "path": None}


def table(**more: Sequence[object]) -> object:
    return pa.table({"size": np.arange(2 * CLASSES) / 8, "label": list(range(CLASSES)) * 2} | more)


@pytest.fixture(params=["memory", "disk"])
def workspace(request: pytest.FixtureRequest, tmp_path: Path) -> Workspace:
    return MEMORY if request.param == "memory" else on_disk(tmp_path)


def test_class_labels_are_classes_however_many_numbers_name_them(
    tmp_path: Path, workspace: Workspace
) -> None:
    folder = hugging_face(tmp_path / "digits", table(), FEATURES)
    target = prepare(folder, WHOLE, workspace=workspace).preparation.target
    assert target == ClassTarget(column="label", names=tuple(NAMES))
    asked = prepare(folder, Wanted(target="label", regression=True), workspace=workspace).preparation.target
    assert isinstance(asked, NumberTarget)


def test_class_labels_of_images_are_classes_and_other_numbers_are_not(
    tmp_path: Path, workspace: Workspace
) -> None:
    pictures = [picture(number) for number in range(2 * CLASSES)]
    folder = hugging_face(tmp_path / "digits", table(image=pictures), FEATURES)
    target = prepare(folder, Wanted(), workspace=workspace).preparation.target
    assert target == ClassTarget(column="class", names=tuple(NAMES))
    sizes = prepare(folder, Wanted(target="size"), workspace=workspace).preparation.target
    assert isinstance(sizes, NumberTarget)


def test_columns_that_metadata_tell_in_a_list_are_left_out_as_nested_ones(tmp_path: Path) -> None:
    nested = table(tags=[["a", "b"]] * 2 * CLASSES)
    features = FEATURES[:-1] + ', "tags": [{"dtype": "string", "_type": "Value"}], "size": null}'
    prepared = prepare(hugging_face(tmp_path / "digits", nested, features), WHOLE)
    assert role(prepared, "tags") == "holds list<item: string>, which no value of a sample is"


def test_images_are_no_target(tmp_path: Path) -> None:
    pictures = [picture(number) for number in range(2 * CLASSES)]
    folder = hugging_face(tmp_path / "digits", table(image=pictures), FEATURES)
    with pytest.raises(InputError, match=r"^The target 'image' holds struct<.*>; name a column of texts"):
        prepare(folder, Wanted(target="image"))


def test_images_need_no_other_columns_than_their_labels_in_the_test_rows(tmp_path: Path) -> None:
    pictures = [picture(number) for number in range(2 * CLASSES)]
    folder = hugging_face(tmp_path / "digits", table(image=pictures), FEATURES)
    path = str(folder / "test" / "data.arrow")
    with pa.OSFile(path, "rb") as source:
        rows = pa.ipc.open_stream(source).read_all().drop_columns(["size"])
    with pa.OSFile(path, "wb") as sink, pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows, max_chunksize=7)
    dataset = prepare(folder, Wanted()).dataset
    assert (np.rint(dataset.x_test[:, 0, 0] * 255) == np.arange(2 * CLASSES)).all()
