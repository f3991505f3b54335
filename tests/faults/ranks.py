"""A training of two processes on this machine, and a worker of its own that may be killed with it."""

import json
import logging
import math
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

import numpy as np
import torch

from pole.learning.training.recipe import TrainingSettings
from pole.protocol.mapping.kinds import LinearMapping
from pole.protocol.mapping.layer import arrange, inner_products_in_clear, query_plan
from pole.protocol.models.specification import ModelSpecification, mlp, parse_specification
from pole.roles.receiving.samples import Samples
from pole.roles.training.history.trainings import Check
from pole.roles.training.learner import Assignment
from pole.roles.training.parallel.parallel_learner import ParallelLearner
from pole.roles.training.torch_learner import TorchLearner

SPEC: Final = mlp(
    input_shape=(4,),
    input_bits=8,
    mapping=LinearMapping(bits=8, queries=4),
    hidden=(8,),
    classes=3,
)
PICTURES: Final = parse_specification(
    json.dumps(
        {
            "input": {"shape": [1, 6, 6], "bits": 8},
            "mapping": {"kind": "conv", "bits": 3, "queries": 2, "kernel": [3, 3], "padding": "same"},
            "graph": [
                {"name": "conv", "op": "Conv2d", "out_channels": 4, "kernel_size": 3, "bias": False},
                {"name": "norm", "op": "BatchNorm2d"},
                {"name": "relu", "op": "ReLU"},
                {"name": "flat", "op": "Flatten"},
                {"name": "logits", "op": "Linear", "out_features": 3},
            ],
            "classes": 3,
            "max_parameters": 1000,
            "max_bytes": 100000,
        }
    )
)
RANDOM: Final = np.random.default_rng(0)
LABELS: Final = RANDOM.integers(0, 3, 60)
SAMPLES: Final = Samples(100 * LABELS[:, None] + RANDOM.integers(0, 50, (60, 4)), LABELS)
PICTURED: Final = Samples(RANDOM.integers(0, 900, (60, 2, 6, 6)) + 300 * LABELS[:, None, None, None], LABELS)
ROUND: Final = bytes([7]) * 32
BENEATH: Final = (60 * LABELS[:, None] + RANDOM.integers(0, 120, (60, 36))).astype(np.uint8)
SHOWN: Final = Samples(
    arrange(inner_products_in_clear(query_plan(PICTURES, ROUND), BENEATH), PICTURES), LABELS
)
"""Features that show the samples beneath them whole, which `PICTURED` are of none."""
CPU: Final = torch.device("cpu")

# Nothing is drawn but the order of samples, so that two processes learn what one learns.
PLAIN: Final = TrainingSettings(epochs=8, steps=1, noise=0.0, learning_rate=0.05)


def alone(folder: Path, settings: TrainingSettings = PLAIN) -> TorchLearner:
    return TorchLearner(settings, CPU, folder, time.monotonic, lambda: 5)


def two(folder: Path, settings: TrainingSettings = PLAIN, seconds: float = math.inf) -> ParallelLearner:
    return ParallelLearner(alone(folder, settings), (CPU, CPU), 2, seconds)


def assignment(
    needed: int = 0,
    seconds: float = 120.0,
    note: Callable[[Check], None] = lambda _: None,
    of: tuple[ModelSpecification, Samples] = (SPEC, SAMPLES),
) -> Assignment:
    return Assignment(of[0], ROUND, of[1], needed, time.monotonic() + seconds, note)


def ranks() -> dict[str, BaseProcess]:
    """Return the ranks that this process has started and that run."""
    return {each.name: each for each in multiprocessing.active_children() if each.name.startswith("rank ")}


def send(rank: str, signal_number: signal.Signals) -> None:
    pid = ranks()[rank].pid
    assert pid is not None
    os.kill(pid, signal_number)


def main() -> None:
    """Train for ever as a worker would; print the ranks' numbers at the first epoch."""
    said: list[int] = []

    def note(_: Check) -> None:
        if not said:
            said.extend(each.pid or 0 for each in ranks().values())
            sys.stdout.write(" ".join(map(str, said)) + "\n")
            sys.stdout.flush()

    logging.basicConfig()
    two(Path(sys.argv[1])).train(assignment(10**9, 300.0, note), stop=lambda: False)


if __name__ == "__main__":
    main()
