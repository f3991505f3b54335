"""Models exported from the command line: what is refused leaves nothing, what is written runs elsewhere."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from tests.unit.roles.models.kept import (
    NAMES,
    OF_IMAGES,
    OF_PRICES,
    OF_TABLE,
    ROWS,
    keep_model,
    write_rows,
)

from pole.cli import main
from pole.learning.exporting.onnx_file import OnnxModel
from pole.learning.exporting.python_file import PythonModel
from pole.learning.preparing.applying import encode, read_rows
from pole.roles.models.folder import open_model

Run = Callable[..., Result]


@pytest.fixture
def pole(tmp_path: Path) -> Run:
    def run(*words: object) -> Result:
        return CliRunner().invoke(main, ["model", *map(str, words)], env={"POLE_HOME": str(tmp_path)})

    return run


def test_a_name_of_another_kind_is_refused(pole: Run, tmp_path: Path) -> None:
    keep_model(tmp_path)
    result = pole("export", 1, "--to", "onnx", "--out", tmp_path / "model.pt2")
    assert (result.exit_code, "let its name end with .onnx" in result.stderr) == (2, True)
    result = pole("export", 1, "--to", "onnx", "--out", tmp_path / "no" / "model.onnx")
    assert (result.exit_code, "is not there" in result.stderr) == (2, True)


@pytest.mark.parametrize(("kind", "opened"), [("onnx", OnnxModel), ("python", PythonModel)])
def test_a_file_that_answers_otherwise_is_removed(
    pole: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, opened: Any
) -> None:
    folder = keep_model(tmp_path)
    before = sorted(folder.iterdir())
    truth = opened.run

    def lie(self: Any, inputs: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = truth(self, inputs)
        found["logits"][-1, 0] += 1
        return found

    monkeypatch.setattr(opened, "run", lie)
    result = pole("export", 1, "--to", kind)
    assert result.exit_code == 4
    assert "computes another logits than canonical evaluation in row 256 of its check" in result.stderr
    assert sorted(folder.iterdir()) == before


def test_an_onnx_file_takes_columns_by_name(pole: Run, tmp_path: Path) -> None:
    trained = open_model(keep_model(tmp_path)).trained
    rows = write_rows(tmp_path / "test.csv", ROWS)
    result = pole("export", 1, "--to", "onnx", "--out", tmp_path / "m.onnx", "--rows", rows, "--json")
    told = json.loads(result.stdout)
    assert told["rowsChecked"] == 1028
    assert [port["name"] for port in told["inputs"]] == list(ROWS)
    columns = {
        "age": np.array([18, np.nan, 33.5, 200]),
        "income, yearly": np.array([1000, -500, np.nan, 45]),
        "city": np.array(["Zürich", "Geneva", "", "1"], dtype=object),
        "member": np.array([1, 0, np.nan, 1.0]),
        "since": np.array([981158400, 915184800, np.nan, 1999987200]),
    }
    found = OnnxModel(tmp_path / "m.onnx").run(columns)
    given = {**ROWS, "city": ["Zürich", "Geneva", "", "1"]}
    encoded = encode(OF_TABLE, read_rows(write_rows(tmp_path / "same.csv", given), OF_TABLE))
    logits = trained.logits(encoded.samples)
    assert np.array_equal(found["logits"], logits)
    assert found["label_name"].tolist() == [NAMES[label] for label in trained.labels(logits)]


def test_an_estimator_runs_without_pole(pole: Run, tmp_path: Path) -> None:
    keep_model(tmp_path, OF_PRICES)
    rows = write_rows(tmp_path / "rows.csv", ROWS)
    assert pole("export", 1, "--to", "python", "--out", tmp_path / "prices.py").exit_code == 0
    program = """
import sys
sys.modules["pole"] = None
import numpy as np
from prices import load
columns = {
    "age": ["18", "", "33.5", "200"], "income, yearly": [1000, -500, None, 45],
    "city": ["Zürich", "Geneva", "", 1.0], "member": [1, 0, None, True],
    "since": np.array(["2001-02-03", "1999-01-01T10:00", "NaT", "2033-05-18"], dtype="datetime64[us]"),
}
print(load().fit(None).predict(columns).tolist())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    predicted = pole("predict", 1, "--rows", rows).stdout.splitlines()[1:]
    assert json.loads(done.stdout) == [float(line.split(",")[1]) for line in predicted]


def test_images_go_in_as_bytes(pole: Run, tmp_path: Path) -> None:
    keep_model(tmp_path, OF_IMAGES)
    result = pole("export", 1, "--to", "onnx")
    assert "images      uint8  rows x 3 x 4 x 6" in result.stdout
    assert "exact on onnxruntime's processor provider" in result.stdout


def test_samples_go_in_where_the_preparation_is_not_here(pole: Run, tmp_path: Path) -> None:
    keep_model(tmp_path, None)
    np.save(tmp_path / "x.npy", np.linspace(0, 1, 81).reshape(9, 9))
    result = pole("export", 1, "--to", "onnx", "--rows", tmp_path / "x.npy", "--json")
    assert json.loads(result.stdout)["inputs"][0]["name"] == "samples"
    assert json.loads(result.stdout)["rowsChecked"] == 1033
