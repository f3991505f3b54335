"""A training of an experiment that is interrupted goes on, and its curve is what it would have been."""

from pathlib import Path

import pytest
import torch
from experiments.problems.data import Problem
from experiments.problems.learning import Learned, learn
from experiments.problems.pairs import SECURE
from experiments.running import resuming
from experiments.running.records import Size

from pole.learning.training.training_run import Progress

EPOCHS = 5
SETTING = "IRIS, MLP"


@pytest.fixture
def problem() -> Problem:
    return SECURE[SETTING].problem(Size.QUICK, 0)


def trained(
    problem: Problem, folder: Path, *, interrupted_after: int = EPOCHS + 1
) -> tuple[list[list[float]], Learned]:
    """Return the curve of the losses and the model; raise KeyboardInterrupt after an epoch."""
    notes = resuming.Notes(folder, seconds=0.0)

    def report(progress: Progress) -> None:
        notes.note(progress.epoch, [progress.loss])
        if progress.epoch == interrupted_after:
            raise KeyboardInterrupt

    learned = learn(
        problem,
        SECURE[SETTING].recipes[Size.QUICK],
        epochs=EPOCHS,
        random_seed=1,
        report=report,
        checkpoints=notes.checkpoints(),
    )
    return notes.until(EPOCHS), learned


@pytest.mark.parametrize("epoch", [1, 3, EPOCHS])
def test_an_interrupted_training_has_the_curve_and_the_model_of_a_whole_one(
    problem: Problem, tmp_path: Path, epoch: int
) -> None:
    expected, model = trained(problem, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        trained(problem, tmp_path / "part", interrupted_after=epoch)
    curve, again = trained(problem, tmp_path / "part")
    assert curve == expected
    assert (again.train, again.test) == (model.train, model.test)


def test_a_training_that_was_over_is_not_repeated(problem: Problem, tmp_path: Path) -> None:
    expected, model = trained(problem, tmp_path)
    curve, again = trained(problem, tmp_path, interrupted_after=1)
    assert curve == expected
    assert all(
        torch.equal(ours, theirs)
        for ours, theirs in zip(again.network.parameters(), model.network.parameters(), strict=True)
    )


def test_a_folder_s_name_tells_what_it_is_for() -> None:
    assert resuming.folder_name("MNIST, VGG-16, 4x64", Size.FULL, 2) == "MNIST-VGG-16-4x64-full-2"
