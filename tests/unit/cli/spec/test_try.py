"""`pole spec try`: what a task would reach, beside plain learners, and what to ask of miners."""

import json
from pathlib import Path

import numpy as np
from click.testing import CliRunner, Result
from threadpoolctl import threadpool_info, threadpool_limits  # type: ignore[import-untyped]

from pole.cli import main

EXAMPLES = Path(__file__).parents[4] / "examples"


def try_out(specification: str, *options: str) -> Result:
    return CliRunner().invoke(main, ["spec", "try", str(EXAMPLES / specification), *options])


def test_every_seed_stands_beside_what_plain_learners_reach_in_the_clear() -> None:
    options = ("--data", "breast_cancer", "--train-accuracy", "60", "--seeds", "2", "--json")
    found = json.loads(try_out("breast-cancer-mlp.json", *options).stdout)
    assert (found["data"], found["metric"], found["testCount"]) == ("breast_cancer", "auc", 113)
    assert [each["ended"] for each in found["seeds"]] == ["THRESHOLD"] * 2
    names = [each["name"] for each in found["baselines"]]
    assert names == ["guessing", "logistic regression", "gradient boosting"]
    guessing, logistic, boosting = (each["testScore"] for each in found["baselines"])
    assert guessing == 113 // 2 < min(logistic, boosting) <= 113


def test_the_threshold_that_is_suggested_was_reached_by_every_seed() -> None:
    options = ("--data", "iris", "--train-accuracy", "90", "--seeds", "2", "--json", "--no-baselines")
    found = json.loads(try_out("iris-mlp.json", *options).stdout)
    percentage = found["advice"]["trainAccuracy"]
    assert all(100 * each["trainScore"] >= percentage * found["trainCount"] for each in found["seeds"])
    assert 80 <= percentage <= 99
    assert 0 < found["advice"]["secondsToReachIt"] <= max(each["seconds"] for each in found["seeds"])
    assert found["advice"]["timeLimit"] >= 3 * found["advice"]["secondsToReachIt"]


def test_a_regression_is_told_in_steps_of_its_target() -> None:
    result = try_out("diabetes-mlp.json", "--data", "diabetes", "--seconds", "0.5", "--train-samples", "60")
    assert result.exit_code == 0, result.output
    assert "until the time limit is reached" in result.stderr
    assert "The score is mean_absolute_error, as a share of 60 training" in result.stdout
    assert "linear regression, in the clear" in result.stdout
    assert "MAE" in result.stdout
    assert "steps" in result.stdout


def test_the_other_cores_are_left_alone() -> None:
    with threadpool_limits(2, user_api="blas"):
        try_out("iris-mlp.json", "--data", "iris", "--seconds", "0.1", "--threads", "1", "--no-baselines")
        libraries = [each for each in threadpool_info() if each["user_api"] == "blas"]
    assert {each["num_threads"] for each in libraries} == {1}


def test_data_that_is_not_the_specification_s_is_refused() -> None:
    result = try_out("iris-mlp.json", "--data", "digits")
    assert result.exit_code == 2
    assert "change one of them" in result.stderr


def test_a_seed_that_learned_nothing_gets_no_threshold(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x, y = random.random((40, 4)), random.integers(0, 3, 40)
    np.savez(tmp_path / "noise.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    options = ("--data", str(tmp_path / "noise.npz"), "--train-accuracy", "1", "--no-baselines", "--json")
    advice = json.loads(try_out("iris-mlp.json", *options).stdout)["advice"]
    assert advice["trainAccuracy"] < 100


def test_a_seed_is_no_less_than_0() -> None:
    result = try_out("iris-mlp.json", "--data", "iris", "--seed", "-1")
    assert result.exit_code == 2
    assert "-1 is not in the range x>=0" in result.stderr
