import argparse
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from experiments.running.command_line import main, options_of, parser, run_all
from experiments.running.records import read
from tests.unit.experiments.trial import experiment

from pole.errors import InputError


def nothing(name: str, seed: int) -> Mapping[str, float]:
    return {}


def chosen(*arguments: str) -> argparse.Namespace:
    return parser("python -m experiments", "Experiments.").parse_args(arguments)


@pytest.fixture(autouse=True)
def limits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    found: list[int] = []
    monkeypatch.setattr("torch.set_num_threads", found.append)
    monkeypatch.setattr("experiments.running.command_line.limit_threads", found.append)
    return found


@pytest.mark.parametrize(
    ("options", "count"), [(["--quick", "--threads", "3"], 3), (["--quick"], 1), ([], os.cpu_count())]
)
def test_torch_and_numpy_use_the_threads_that_were_asked_for(
    tmp_path: Path, limits: list[int], options: list[str], count: int
) -> None:
    main(experiment(nothing), ["--out", str(tmp_path), *options])
    assert limits == [count, count]


def test_quick_records_are_kept_apart_from_those_that_are_published() -> None:
    trial = experiment(nothing)
    assert options_of(trial, chosen("--quick")).out.parts[-2:] == ("build", "experiments")
    assert options_of(trial, chosen()).out.parts[-2:] == ("experiments", "results")


def test_only_seeds_that_are_asked_for_hold_for_every_setting() -> None:
    trial = experiment(nothing)
    assert options_of(trial, chosen()).seeds is None
    assert options_of(trial, chosen("--seeds", "7")).seeds == 7


@pytest.mark.parametrize("option", ["--seeds", "--threads"])
@pytest.mark.parametrize("value", ["0", "-1", "two"])
def test_a_count_that_is_none_is_refused(capsys: pytest.CaptureFixture[str], option: str, value: str) -> None:
    with pytest.raises(SystemExit) as ended:
        chosen(option, value)
    assert ended.value.code == 2
    assert f"argument {option}: " in capsys.readouterr().err


def test_an_interruption_is_told_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(name: str, seed: int) -> Mapping[str, float]:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as ended:
        main(experiment(interrupt), ["--quick", "--out", str(tmp_path)])
    assert ended.value.code == 130
    assert capsys.readouterr().err == "Interrupted; the same command goes on from here.\n"


def test_a_word_that_no_setting_has_is_refused_with_the_settings_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trial = experiment(nothing, settings=("iris, MLP", "mnist, CNN"))
    with pytest.raises(SystemExit) as ended:
        main(trial, ["--quick", "--only", "svhn", "--out", str(tmp_path)])
    assert ended.value.code == InputError.exit_code
    assert capsys.readouterr().err == (
        "No setting has 'svhn' in its name; choose a word of: iris, MLP; mnist, CNN.\n"
    )


def test_of_all_experiments_those_run_that_have_such_a_setting(tmp_path: Path) -> None:
    first = experiment(nothing, settings=("iris",), name="first")
    other = experiment(nothing, settings=("iris", "mnist"), name="other")
    run_all([first, other], chosen("--quick", "--only", "MNIST", "--out", str(tmp_path)))
    assert not (tmp_path / "first.jsonl").exists()
    assert [record.setting for record in read(tmp_path / "other.jsonl")] == ["mnist"]


def test_a_command_makes_the_page_of_the_records_it_keeps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(experiment(nothing), ["--quick", "--out", str(tmp_path)])
    assert f"The tables are in {tmp_path / 'trial.md'}." in capsys.readouterr().out
    assert (tmp_path / "trial.md").read_text().startswith("# Measured here\n\n## ")


def test_several_experiments_have_one_page(tmp_path: Path) -> None:
    run_all(
        [experiment(nothing, name="first"), experiment(nothing, name="second")],
        chosen("--quick", "--out", str(tmp_path)),
    )
    assert (tmp_path / "results.md").read_text().count("\n## ") == 2


def test_the_page_of_published_records_is_left_to_the_command_that_makes_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("experiments.running.command_line.KEPT", tmp_path)
    monkeypatch.chdir(tmp_path.parent)
    main(experiment(nothing), ["--quick", "--out", tmp_path.name])
    assert [path.name for path in tmp_path.iterdir()] == ["trial.jsonl"]


def test_the_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(experiment(nothing), ["--help"])
    assert "Example: python -m experiments.trial --quick --seeds 2" in capsys.readouterr().out
