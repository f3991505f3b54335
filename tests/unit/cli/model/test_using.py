"""Models used from the command line: what is refused, and what comes out."""

import csv
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from tests.unit.roles.models.kept import (
    ERROR,
    NAMES,
    OF_ARRAYS,
    OF_IMAGES,
    OF_PRICES,
    OF_TABLE,
    ROWS,
    keep_model,
    random_labels,
    write_rows,
)

from pole.cli import main
from pole.learning.data.preparation import ClassTarget, Encoder, Preparation, TextSource
from pole.learning.preparing.applying import encode, read_rows
from pole.learning.preparing.encoders import fit_encoder, open_encoder
from pole.protocol.mapping.layer import feature_shape
from pole.roles.models.folder import open_model

Run = Callable[..., Result]


@pytest.fixture
def pole(tmp_path: Path) -> Run:
    def run(*words: object) -> Result:
        return CliRunner().invoke(main, ["model", *map(str, words)], env={"POLE_HOME": str(tmp_path)})

    return run


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "new.csv", ROWS)


def test_a_model_that_is_not_here_is_told(pole: Run, rows: Path) -> None:
    result = pole("predict", 4, "--rows", rows)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "There is no model in" in result.stderr


def test_rows_need_the_owners_preparation(pole: Run, rows: Path, tmp_path: Path) -> None:
    keep_model(tmp_path, None)
    result = pole("predict", 1, "--rows", rows)
    assert result.exit_code == 2
    assert "has no preparation, so rows cannot be turned into samples" in result.stderr


@pytest.mark.parametrize("words", [(), ("--rows", "new.csv", "--features", "new.csv")])
def test_what_to_predict_is_named_once(pole: Run, rows: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    keep_model(tmp_path)
    given = [str(rows) if word == "new.csv" else word for word in words]
    result = pole("predict", 1, *given)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)


def test_rows_of_another_table_leave_no_file(pole: Run, tmp_path: Path) -> None:
    keep_model(tmp_path)
    other = write_rows(tmp_path / "other.csv", {"Age": ["3"], "city": ["Bern"]})
    out = tmp_path / "predictions.csv"
    result = pole("predict", 1, "--rows", other, "--out", out)
    assert result.exit_code == 2
    assert "The rows lack the columns" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["models", "other.csv"]


