"""Sources become data sets: typed, split, fitted on the training rows, and what was left out is said."""

import io
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl  # type: ignore[import-untyped]
import pyarrow as pa  # type: ignore[import-untyped]
import pytest
from PIL import Image
from pyarrow import feather, parquet

from pole.errors import InputError
from pole.learning.data.preparation import (
    CategoryColumn,
    ClassTarget,
    ImageSource,
    NumberColumn,
    NumberTarget,
    TableSource,
    TimeColumn,
    TruthColumn,
)
from pole.learning.preparing.applying import encode, read_rows
from pole.learning.preparing.preparing import Prepared, Wanted, prepare, prepare_frame

ROWS = 100
RANDOM = np.random.default_rng(4)


def columns(**changes: Any) -> dict[str, list[Any]]:
    whole: dict[str, list[Any]] = {
        "id": [7 * number + 1000 for number in range(ROWS)],
        "row": list(range(ROWS)),
        "age": [None if number % 10 == 0 else 20 + number % 50 for number in range(ROWS)],
        "town": [("Bern", "Ulm", "Graz")[number % 3] for number in range(ROWS)],
        "member": [number % 2 == 0 for number in range(ROWS)],
        "since": [date(2020, 1, 1 + number % 28) for number in range(ROWS)],
        "name": [f"customer {number}" for number in range(ROWS)],
        "same": ["x"] * ROWS,
        "churned": [("no", "yes")[number % 2] for number in range(ROWS)],
    }
    return whole | changes


def written(folder: Path, kind: str) -> Path:
    table, path = pa.table(columns()), folder / f"rows.{kind}"
    match kind:
        case "csv" | "tsv":
            mark = "," if kind == "csv" else "\t"
            lines = [mark.join(table.column_names)]
            lines += [
                mark.join("" if c is None else str(c) for c in row)
                for row in zip(*columns().values(), strict=True)
            ]
            path.write_text("\n".join(lines))
        case "parquet":
            parquet.write_table(table, path)
        case "feather":
            feather.write_feather(table, path)
        case "arrows":
            with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
                writer.write_table(table)
        case "xlsx":
            book = openpyxl.Workbook()
            book.active.append(table.column_names)
            for row in zip(*columns().values(), strict=True):
                book.active.append(row)
            book.save(path)
    return path


def role(prepared: Prepared, name: str) -> str:
    [told] = [each for each in prepared.columns if each.name == name]
    return told.remark or told.role


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet", "feather", "arrows", "xlsx"])
def test_every_kind_of_file_makes_the_same_data_set(tmp_path: Path, kind: str) -> None:
    prepared = prepare(written(tmp_path, kind), Wanted(target="churned"))
    frame = prepare_frame(columns(), Wanted(target="churned"))
    assert prepared.preparation == frame.preparation
    assert prepared.dataset.x_train.tobytes() == frame.dataset.x_train.tobytes()
    assert prepared.dataset.y_test.tolist() == frame.dataset.y_test.tolist()
    assert isinstance(prepared.preparation.source, TableSource)
    kinds = {each.name: type(each) for each in prepared.preparation.source.columns}
    assert kinds == {"age": NumberColumn, "town": CategoryColumn, "member": TruthColumn, "since": TimeColumn}
    assert role(prepared, "id").startswith("identifies the row")
    assert role(prepared, "row") == "numbers the rows"
    assert role(prepared, "name").startswith("identifies the row")
    assert role(prepared, "same") == "has one value in every training row"


def test_each_class_gives_its_part_to_the_test_set_and_the_seed_draws_it_again() -> None:
    rare = columns(churned=["yes"] * 10 + ["no"] * 89 + ["never"])
    first, again, other = (
        prepare_frame(rare, Wanted(target="churned", test_part=0.2, seed=seed)).dataset for seed in (1, 1, 2)
    )
    assert np.bincount(first.y_test).tolist() == [0, 18, 2]
    assert np.bincount(first.y_train).tolist() == [1, 71, 8]
    assert first.x_train.tobytes() == again.x_train.tobytes() != other.x_train.tobytes()


