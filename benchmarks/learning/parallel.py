"""One model trained by one process and by two on the same cores: samples learned a second.

A network of two hidden layers of `--width`, with BatchNorm, learns drawn features of 4,096 samples in batches
of 512, so that a batch is work enough to be worth parting. Medians of the epochs after the first, with the
farthest of them. On two cores a second process can win nothing over a second thread: what is measured is what
talking costs, beside the network of examples/digits-mlp.json, whose batches take less than a millisecond.

    python -m benchmarks.learning.parallel [--epochs N] [--width N] [--json]
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import numpy as np
import torch

from pole.learning.machine.threads import limit_threads
from pole.learning.training.recipe import TrainingSettings
from pole.protocol.mapping.kinds import LinearMapping
from pole.protocol.mapping.layer import feature_shape
from pole.protocol.models.specification import ModelSpecification, mlp, parse_specification
from pole.roles.receiving.samples import Samples
from pole.roles.training.history.trainings import Check
from pole.roles.training.learner import Assignment, Learner
from pole.roles.training.parallel.parallel_learner import ParallelLearner
from pole.roles.training.parallel.rank import await_processes
from pole.roles.training.torch_learner import TorchLearner

DIGITS = Path(__file__).parents[2] / "examples" / "digits-mlp.json"
CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True)
class Measured:
    """Samples a second of a network by some processes of some threads each, and the farthest epoch's."""

    network: str
    processes: int
    threads: int
    samples_per_second: float
    spread: float

    def __str__(self) -> str:
        return (
            f"{self.network}: {self.processes} x {self.threads} threads, "
            f"{self.samples_per_second:,.0f} ± {self.spread:,.0f} samples/s"
        )


def learner(processes: int, threads: int, folder: Path, settings: TrainingSettings) -> Learner:
    """Return what trains with so many processes of so many threads each."""
    alone = TorchLearner(settings, CPU, folder, time.monotonic, lambda: 1)
    torch.set_num_threads(threads)
    limit_threads(threads)
    return alone if processes == 1 else ParallelLearner(alone, (CPU,) * processes, processes * threads)


def speed(trains: Learner, specification: ModelSpecification, samples: Samples) -> tuple[float, float]:
    """Return how many samples it learns a second in the median epoch, and how far the farthest is."""
    checks: list[Check] = []
    assignment = Assignment(specification, bytes(32), samples, 0, time.monotonic() + 3600, note=checks.append)
    trains.train(assignment, stop=lambda: False)
    found = [check.samples_per_second or 0.0 for check in checks[1:]]
    middle = median(found)
    return middle, max(abs(each - middle) for each in found)


def measure(
    name: str, specification: ModelSpecification, count: int, settings: TrainingSettings
) -> Sequence[Measured]:
    """Return the speeds of one process with one and two threads, and of two processes."""
    random = np.random.default_rng(0)
    labels = random.integers(0, specification.classes, count)
    samples = Samples(random.integers(0, 10**6, (count, *feature_shape(specification))), labels)
    rows = []
    for processes, threads in ((1, 1), (1, 2), (2, 1)):
        with tempfile.TemporaryDirectory() as folder:
            trains = learner(processes, threads, Path(folder), settings)
            rows.append(Measured(name, processes, threads, *speed(trains, specification, samples)))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--epochs", type=int, default=9)
    parser.add_argument("--width", type=int, default=2048)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    await_processes()
    settings = TrainingSettings(epochs=chosen.epochs, steps=1, batch=512)
    wide = mlp(
        input_shape=(784,),
        input_bits=8,
        mapping=LinearMapping(bits=3, queries=128),
        hidden=(chosen.width, chosen.width),
        classes=10,
    )
    digits = parse_specification(DIGITS.read_bytes())
    for name, specification, count in ((f"width {chosen.width}", wide, 4096), ("digits", digits, 1437)):
        for row in measure(name, specification, count, settings):
            print(json.dumps(asdict(row)) if chosen.json else row, flush=True)


if __name__ == "__main__":
    main()
