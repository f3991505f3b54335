"""The learner that miners use: torch, as pole.learning.training.training drives it."""

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import torch

from pole.learning.disk_arrays import OnDisk
from pole.learning.evaluation import model_file
from pole.learning.training.checkpoint import Checkpoints
from pole.learning.training.recipe import TrainingSettings
from pole.learning.training.search import find_settings
from pole.learning.training.stopping import StopRule
from pole.learning.training.training import train
from pole.learning.training.training_data import TrainingTask
from pole.learning.training.training_run import Progress
from pole.roles.support.events import report, trace
from pole.roles.support.files import read_with_digest, with_digest, write_durably
from pole.roles.training.history import Check
from pole.roles.training.learner import Assignment, Trained

LOG: Final = logging.getLogger("pole.training")


@dataclass(frozen=True, slots=True)
class TorchLearner:
    """Trains with a recipe on a device; `clock` is the one that assignments name their deadline by.

    `random_seed` draws the seed of each training: miners that all took the same one would find the same
    model. A training that was killed goes on from its checkpoint in `folder`, which keeps one alone,
    with the settings that were found for it. `search` is the part of the time to the deadline that a search
    for better settings may take, 0 for none. What memory need not hold is in files without a name, there too.
    """

    recipe: TrainingSettings
    device: torch.device
    folder: Path
    clock: Callable[[], float]
    random_seed: Callable[[], int] = field(repr=False)
    search: float = 0.0

    def train(self, assignment: Assignment, *, stop: Callable[[], bool]) -> Trained:
        """Return the best model found until the goal, the deadline, or `stop`.

        Raises AbandonedError when `stop` came before there was one.
        """
        result = train(
            self._task(assignment, self._recipe(assignment, stop)),
            StopRule(assignment.needed, assignment.deadline, self.clock, stop),
            random_seed=self.random_seed(),
            device=self.device,
            report=partial(_note_progress, assignment.note),
            checkpoints=self._checkpoints(assignment.seed),
        )
        correct = result.candidate.evaluation.correct
        sentence = (
            f"Trained {result.epochs} epochs in {result.seconds:.1f} s, "
            f"{correct} of {len(assignment.samples.labels)} correct: {result.reason.value}."
        )
        details = {"epochs": result.epochs, "seconds": round(result.seconds, 3), "correct": correct}
        report(LOG, "trained", sentence, reason=result.reason.name, **details)
        return Trained(model_file.save(result.candidate.model), correct)

    def _recipe(self, assignment: Assignment, stop: Callable[[], bool]) -> TrainingSettings:
        """Return the settings to train with: those of the last time, where a search found them."""
        if self.search == 0:
            return self.recipe
        path = self._file(assignment.seed, "settings")
        kept = read_with_digest(path)
        if kept is not None:
            return TrainingSettings(**json.loads(kept))
        now = self.clock()
        found = find_settings(
            self._task(assignment, self.recipe),
            StopRule(0, now + self.search * (assignment.deadline - now), self.clock, stop),
            random_seed=self.random_seed(),
            device=self.device,
        )
        write_durably(path, with_digest(json.dumps(asdict(found)).encode()))
        return found

    def _task(self, assignment: Assignment, settings: TrainingSettings) -> TrainingTask:
        samples = assignment.samples
        return TrainingTask(
            assignment.specification,
            assignment.seed,
            samples.features,
            samples.labels,
            settings,
            OnDisk(self.folder),
        )

    def _checkpoints(self, seed: bytes) -> Checkpoints:
        path = self._file(seed, "checkpoint")
        return Checkpoints(
            lambda: read_with_digest(path), lambda state: write_durably(path, with_digest(state))
        )

    def _file(self, seed: bytes, kind: str) -> Path:
        """Return where a file of this round's training is; those of other rounds are deleted."""
        path = self.folder / f"{seed.hex()}.{kind}"
        for other in self.folder.glob(f"*.{kind}"):
            if other != path:
                other.unlink()
        return path


def _note_progress(note: Callable[[Check], None], progress: Progress) -> None:
    best, took = progress.best, progress.epoch_seconds
    check = Check(
        epoch=progress.epoch,
        loss=progress.loss,
        correct=None if best is None else best.evaluation.correct,
        learning_rate=progress.rate,
        seconds=progress.seconds,
        samples_per_second=progress.samples / took if took > 0 else None,
    )
    note(check)
    sentence = f"Epoch {progress.epoch}: loss {progress.loss:.4f} after {progress.seconds:.1f} s."
    details = {"epoch": progress.epoch, "loss": progress.loss, "seconds": progress.epoch_seconds}
    trace(LOG, "epoch", sentence, **details)
