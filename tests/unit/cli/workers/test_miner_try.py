"""`pole miner try`: a recipe or a learner on plain data, as a miner would train."""

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from pole.cli import main
from pole.cli.common import training
from pole.errors import InputError
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


def test_a_learner_of_one_s_own_starts_its_own_processes(tmp_path: Path) -> None:
    result = tried("--learner", f"{tmp_path / 'mine.py'}:Mine", "--processes", "2")
    assert (result.exit_code, "leave --processes out" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("gpus", "name", "told"),
    [
        (1, "cuda", "but torch has 1 GPUs here"),
        (4, "cuda:1", "names one device"),
        (4, "mps", "names one device"),
    ],
)
def test_each_process_needs_a_gpu_of_its_own(
    gpus: int, name: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(training, "_device", torch.device)
    with pytest.raises(InputError, match=told):
        training.devices_of(name, 2)


def test_processes_have_the_gpus_in_turn_or_share_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 8)
    monkeypatch.setattr(training, "_device", torch.device)
    assert training.devices_of("cuda", 2) == (torch.device("cuda:0"), torch.device("cuda:1"))
    assert training.devices_of("cpu", 3) == (torch.device("cpu"),) * 3
    assert training.devices_of("cuda:1", 1) == (torch.device("cuda:1"),)


def test_ranks_are_of_a_device_whose_processes_can_add_up_what_they_learn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(training, "_device", torch.device)
    assert training.devices_of("mps", 1) == (torch.device("mps"),)
    with pytest.raises(InputError, match="learns alone"):
        training.devices_of_ranks("mps", 1)
    assert training.devices_of_ranks("cuda:1", 1) == (torch.device("cuda:1"),)
