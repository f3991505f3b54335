"""New rows meet a preparation: what fits is encoded by its rules, what does not is one sentence."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pyarrow import parquet

from pole.errors import InputError
from pole.learning.data.preparation import (
    ArraySource,
    CategoryColumn,
    ClassTarget,
    ImageSource,
    NumberColumn,
    NumberTarget,
    Preparation,
    TableSource,
    TimeColumn,
    TruthColumn,
)
from pole.learning.preparing.applying import encode, parts, read_rows, rows_of

CHURN = ClassTarget(column="churned", names=("no", "yes"))
PEOPLE = Preparation(
    source=TableSource(
        columns=(
            NumberColumn(name="age", low=0, high=100, fill=40, indicator=True),
            CategoryColumn(name="town", values=("Bern", "7")),
            TruthColumn(name="member", fill=True),
            TimeColumn(name="since", low=0, high=864000, fill=0),
        )
    ),
    target=CHURN,
)
CSV = "churned,age,town,member,since\nyes,50,Bern,no,1970-01-02\nno,,Ulm,,1970-01-06T00:00:00+00:00\n"
ROWS = [[0.5, 0, 1, 0, 0, 0.1], [0.4, 1, 0, 0, 1, 0.5]]


def csv(tmp_path: Path, text: str) -> Any:
    path = tmp_path / "rows.csv"
    path.write_text(text, encoding="utf-8")
    return read_rows(path, PEOPLE)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("age,town,member\n1,Bern,yes\n", "^The rows lack the column 'since' that the model takes; add them"),
        ("Age,town,member,since\n1,a,y,\n", "lack the column 'age' .*; rename 'Age' to 'age'\\.$"),
        ("age,town,member,since\nold,a,y,\n", "^Column 'age' holds 'old' in row 1, which is no number"),
        ("age,town,member,since\n1,a,y,\n1,a,3,\n", "'member' holds '3' in row 2, which is no yes or no"),
        ("age,town,member,since\n1,a,y,31.12.1999\n", "'since' holds '31.12.1999' .* is no date or time"),
        ("age,age,town,member,since\n1,1,a,y,\n", "has columns of the same name: 'age'; rename one"),
        ("age,town,member,since\n", "has no rows"),
        (
            "age,town,member,since\n1,a\n",
            "^.*rows.csv is no usable table .*; save it again, as UTF-8 if it is CSV\\.$",
        ),
        ("", "is empty"),
    ],
)
def test_rows_that_do_not_fit_are_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        encode(PEOPLE, csv(tmp_path, text))


def test_rows_become_samples_and_labels(tmp_path: Path) -> None:
    encoded = encode(PEOPLE, csv(tmp_path, CSV))
    assert encoded.samples.tolist() == ROWS
    assert encoded.labels is not None
    assert encoded.labels.tolist() == [1, 0]
    assert encoded.notes == ("'town' has values that were not there before: 'Ulm'",)


def test_a_files_own_types_change_nothing(tmp_path: Path) -> None:
    table = {
        "since": [date(1970, 1, 2), date(1970, 1, 6)],
        "town": pa.array(["Bern", None]).dictionary_encode(),
        "age": pa.array([50, None], pa.int8()),
        "member": [False, None],
        "photograph": [b"", b""],
    }
    parquet.write_table(pa.table(table), tmp_path / "rows.parquet")
    for rows in (read_rows(tmp_path / "rows.parquet", PEOPLE), rows_of(table, PEOPLE)):
        encoded = encode(PEOPLE, rows)
        assert encoded.samples.tolist() == ROWS
        assert encoded.labels is None


@pytest.mark.parametrize("seven", [pa.array([7]), pa.array([7.0]), pa.array(["7"]), pa.array([" 7.0 "])])
def test_a_number_is_the_same_category_whatever_its_type(seven: Any) -> None:
    rows = {"age": [1], "town": seven, "member": [True], "since": [None]}
    assert encode(PEOPLE, rows_of(rows, PEOPLE)).samples[0, 2:4].tolist() == [0, 1]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(), st.integers(-(2**60), 2**60)), min_size=1, max_size=5))
def test_numbers_are_the_same_as_texts_and_as_floats(ages: list[float | None]) -> None:
    others = {"town": ["a"] * len(ages), "member": [True] * len(ages), "since": [None] * len(ages)}
    floats = [None if age is None else float(age) for age in ages]
    as_floats = encode(PEOPLE, rows_of({"age": pa.array(floats, pa.float64()), **others}, PEOPLE)).samples
    told = ["" if age is None else repr(age) for age in floats]
    as_texts = encode(PEOPLE, rows_of({"age": told, **others}, PEOPLE)).samples
    assert as_texts.tobytes() == as_floats.tobytes()
    assert as_floats.min() >= 0
    assert as_floats.max() <= 1


def test_a_number_is_the_nearest_step_of_the_targets_grid() -> None:
    target = NumberTarget(column="price", low=100, step=50, steps=10, unit="EUR")
    source = TableSource(columns=(NumberColumn(name="size", low=0, high=1, fill=0),))
    rows = {"size": [0.0] * 5, "price": [90, 124, 126, 9000, None]}
    labels = encode(Preparation(source=source, target=target), rows_of(rows, PEOPLE)).labels
    assert labels is not None
    assert labels.tolist() == [0, 0, 1, 9, -1]


@pytest.mark.parametrize(("channels", "shape"), [(1, (4, 6)), (3, (3, 4, 6))])
def test_images_are_made_one_size_and_divided_by_255(
    tmp_path: Path, channels: Any, shape: tuple[int, ...]
) -> None:
    for name, mode in (("a.png", "L"), ("b.jpg", "RGB"), ("c.png", "RGBA"), ("d.png", "P"), ("e.png", "1")):
        Image.new(mode, (12, 8)).save(tmp_path / name)
    preparation = Preparation(source=ImageSource(height=4, width=6, channels=channels), target=CHURN)
    rows = read_rows(tmp_path, preparation)
    samples = np.concatenate([encode(preparation, part).samples for part in parts(rows, 2)])
    assert samples.shape == (5, *shape)
    assert samples[0].max() == 0
    # What is transparent lies on white.
    assert samples[2].min() == 1
    with pytest.raises(InputError, match=r"^There are no images"):
        read_rows(tmp_path.parent / "nowhere", preparation)


def test_a_damaged_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    preparation = Preparation(source=ImageSource(height=4, width=6, channels=1), target=CHURN)
    with pytest.raises(InputError, match=r"a\.png is no usable image .*; save it again as PNG or JPEG"):
        encode(preparation, read_rows(tmp_path, preparation))


def test_arrays_are_ranged_value_by_value(tmp_path: Path) -> None:
    source = ArraySource(shape=(2,), low=(0, 10), high=(2, 20))
    preparation = Preparation(source=source, target=CHURN)
    np.savez(tmp_path / "rows.npz", x=np.array([[1, 12], [5, 0]]))
    rows = read_rows(tmp_path / "rows.npz", preparation)
    assert encode(preparation, rows).samples.tolist() == [[0.5, 0.2], [1, 0]]
    with pytest.raises(InputError, match=r"of shape \[1, 3\], but the model takes"):
        encode(preparation, np.zeros((1, 3)))
