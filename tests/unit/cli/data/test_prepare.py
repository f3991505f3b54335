"""`pole data prepare` and `pole data show`: a file goes in, a data set comes out, and what is amiss is "
"said."""

import json
import re
from pathlib import Path
from random import SystemRandom

import numpy as np
import pytest
from click.testing import CliRunner, Result
from scripts.stress.fuzz import examples
from scripts.stress.fuzz.mutations import mutated
from scripts.stress.fuzz.trial import seeded
from tests.unit.cli.task.test_post import SPECIFICATION

from pole.cli import main
from pole.learning.data.datasets import load

ROWS = 60
MUTATED = 30


def pole(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["data", *map(str, arguments)])


def table(folder: Path) -> Path:
    lines = ["age,town,note,bought"]
    lines += [
        f"{20 + row % 9},{'AB'[row % 2]},text {row},{('no', 'yes')[row % 3 == 0]}" for row in range(ROWS)
    ]
    (folder / "rows.csv").write_text("\n".join(lines))
    return folder / "rows.csv"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--target", "baught"], "error: The table has no column 'baught'; 'bought' is one."),
        (["--target", "age", "--classes", "--drop", "x"], "error: The table has no column 'x'; there are"),
        (["--target", "bought", "--out", "rows.csv"], "rows.csv does not end in .pole"),
        (["--target", "bought", "--out", "nowhere/rows.pole"], "There is no folder nowhere"),
        (["--target", "bought", "--test-part", "120%"], "'120%' is no part of the rows"),
        (["--target", "bought", "--size", "28"], "'28' is no size"),
        (["--target", "bought", "--seed", "-1"], "-1 is not in the range x>=0"),
    ],
)
def test_what_cannot_be_prepared_is_one_sentence_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = pole("prepare", table(tmp_path), "--out", "rows.pole", *options)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["rows.csv"]


DAMAGED = {
    "csv": examples.texts(),
    "parquet": (examples.parquet(),),
    "arrow": examples.arrow(),
    "xlsx": (examples.workbook(),),
    "npz": examples.arrays(),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged_files_end_in_one_sentence_and_leave_nothing(tmp_path: Path, kind: str) -> None:
    source, out = tmp_path / f"rows.{kind}", tmp_path / "rows.pole"
    seed = SystemRandom().getrandbits(32)
    random = seeded(seed, kind)
    for _ in range(MUTATED):
        source.write_bytes(mutated(random, DAMAGED[kind]))
        result = pole("prepare", source, "--target", "age", "--out", out)
        assert result.exit_code == (0 if out.is_file() else 2), f"seed {seed}: {result.output}"
        if result.exit_code:
            assert re.fullmatch(r"error: .*\.\n", result.stderr), f"seed {seed}"
        out.unlink(missing_ok=True)
        assert list(tmp_path.iterdir()) == [source]


def test_a_damaged_image_or_data_set_ends_in_one_sentence(tmp_path: Path) -> None:
    seed = SystemRandom().getrandbits(32)
    random = seeded(seed, "images")
    folder, out = tmp_path / "photos", tmp_path / "photos.pole"
    for name in ("cats", "dogs"):
        (folder / name).mkdir(parents=True)
        for number in range(3):
            (folder / name / f"{number}.png").write_bytes(examples.images()[0])
    for _ in range(MUTATED):
        (folder / "cats" / "0.png").write_bytes(mutated(random, examples.images()))
        result = pole("prepare", folder, "--size", "4x4", "--out", out, "--test-part", "0.4")
        assert result.exit_code == (0 if out.is_file() else 2), f"seed {seed}: {result.output}"
        out.unlink(missing_ok=True)
        out.write_bytes(mutated(random, (examples.prepared(),)))
        assert pole("show", out, "--home", tmp_path).exit_code in (0, 2), f"seed {seed}"
        out.unlink()


def test_a_table_becomes_a_data_set_and_what_became_of_it_is_told(tmp_path: Path) -> None:
    out = tmp_path / "rows.pole"
    result = pole("prepare", table(tmp_path), "--target", "bought", "--out", out)
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[1] == ["age", "number", "1", "0", "0"]
    assert lines[3][:3] == ["note", "left", "out"]
    assert "The target bought has 2 classes: no 66.7 %, yes 33.3 %." in result.stdout
    assert load(str(out), None).input_shape == (3,)
    again = json.loads(pole("prepare", table(tmp_path), "--target", "bought", "--out", out, "--json").stdout)
    assert (again["trainCount"], again["testCount"], again["classCounts"]) == (48, 12, [32, 16])


def test_show_tells_what_is_amiss(tmp_path: Path) -> None:
    out = tmp_path / "rows.pole"
    pole("prepare", table(tmp_path), "--target", "bought", "--out", out)
    shown = pole("show", out, "--home", tmp_path).stdout
    assert "The samples fill 2 of 3 dimensions (affine rank)" in shown
    assert "town=A" in shown
    assert "test samples (100%) equal a training sample" in shown
    assert "equal one with another label" not in shown


def test_show_says_what_a_specification_would_disclose(tmp_path: Path) -> None:
    x, y = np.random.default_rng(1).normal(size=(40, 4)), np.arange(40) % 3
    np.savez(tmp_path / "own.npz", x_train=x, y_train=y, x_test=x[:9], y_test=np.zeros(9, dtype=int))
    (tmp_path / "spec.json").write_text(json.dumps(SPECIFICATION))
    document = json.loads(
        pole(
            *("show", tmp_path / "own.npz", "--spec", tmp_path / "spec.json"),
            *("--home", tmp_path, "--json"),
        ).stdout
    )
    assert document["affineRank"] == 4
    assert document["equalAcross"] == 9
    assert document["disclosure"]["functions"] >= 1
    assert any("The test set has one class alone" in sentence for sentence in document["advice"])
