"""A training that goes on for ever with a checkpoint after every epoch; tests kill its process."""

import math
import sys
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path

import torch

from pole.learning.data import datasets, quantisation
from pole.learning.training.checkpoint import Checkpoints
from pole.learning.training.recipe import TrainingSettings
from pole.learning.training.stopping import StopRule
from pole.learning.training.training import TrainingResult, train
from pole.learning.training.training_data import TrainingTask
from pole.learning.training.training_run import Progress
from pole.protocol.mapping.kinds import LinearMapping
from pole.protocol.mapping.layer import arrange, inner_products_in_clear, query_plan
from pole.protocol.models.specification import mlp
from pole.roles.support.files import read_with_digest, with_digest, write_durably

SEED = bytes(range(32))
SPEC = mlp(
    input_shape=(4,),
    input_bits=8,
    mapping=LinearMapping(bits=8, queries=4),
    hidden=(16,),
    classes=3,
    dropout=0.1,
)


def train_iris(
    path: Path,
    settings: TrainingSettings | None = None,
    *,
    epochs: float = math.inf,
    report: Callable[[Progress], None] = lambda progress: None,
) -> TrainingResult:
    """Train for so many epochs in all, counted over processes."""
    data = datasets.load("iris", None)
    values = quantisation.apply(quantisation.fit(data.x_train, 8), data.x_train).values
    features = arrange(inner_products_in_clear(query_plan(SPEC, SEED), values), SPEC)
    done = [0]

    def count(progress: Progress) -> None:
        done[0] = progress.epoch
        report(progress)

    return train(
        TrainingTask(SPEC, SEED, features, data.y_train, settings or TrainingSettings(epochs=20, steps=1)),
        StopRule(10**9, math.inf, clock=lambda: 0.0, stop=lambda: done[0] >= epochs),
        random_seed=7,
        device=torch.device("cpu"),
        report=count,
        checkpoints=Checkpoints(
            lambda: read_with_digest(path), lambda state: write_durably(path, with_digest(state)), 0.0
        ),
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    assert isinstance(sys.stdout, TextIOWrapper)
    sys.stdout.reconfigure(line_buffering=True)

    def report(progress: Progress) -> None:
        sys.stdout.write(f"{progress.epoch}\n")

    train_iris(Path(sys.argv[1]), report=report)