def test_an_outlier_is_clipped_and_said() -> None:
    ages: list[float] = [20.0 + number % 50 for number in range(ROWS)]
    ages[3], ages[50] = 1e6, -1e9
    prepared = prepare_frame(columns(age=ages), Wanted(target="churned"))
    assert isinstance(prepared.preparation.source, TableSource)
    [age] = [each for each in prepared.preparation.source.columns if isinstance(each, NumberColumn)]
    assert (age.low, age.high) == pytest.approx((20, 69), abs=60)
    # The other one may be a test row.
    assert sum(each.clipped for each in prepared.columns) in (1, 2)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ([number % 3 + 1 for number in range(ROWS)], ("1", "2", "3")),
        ([10 * (number % 2) for number in range(ROWS)], ("0", "10")),
        ([number % 2 == 1 for number in range(ROWS)], ("false", "true")),
        ([f"{number % 12}" for number in range(ROWS)], tuple(map(str, range(12)))),
    ],
)
def test_labels_have_names_in_their_order(target: list[Any], expected: tuple[str, ...]) -> None:
    made = prepare_frame(columns(churned=target), Wanted(target="churned")).preparation.target
    assert isinstance(made, ClassTarget)
    assert made.names == expected


@pytest.mark.parametrize(
    ("target", "grid"),
    [
        (list(range(ROWS)), (0, 1, 100)),
        ([number / 8 for number in range(ROWS)], (0, 0.2, 63)),
        ([1000.5 * number for number in range(ROWS)], (0, 2000, 51)),
    ],
)
def test_a_target_of_numbers_has_a_grid_of_round_steps(
    target: list[float], grid: tuple[float, float, int]
) -> None:
    prepared = prepare_frame(columns(churned=target), Wanted(target="churned", unit="EUR", test_part=0.01))
    made = prepared.preparation.target
    assert isinstance(made, NumberTarget)
    assert (made.low, made.step) == pytest.approx(grid[:2])
    assert made.steps == pytest.approx(grid[2], abs=2)
    assert made.unit == "EUR"


def test_rows_without_a_target_and_test_rows_of_unknown_classes_are_left_out_and_said() -> None:
    test = columns(churned=["perhaps"] + ["no"] * (ROWS - 1))
    churned = [None, *columns()["churned"][1:]]
    prepared = prepare_frame(columns(churned=churned), Wanted(target="churned"), test)
    assert len(prepared.dataset.x_train) == len(prepared.dataset.x_test) == ROWS - 1
    assert prepared.notes == (
        "Rows without 'churned' that are left out: 1.",
        "Test rows of a class that no training row has, which are left out: 1.",
    )


