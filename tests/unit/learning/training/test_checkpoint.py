import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests.unit.learning import endless_training

from pole.errors import IntegrityError
from pole.learning.evaluation import model_file
from pole.learning.training.checkpoint import NO_CHECKPOINTS, pack, unpack
from pole.learning.training.recipe import TrainingSettings


def test_a_damaged_checkpoint_is_refused() -> None:
    with pytest.raises(IntegrityError, match="damaged"):
        unpack(b"no checkpoint", "a training")
    with pytest.raises(IntegrityError, match="damaged"):
        unpack(pack({"epochs": 3}, "a training")[:-40], "a training")


def test_a_checkpoint_of_another_training_is_not_gone_on_from() -> None:
    packed = pack({"epochs": 3, "weights": torch.ones(2)}, "a training")
    assert unpack(packed, "another training") is None
    found = unpack(packed, "a training")
    assert found
    assert found["epochs"] == 3


def test_a_checkpoint_runs_no_code_when_it_is_read() -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, ("false",)

    packed = pack({"trap": Trap()}, "a training")
    with pytest.raises(IntegrityError, match="damaged"):
        unpack(packed, "a training")


def test_a_training_without_checkpoints_reads_and_writes_none() -> None:
    assert NO_CHECKPOINTS.read() is None
    assert math.isinf(NO_CHECKPOINTS.seconds)


def test_a_training_with_other_settings_starts_anew(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    first = endless_training.train_iris(path, epochs=40)
    other = endless_training.train_iris(path, TrainingSettings(learning_rate=1e-3), epochs=3)
    assert (first.epochs, other.epochs) == (40, 3)


def test_a_training_that_was_killed_ends_with_the_model_of_one_that_was_not(tmp_path: Path) -> None:
    uninterrupted = endless_training.train_iris(tmp_path / "none", epochs=60)
    path = tmp_path / "checkpoint"
    for until in (17, 41):
        kill_at_epoch(until, path)
    resumed: list[int] = []
    result = endless_training.train_iris(path, epochs=60, report=lambda seen: resumed.append(seen.epoch))
    assert resumed[0] > 41
    assert result.epochs == 60
    assert model_file.save(result.candidate.model) == model_file.save(uninterrupted.candidate.model)


def test_so_does_one_by_gradient_descent_whose_weights_are_averaged(tmp_path: Path) -> None:
    settings = TrainingSettings(optimiser="sgd", learning_rate=0.05, averaging=0.9, epochs=20, steps=1)
    uninterrupted = endless_training.train_iris(tmp_path / "none", settings, epochs=50)
    path = tmp_path / "checkpoint"
    for epochs in (7, 33, 50):
        resumed = endless_training.train_iris(path, settings, epochs=epochs)
    assert model_file.save(resumed.candidate.model) == model_file.save(uninterrupted.candidate.model)


def kill_at_epoch(epoch: int, path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.unit.learning.endless_training", str(path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    with process, process.stdout as lines:
        for line in lines:
            if int(line) > epoch:
                process.send_signal(signal.SIGKILL)
                break
        lines.read()
    assert process.returncode == -signal.SIGKILL
