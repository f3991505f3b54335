"""`pole spec suggest`: a layer within the key budget, and a network that suits the data."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from pole.api.terms import read_specification
from pole.cli import main


def table(folder: Path, *, samples: int = 80, columns: int = 6) -> Path:
    random = np.random.default_rng(1)
    x = random.normal(0, 1, (samples, columns))
    y = (x[:, 0] + x[:, 1] > 0).astype(np.int64)
    path = folder / "people.npz"
    half = samples // 2
    np.savez(path, x_train=x[:half], y_train=y[:half], x_test=x[half:], y_test=y[half:])
    return path


def suggest(folder: Path, data: Path, *options: str) -> Result:
    out = ("--out", str(folder / "people.json"), "--home", str(folder / "home"), "--seconds", "0.3")
    return CliRunner().invoke(main, ["spec", "suggest", str(data), *out, *options])


@pytest.fixture(scope="module")
def suggested(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    folder = tmp_path_factory.mktemp("suggested")
    return folder, suggest(folder, table(folder), "--json")


def test_what_is_written_breaks_no_rule_of_the_budget(suggested: tuple[Path, Result]) -> None:
    folder, result = suggested
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    (chosen,) = [each for each in found["layers"] if each["chosen"]]
    assert chosen["disclosure"]["breaks"] is None
    specification = read_specification(folder / "people.json")
    assert f"0x{specification.digest().hex()}" == chosen["specDigest"]
    assert specification.input.shape == (6,)


def test_a_layer_that_breaks_a_rule_stands_beside_it_for_what_it_would_reach(
    suggested: tuple[Path, Result],
) -> None:
    layers = json.loads(suggested[1].stdout)["layers"]
    assert layers[-1]["disclosure"]["breaks"] == "rank"
    assert layers[-1]["queries"] == 6
    assert not layers[-1]["chosen"]


def test_a_file_that_cannot_be_written_is_one_sentence_before_anything_is_measured(tmp_path: Path) -> None:
    result = suggest(tmp_path, table(tmp_path), "--out", str(tmp_path / "no" / "file"))
    assert result.exit_code == 2
    assert "name another --out" in result.stderr