@pytest.mark.parametrize(
    ("frame", "wanted", "sentence"),
    [
        (columns(), Wanted(), r"^Name the column to learn by --target; there are 'id', 'row'"),
        (columns(), Wanted(target="Churned"), r"^The table has no column 'Churned'; 'churned' is one\.$"),
        (columns(), Wanted(target="churned", dropped=("agee",)), r"no column 'agee'; 'age' is one"),
        (columns(churned=["no"] * ROWS), Wanted(target="churned"), r"has 1 classes in the training rows"),
        (columns(churned=[1.5] * ROWS), Wanted(target="churned"), r"has one value in all training rows"),
        (columns(), Wanted(target="churned", regression=True), r"holds 'no', which is no number"),
        (columns(), Wanted(target="churned", seed=-1), r"^The seed is -1; name one of 0 or more\.$"),
        (columns(churned=[None] * ROWS), Wanted(target="churned"), r"^There are no training rows with a"),
        (
            {"a": [1] * 8, "b": [0, 1] * 4},
            Wanted(target="b"),
            r"^No column of frame can be learned from \('a' has",
        ),
        ({"a": [1, 2], "b": [0]}, Wanted(target="b"), r"^A dict is no table here"),
        (7, Wanted(target="b"), r"^A int is no table here"),
    ],
)
def test_what_cannot_be_learned_is_one_sentence(frame: object, wanted: Wanted, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        prepare_frame(frame, wanted)


def test_cells_of_another_type_are_missing_in_a_column_of_numbers_and_said() -> None:
    ages = [str(number) for number in range(ROWS)]
    ages[::25] = ["?", "twelve", "12,5 years", "n/a"]
    prepared = prepare_frame(columns(age=ages), Wanted(target="churned"))
    assert "are no number: taken as missing" in role(prepared, "age")


def test_a_european_csv_has_semicolons_and_decimal_commas(tmp_path: Path) -> None:
    lines = [f"{number % 7},5;{number % 2}" for number in range(ROWS)]
    (tmp_path / "a.csv").write_text("\ufeffsize;kind\n" + "\n".join(lines), encoding="utf-8")
    source = prepare(tmp_path / "a.csv", Wanted(target="kind")).preparation.source
    assert isinstance(source, TableSource)
    [size] = source.columns
    assert isinstance(size, NumberColumn)
    assert (size.low, size.high) == (0.5, 6.5)


def images(folder: Path, mode: str = "L") -> Path:
    for number in range(12):
        path = folder / "pictures" / ("cats", "dogs")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new(mode, (6 + number % 2, 5), number).save(path)
    return folder / "pictures"


def test_folders_of_images_are_classes(tmp_path: Path) -> None:
    folder = images(tmp_path)
    with pytest.raises(InputError, match=r"have 2 sizes \(5x6, 5x7, …\); name one by --size"):
        prepare(folder, Wanted())
    counts: list[int] = []
    prepared = prepare(folder, Wanted(size=(4, 3)), counts.append)
    assert prepared.preparation.source == ImageSource(height=4, width=3, channels=1)
    assert prepared.preparation.target == ClassTarget(column="class", names=("cats", "dogs"))
    assert prepared.dataset.x_train.shape == (10, 4, 3)
    assert counts == [12]
    rows = read_rows(folder / "dogs", prepared.preparation)
    assert encode(prepared.preparation, rows).samples.max() == 11 / 255


def test_images_may_be_split_by_folders(tmp_path: Path) -> None:
    (tmp_path / "all").mkdir()
    images(tmp_path / "a", "RGB").rename(tmp_path / "all" / "train")
    images(tmp_path / "b", "RGB").rename(tmp_path / "all" / "test")
    dataset = prepare(tmp_path / "all", Wanted(size=(4, 4))).dataset
    assert (dataset.x_train.shape, dataset.x_test.shape) == ((12, 3, 4, 4), (12, 3, 4, 4))


def hugging_face(folder: Path, table: Any, features: str) -> Path:
    for split in ("train", "test"):
        (folder / split).mkdir(parents=True)
        (folder / split / "state.json").write_text('{"_data_files": [{"filename": "data.arrow"}]}')
        made = table.replace_schema_metadata({"huggingface": f'{{"info": {{"features": {features}}}}}'})
        path = str(folder / split / "data.arrow")
        with pa.OSFile(path, "wb") as sink, pa.ipc.new_stream(sink, made.schema) as writer:
            writer.write_table(made)
    (folder / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    return folder


LABELS = '{"label": {"_type": "ClassLabel", "names": ["cat", "dog"]}}'


def test_a_hugging_face_data_set_keeps_its_splits_and_names(tmp_path: Path) -> None:
    table = pa.table({"size": [1.0, 2.0, 3.0, 4.5], "label": [0, 1, 1, -1]})
    prepared = prepare(hugging_face(tmp_path / "pets", table, LABELS), Wanted(target="label"))
    assert prepared.preparation.target == ClassTarget(column="label", names=("cat", "dog"))
    assert (len(prepared.dataset.x_train), len(prepared.dataset.x_test)) == (3, 3)
    encoded = encode(prepared.preparation, read_rows(tmp_path / "pets", prepared.preparation))
    assert encoded.labels is not None
    assert encoded.labels.tolist() == [0, 1, 1, -1]


def test_a_hugging_face_data_set_may_hold_images(tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (4, 5)).save(stream, "PNG")
    pictures = [{"bytes": stream.getvalue(), "path": None}] * 4
    table = pa.table({"image": pictures, "label": [0, 1, 1, 0]})
    prepared = prepare(hugging_face(tmp_path / "pets", table, LABELS), Wanted())
    assert prepared.preparation.source == ImageSource(height=5, width=4, channels=3)
    assert prepared.dataset.y_test.tolist() == [0, 1, 1, 0]


def test_arrays_of_any_labels_are_numbered(tmp_path: Path) -> None:
    x, y = RANDOM.normal(size=(60, 3)), np.arange(60) % 3 + 1
    x[0] = 1e6
    np.savez(tmp_path / "a.npz", x=x, y=y)
    prepared = prepare(tmp_path / "a.npz", Wanted())
    assert prepared.preparation.target == ClassTarget(column="y", names=("1", "2", "3"))
    assert np.median(prepared.dataset.x_train) == pytest.approx(0.5, abs=0.2)
    np.savez(tmp_path / "b.npz", x=np.zeros((60, 8, 8, 3)), y=y)
    with pytest.raises(
        InputError, match=r"looks like \(n, height, width, channels\); save it as .*transpose"
    ):
        prepare(tmp_path / "b.npz", Wanted())