def test_a_wrong_cell_in_the_last_part_leaves_no_file(
    pole: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_model(tmp_path)
    monkeypatch.setattr("pole.roles.models.predicting.MAX_ROWS", 2)
    bad = {**ROWS, "age": ["1", "2", "3", "four"]}
    out = tmp_path / "predictions.csv"
    result = pole("predict", 1, "--rows", write_rows(tmp_path / "bad.csv", bad), "--out", out)
    assert result.exit_code == 2
    assert "'four' in row 4" in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.csv", "models"]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_labels_come_by_name_with_their_probabilities(
    pole: Run, rows: Path, tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = open_model(keep_model(tmp_path)).trained
    monkeypatch.setattr("pole.roles.models.predicting.MAX_ROWS", 3)
    out = tmp_path / f"predictions.{ending}"
    result = pole("predict", 1, "--rows", rows, "--out", out)
    assert result.exit_code == 0
    assert "note: 'city' has values that were not there before: 'Geneva'" in result.stderr
    assert "Predicted 4 rows." in result.stderr
    found = read(out)
    logits = trained.logits(encode(OF_TABLE, read_rows(rows, OF_TABLE)).samples)
    assert found["row"] == [1, 2, 3, 4]
    assert found["prediction"] == [NAMES[label] for label in trained.labels(logits)]
    assert np.allclose([found[f"p({name})"] for name in NAMES], trained.probabilities(logits).T)
    assert np.allclose(found["probability"], trained.probabilities(logits).max(axis=1))


def read(path: Path) -> dict[str, list[Any]]:
    if path.suffix == ".parquet":
        from pyarrow import parquet  # type: ignore[import-untyped]

        table: dict[str, list[Any]] = parquet.read_table(path).to_pydict()
        return table
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    return {
        name: [line[name] if name == "prediction" else float(line[name]) for line in lines]
        for name in lines[0]
    }


def test_without_a_file_the_predictions_are_printed(pole: Run, rows: Path, tmp_path: Path) -> None:
    folder = keep_model(tmp_path, OF_PRICES)
    result = pole("predict", folder, "--rows", rows)
    lines = result.stdout.splitlines()
    assert lines[0] == "row,prediction"
    prices = [float(line.split(",")[1]) for line in lines[1:]]
    assert len(prices) == 4
    assert all((price - 10) % 2.5 == 0 for price in prices)


def test_features_need_no_preparation(pole: Run, tmp_path: Path) -> None:
    trained = open_model(keep_model(tmp_path, None)).trained
    shape = feature_shape(trained.model.specification)
    np.save(tmp_path / "features.npy", np.arange(5 * shape[0]).reshape(5, *shape))
    result = pole("predict", 1, "--features", tmp_path / "features.npy")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 6
    for wrong in (np.zeros((5, 2), dtype=np.int64), np.zeros((5, *shape)), np.full((1, *shape), -1)):
        np.save(tmp_path / "features.npy", wrong)
        refused = pole("predict", 1, "--features", tmp_path / "features.npy")
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert "they are those of another task" in refused.stderr


def test_images_and_arrays_are_predicted_too(pole: Run, tmp_path: Path) -> None:
    from PIL import Image

    keep_model(tmp_path / "images", OF_IMAGES)
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        Image.new("RGB", (30, 20), (80 * number, 10, 200)).save(folder / f"{number}.png")
    assert pole("predict", tmp_path / "images/models/task-1", "--rows", folder).stdout.count("\n") == 4
    by_class = tmp_path / "by class"
    for number, name in enumerate((NAMES[0], "other")):
        (by_class / name).mkdir(parents=True)
        (folder / f"{number}.png").rename(by_class / name / "image.png")
    told = pole("report", tmp_path / "images/models/task-1", "--rows", by_class)
    assert told.stdout.startswith("1 samples, score ")
    assert "1 rows without a label that the model knows are left out." in told.stdout
    keep_model(tmp_path / "arrays", OF_ARRAYS)
    np.save(tmp_path / "x.npy", np.zeros((2, 5)))
    found = pole("predict", tmp_path / "arrays/models/task-1", "--rows", tmp_path / "x.npy")
    assert found.stdout.count("\n") == 3


def test_an_encoder_runs_again_before_prediction(pole: Run, tmp_path: Path) -> None:
    code = (
        "class Lengths:\n    def __call__(self, texts):\n        return [[len(text)] * 4 for text in texts]\n"
    )
    (tmp_path / "lengths.py").write_text(code)
    encoder, _ = fit_encoder(open_encoder(f"{tmp_path}/lengths.py:Lengths"), ["a", "bb", "ccc"])
    target = ClassTarget(column="kind", names=("u", "v", "w"))
    keep_model(tmp_path, Preparation(source=TextSource(column="text"), encoder=encoder, target=target))
    (tmp_path / "rows.csv").write_text("text,kind\na,u\nbbb,v\n")
    missing = pole("predict", 1, "--rows", tmp_path / "rows.csv")
    assert missing.exit_code == 2
    assert "The encoder lengths.py:Lengths is not at" in missing.stderr
    given = ("--rows", tmp_path / "rows.csv", "--encoder", tmp_path / "lengths.py")
    assert len(pole("predict", 1, *given).stdout.splitlines()) == 3
    assert pole("report", 1, *given).exit_code == 0
    (tmp_path / "lengths.py").write_text(code + "# another\n")
    assert "is not the encoder that the data were prepared with" in pole("predict", 1, *given).stderr


def test_a_frozen_encoder_runs_again_where_it_is_the_same(pole: Run, rows: Path, tmp_path: Path) -> None:
    source = b"class Net:\n    def __call__(self, rows):\n        return rows[:, :3] * 2\n"
    encoder = Encoder(
        name="net.py:Net", digest=sha256(source).hexdigest(), width=3, low=(0, 0, 0), high=(2, 2, 2)
    )
    folder = keep_model(tmp_path, OF_TABLE.model_copy(update={"encoder": encoder}))
    for place in (folder / "net.py", tmp_path / "net.py"):
        missing = pole("predict", 1, "--rows", rows)
        assert (missing.exit_code, "The encoder net.py:Net is not at" in missing.stderr) == (2, True)
        place.write_bytes(source)
        named = () if place.parent == folder else ("--encoder", place)
        assert pole("predict", 1, "--rows", rows, *named).stdout.count("\n") == 5
        exported = pole("export", 1, "--to", "onnx", "--rows", rows, *named)
        assert "1,028 rows give the canonical answer" in exported.stdout
        assert "What goes in is what the encoder net.py:Net makes of a row." in exported.stdout
        place.write_bytes(source + b"#")
        changed = pole("predict", 1, "--rows", rows, *named)
        assert (changed.exit_code, "is not the encoder that the data" in changed.stderr) == (2, True)
        place.unlink()


def test_a_report_needs_the_target(pole: Run, rows: Path, tmp_path: Path) -> None:
    keep_model(tmp_path)
    result = pole("report", 1, "--rows", rows)
    assert result.exit_code == 2
    assert "have no column 'answer', which tells what is right" in result.stderr
    unknown = write_rows(tmp_path / "unknown.csv", {**ROWS, "answer": ["a", "b", "", "c"]})
    assert "nothing to report on" in pole("report", 1, "--rows", unknown).stderr


def test_a_report_counts_classes(pole: Run, tmp_path: Path) -> None:
    trained = open_model(keep_model(tmp_path)).trained
    many = {name: cells * 50 for name, cells in ROWS.items()}
    many["age"] = [str(number % 90) for number in range(200)]
    many["answer"] = random_labels(200)
    rows = write_rows(tmp_path / "labelled.csv", many)
    found = json.loads(pole("report", 1, "--rows", rows, "--json").stdout)
    encoded = encode(OF_TABLE, read_rows(rows, OF_TABLE))
    assert encoded.labels is not None
    pairs = list(zip(encoded.labels.tolist(), trained.labels(trained.logits(encoded.samples)), strict=True))
    assert found["confusion"] == [[pairs.count((a, b)) for b in range(3)] for a in range(3)]
    assert found["score"] == sum(a == b for a, b in pairs) == round(200 * found["accuracy"])
    for label, each in enumerate(found["classes"]):
        hits = pairs.count((label, label))
        occurring = sum(a == label for a, _ in pairs) + sum(b == label for _, b in pairs)
        assert each["f1"] == pytest.approx(2 * hits / occurring)
    assert found["macroF1"] == pytest.approx(sum(each["f1"] for each in found["classes"]) / 3)
    assert sum(each["samples"] for each in found["calibration"]) == 200
    shown = pole("report", 1, "--rows", rows, "--picture", tmp_path / "report.png")
    assert "Confusion: a row is a class" in shown.stdout
    assert (tmp_path / "report.png").read_bytes().startswith(b"\x89PNG")


def test_a_report_of_a_regression_is_in_its_unit(pole: Run, tmp_path: Path) -> None:
    keep_model(tmp_path, OF_PRICES)
    rows = write_rows(tmp_path / "labelled.csv", {**ROWS, "price": ["10", "20", "30.2", ""]})
    result = pole("report", 1, "--rows", rows, "--picture", tmp_path / "report.png")
    assert result.exit_code == 0
    assert "3 samples" in result.stdout
    assert "1 rows without a label" in result.stdout
    assert "€, root mean square error" in result.stdout
    found = json.loads(pole("report", 1, "--rows", rows, "--json").stdout)
    assert found["unit"] == "€"
    assert ERROR["name"] == "mean_absolute_error"


def test_models_are_listed_also_where_one_is_damaged(pole: Run, tmp_path: Path) -> None:
    folder = keep_model(tmp_path)
    damaged = tmp_path / "models" / "task-2"
    damaged.mkdir()
    (damaged / "model.json").write_text("{}")
    result = pole("list")
    assert result.exit_code == 0
    assert "0x90F8…c9C1  90.0 %  80.0 %" in result.stdout
    assert f"{damaged} (damaged: get it again)" in result.stdout
    first, second = json.loads(pole("list", "--json").stdout)
    assert (first["taskId"], first["folder"]) == (1, str(folder))
    assert second == {"folder": str(damaged), "damaged": True}
