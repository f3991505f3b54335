"""`pole miner try`: a recipe or a learner on plain data, as a miner would train."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pole.cli import main
from pole.roles.training import own_learner

EXAMPLES = Path(__file__).parents[4] / "examples"


def tried(*options: str) -> Result:
    words = ["miner", "try", str(EXAMPLES / "iris-mlp.json"), "--data", "iris", "--seeds", "1"]
    return CliRunner().invoke(main, [*words, "--device", "cpu", "--train-accuracy", "60", *options])


def test_a_recipe_is_tried_as_a_miner_would_train(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("eager = true\n")
    found = json.loads(tried("--recipe", str(recipe), "--json").stdout)
    (seed,) = found["seeds"]
    assert seed["trainCorrect"] >= 0.6 * found["trainCount"] == 81.0
    assert 0 <= seed["testCorrect"] <= found["testCount"]


@pytest.mark.parametrize("learner", ["full_batch.py:FullBatch", "cross_validated.py:CrossValidated"])
def test_the_examples_reach_what_a_round_asks_for(learner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_learner, "LOADED", own_learner.LOADED[:1])
    (seed,) = json.loads(tried("--learner", str(EXAMPLES / "learners" / learner), "--json").stdout)["seeds"]
    assert seed["trainCorrect"] >= 81


def test_a_learner_of_one_s_own_is_tried_and_a_bad_one_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_learner, "LOADED", own_learner.LOADED[:1])
    file = tmp_path / "mine.py"
    file.write_text("class Mine:\n    interface = 1\n    def train(self, job):\n        return job.network\n")
    result = tried("--learner", f"{file}:Mine")
    assert result.exit_code == 0, result.stderr
    assert "test score" in result.stdout
    file.write_text("class Mine:\n    interface = 1\n    def train(self, job):\n        1 / 0\n")
    result = tried("--learner", f"{file}:Mine")
    assert (result.exit_code, "line 4 of mine.py: division by zero" in result.stderr) == (1, True)
    assert tried("--learner", f"{file}:Mine", "--recipe", "r.toml").exit_code == 2
