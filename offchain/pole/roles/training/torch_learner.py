"""The learner that miners use: torch, as pole.learning.training.training drives it."""

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import torch

from pole.learning.evaluation import model_file
from pole.learning.machine.disk_arrays import OnDisk
from pole.learning.training.checkpoint import Checkpoints
from pole.learning.training.recipe import TrainingSettings
from pole.learning.training.search import ONE_BY_ONE, find_settings
from pole.learning.training.stopping import StopReason, StopRule
from pole.learning.training.training import train
from pole.learning.training.training_data import TrainingTask
from pole.learning.training.training_run import Progress
from pole.roles.ports import Shards
from pole.roles.support.events import report, trace
from pole.roles.support.files import read_with_digest, unfinished, with_digest, write_durably
from pole.roles.training.history.trainings import Check
from pole.roles.training.learner import Assignment, Trained
from pole.roles.training.trial_shards import trials_beside

LOG: Final = logging.getLogger("pole.training")


@dataclass(frozen=True, slots=True)
class TorchLearner:
    """Trains with a recipe on a device; `clock` is the one that assignments name their deadline by.

    `random_seed` draws the seed of each training: miners that all took the same one would find the same
    model. A training that was killed goes on from its checkpoint in `folder`, which keeps one alone,
    with the settings that were found for it. `search` is the part of the time to the deadline that a search
    for better settings may take, 0 for none; the machines of `shards` try some beside this one. What memory
    need not hold is in files without a name, there too.
    """

    recipe: TrainingSettings
    device: torch.device
    folder: Path
    clock: Callable[[], float]
    random_seed: Callable[[], int] = field(repr=False)
    search: float = 0.0
    shards: Shards | None = None

    def train(self, assignment: Assignment, *, stop: Callable[[], bool]) -> Trained:
        """Return the best model found until the goal, the deadline, or `stop`.

        Raises AbandonedError when `stop` came before there was one.
        """
        result = train(
            task_of(assignment, self.settings(assignment, stop), self.folder),
            StopRule(assignment.needed, assignment.deadline, self.clock, stop),
            random_seed=self.random_seed(),
            device=self.device,
            report=partial(_note_progress, assignment.note),
            checkpoints=checkpoints_in(self.checkpoint_file(assignment.seed)),
        )
        trained = Trained(model_file.save(result.candidate.model), result.candidate.evaluation.correct)
        report_trained(assignment, trained, result.reason, result.epochs, result.seconds)
        return trained

    def settings(self, assignment: Assignment, stop: Callable[[], bool]) -> TrainingSettings:
        """Return the settings to train with: those of the last time, where a search found them."""
        if self.search == 0:
            return self.recipe
        path = _only(self.folder, assignment.seed, "settings")
        kept = read_with_digest(path)
        if kept is not None:
            return TrainingSettings(**json.loads(kept))
        now, task = self.clock(), task_of(assignment, self.recipe, self.folder)
        found = find_settings(
            task,
            StopRule(0, now + self.search * (assignment.deadline - now), self.clock, stop),
            random_seed=self.random_seed(),
            device=self.device,
            bench=ONE_BY_ONE if self.shards is None else trials_beside(self.shards, task),
        )
        write_durably(path, with_digest(json.dumps(asdict(found)).encode()))
        return found

    def checkpoint_file(self, seed: bytes) -> Path:
        """Return where the checkpoint of a round's training is; those of other rounds are deleted."""
        return _only(self.folder, seed, "checkpoint")


def checkpoints_in(path: Path) -> Checkpoints:
    """Return checkpoints in a file; a damaged one is none."""
    return Checkpoints(lambda: read_with_digest(path), lambda state: write_durably(path, with_digest(state)))


def _only(folder: Path, seed: bytes, kind: str) -> Path:
    """Return where a file of this round's training is; those of other rounds are deleted.

    So is what a process that was killed had begun to write.
    """
    path = folder / f"{seed.hex()}.{kind}"
    for other in (*folder.glob(f"*.{kind}"), *unfinished(folder, kind)):
        if other != path:
            other.unlink(missing_ok=True)
    return path


def task_of(assignment: Assignment, settings: TrainingSettings, folder: Path) -> TrainingTask:
    """Return the task of an assignment, whose large arrays are in `folder`."""
    samples = assignment.samples
    return TrainingTask(
        assignment.specification,
        assignment.seed,
        samples.features,
        samples.labels,
        settings,
        OnDisk(folder),
    )


def report_trained(
    assignment: Assignment, trained: Trained, reason: StopReason, epochs: int, seconds: float
) -> None:
    """Log how a training ended."""
    correct = trained.train_correct
    sentence = (
        f"Trained {epochs} epochs in {seconds:.1f} s, "
        f"{correct} of {len(assignment.samples.labels)} correct: {reason.value}."
    )
    details = {"epochs": epochs, "seconds": round(seconds, 3), "correct": correct}
    report(LOG, "trained", sentence, reason=reason.name, **details)


def check_of(progress: Progress) -> Check:
    """Return an epoch as a miner's history has it."""
    best, took = progress.best, progress.epoch_seconds
    return Check(
        epoch=progress.epoch,
        loss=progress.loss,
        correct=None if best is None else best.evaluation.correct,
        learning_rate=progress.rate,
        seconds=progress.seconds,
        samples_per_second=progress.samples / took if took > 0 else None,
    )


def note_epoch(note: Callable[[Check], None], check: Check, loss: float, seconds: float) -> None:
    """Note an epoch that took so many seconds, and trace it."""
    note(check)
    sentence = f"Epoch {check.epoch}: loss {loss:.4f} after {check.seconds:.1f} s."
    trace(LOG, "epoch", sentence, epoch=check.epoch, loss=loss, seconds=seconds)


def _note_progress(note: Callable[[Check], None], progress: Progress) -> None:
    note_epoch(note, check_of(progress), progress.loss, progress.epoch_seconds)
