"""The learner that miners use: torch, as pole.learning.training drives it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import torch

from pole.learning import model_file
from pole.learning.training import Progress, StopRule, TrainingSettings, train
from pole.roles.events import tell
from pole.roles.learner import Assignment, Trained

LOG: Final = logging.getLogger("pole.training")


@dataclass(frozen=True, slots=True)
class TorchLearner:
    """Trains with a recipe on a device; `clock` is the one that assignments name their deadline by.

    `random_seed` draws the seed of each training: miners that all took the same one would find the same
    model.
    """

    recipe: TrainingSettings
    device: torch.device
    clock: Callable[[], float]
    random_seed: Callable[[], int] = field(repr=False)

    def train(self, assignment: Assignment, *, stop: Callable[[], bool]) -> Trained:
        """Return the best model found until the goal, the deadline, or `stop`."""
        samples = assignment.samples
        result = train(
            samples.features,
            samples.labels,
            assignment.specification,
            self.recipe,
            StopRule(assignment.needed, assignment.deadline, self.clock, stop),
            seed=assignment.seed,
            random_seed=self.random_seed(),
            device=self.device,
            report=_log_progress,
        )
        correct = result.candidate.evaluation.correct
        sentence = (
            f"Trained {result.epochs} epochs in {result.seconds:.1f} s, "
            f"{correct} of {len(samples.labels)} correct: {result.reason.value}."
        )
        details = {"epochs": result.epochs, "seconds": round(result.seconds, 3), "correct": correct}
        tell(LOG, "trained", sentence, reason=result.reason.name, **details)
        return Trained(model_file.save(result.candidate.model), correct)


def _log_progress(progress: Progress) -> None:
    LOG.debug("epoch %d: loss %.4f after %.1f s", progress.epoch, progress.loss, progress.seconds)
