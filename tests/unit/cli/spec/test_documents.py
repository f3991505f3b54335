"""`pole spec`: what a specification asks for, and how to make one of a torch module."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pole.cli import main
from pole.protocol.models.specification import parse_specification

EXAMPLES = Path(__file__).parents[4] / "examples"
TRANSFORMER = f"{EXAMPLES / 'transformer.py'}:make"
TILES = ("--input", "28x28", "--mapping", "blocks", "--tile", "14x14")


def pole(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["spec", *map(str, arguments)])


def from_torch(folder: Path, text: str, *options: str) -> Result:
    file = folder / "user.py"
    file.write_text(f"from torch import nn\ndef make():\n    return {text}\n")
    return pole("from-torch", f"{file}:make", *options)


@pytest.mark.parametrize("command", ["show", "check"])
def test_a_specification_that_is_not_there_or_not_usable_is_one_sentence(
    tmp_path: Path, command: str
) -> None:
    (tmp_path / "spec.json").write_text('{"version": 1}')
    missing, broken = pole(command, tmp_path / "no.json"), pole(command, tmp_path / "spec.json")
    assert (missing.exit_code, broken.exit_code) == (2, 2)
    assert "cannot be read" in missing.stderr
    assert "lacks the field input; add it" in broken.stderr


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("user.py",), "names no factory"),
        (("user.py:make",), "needs --input"),
        (("user.py:make", "--input", "4 by 4"), "'4 by 4' is no shape"),
        (("user.py:make", "--input", "4"), "There is no Python file user.py"),
    ],
)
def test_what_is_missing_is_said_before_anything_runs(options: tuple[str, ...], sentence: str) -> None:
    result = pole("from-torch", *options, *(("--input", "4") if options == ("user.py",) else ()))
    assert result.exit_code == 2
    assert sentence in result.stderr


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--mapping", "blocks"), "needs --tile"),
        (("--mapping", "conv", "--kernel", "3"), "needs --kernel, height and width"),
        (("--metric", "mean_absolute_error"), "needs --scale and --classes"),
        (("--metric", "auc"), "ranks samples of two classes"),
        (("--queries", "5000"), "queries"),
    ],
)
def test_options_that_do_not_fit_are_one_sentence(
    tmp_path: Path, options: tuple[str, ...], sentence: str
) -> None:
    result = from_torch(tmp_path, "nn.Linear(32, 10)", "--input", "28x28", *options)
    assert result.exit_code == 2, result.output
    assert sentence in result.stderr


def test_a_layer_that_is_not_on_the_list_is_refused_with_its_line(tmp_path: Path) -> None:
    result = from_torch(tmp_path, "nn.Sequential(nn.Linear(32, 10), nn.Softmax(-1))", "--input", "28x28")
    assert result.exit_code == 2
    assert "Softmax is no layer of a model specification: leave it out" in result.stderr


def test_all_that_stands_in_the_way_is_listed_each_on_a_line(tmp_path: Path) -> None:
    text = "nn.Sequential(nn.Linear(32, 10),\n nn.SiLU(),\n nn.Softmax(-1))"
    result = from_torch(tmp_path, text, "--input", "28x28")
    assert result.exit_code == 2
    first, second, last = result.stderr.splitlines()
    assert first.startswith("1. at its call module '1', made in line 4 of user.py: SiLU is no layer")
    assert second.startswith("2. at its call module '2', made in line 5 of user.py: Softmax is no layer")
    assert last.startswith("error: make() of ")
    assert last.endswith(" cannot be exported for the 2 reasons above: correct them.")


@pytest.mark.parametrize("text", ["exit(3)", "__import__('sys').exit('3')", "int('three')", "1 +"])
def test_a_file_that_fails_or_exits_is_one_sentence(tmp_path: Path, text: str) -> None:
    result = from_torch(tmp_path, text, "--input", "28x28")
    assert result.exit_code == 2
    assert "failed, line 3 of user.py: " in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_an_interrupt_is_none_of_the_file_s_failures(tmp_path: Path) -> None:
    (tmp_path / "user.py").write_text("raise KeyboardInterrupt")
    result = pole("from-torch", f"{tmp_path / 'user.py'}:make", "--input", "4")
    assert result.exit_code == 130
    assert "failed" not in result.stderr


def test_what_a_file_prints_is_kept_out_of_the_specification(tmp_path: Path) -> None:
    text = "print('hello') or nn.Linear(8, 3)"
    result = from_torch(tmp_path, text, "--input", "10", "--queries", "8")
    assert parse_specification(result.stdout).outputs == 3
    assert "hello" in result.stderr


def test_an_output_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    options = ("--input", "28x28", "--out", str(tmp_path / "no" / "spec.json"))
    result = from_torch(tmp_path, "nn.Linear(32, 10)", *options)
    assert result.exit_code == 2
    assert "name another --out" in result.stderr


def test_the_example_becomes_a_specification_that_check_and_show_know(tmp_path: Path) -> None:
    out = tmp_path / "spec.json"
    result = pole("from-torch", TRANSFORMER, *TILES, "--out", out)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert "86,602 parameters" in result.stderr
    assert "29 layers" in pole("check", out).stdout
    shown = pole("show", out).stdout
    assert "encoder_1_attention" in shown
    assert "4x64" in shown
    assert "up to 128 of 784 independent functions of a sample. Data that fill fewer" in shown


def test_without_a_file_the_specification_is_printed_as_it_is_parsed(tmp_path: Path) -> None:
    result = from_torch(
        tmp_path,
        "nn.Sequential(nn.Linear(8, 5), nn.ReLU(), nn.Linear(5, 1))",
        *("--input", "10", "--queries", "8", "--weight-bits", "8", "--bits", "7"),
        *("--metric", "mean_absolute_error", "--scale", "40", "--classes", "300"),
    )
    specification = parse_specification(result.stdout)
    assert (specification.outputs, specification.classes, specification.input.bits) == (1, 300, 7)


def test_show_says_in_json_what_is_disclosed() -> None:
    facts = json.loads(pole("show", EXAMPLES / "iris-mlp.json", "--json").stdout)
    assert facts["discloses"]
    assert (facts["parameters"], facts["features"], facts["disclosedRank"]) == (915, [8], 4)
    assert [layer["kind"] for layer in facts["layers"]][-1] == "Linear"
    assert "So they disclose the data." in pole("show", EXAMPLES / "iris-mlp.json").stdout


def test_try_refuses_data_that_is_not_the_specification_s() -> None:
    result = pole("try", EXAMPLES / "iris-mlp.json", "--data", "digits")
    assert result.exit_code == 2
    assert "change one of them" in result.stderr
