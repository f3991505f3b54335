"""How hard the puzzle of an idle round is: python -m benchmarks.learning.idle_puzzle [rounds].

Claim: on the puzzle's 8,000 training samples the usual miner reaches 93 % within seconds, and what costs no
training does not: naming the most frequent class, or the best linear model (least squares on the inputs).
n: one puzzle a round, seeds are the SHA-256 of the round's number. Prints a row a round, then the extremes.
Hardware: one thread of whatever it runs on.
"""

import sys
import time
from hashlib import sha256

import numpy as np
import torch

from pole.learning.evaluation.canonical import evaluate
from pole.learning.training.recipe import TrainingSettings
from pole.learning.training.stopping import StopRule
from pole.learning.training.training import train
from pole.learning.training.training_data import TrainingTask
from pole.protocol.idle import puzzle
from pole.protocol.idle.puzzle import CLASSES, PuzzleSet
from pole.protocol.idle.task import idle_specification
from pole.roles.receiving.idle_data import features

TRAIN, TEST, NEEDED = 8000, 2000, 7440
TIME_LIMIT = 120.0


def measure(number: int) -> tuple[float, float, float, float, float]:
    """Return four accuracies: the most frequent class, a linear model, training on both sets; CPU seconds."""
    seed, test_seed = sha256(b"%d" % number).digest(), sha256(b"test %d" % number).digest()
    drawn = puzzle.training_set(seed, TRAIN)
    specification, samples = idle_specification(), features(seed, drawn)
    test = features(seed, puzzle.test_set(seed, test_seed, TEST))
    began, until = time.process_time(), time.monotonic() + TIME_LIMIT
    trained = train(
        TrainingTask(specification, seed, samples.features, samples.labels, TrainingSettings()),
        StopRule(NEEDED, until, time.monotonic, lambda: False),
        random_seed=number,
        device=torch.device("cpu"),
    ).candidate
    seconds = time.process_time() - began
    found = evaluate(trained.model, test.features, test.labels)
    maximum = np.bincount(drawn.labels).max() / TRAIN
    return maximum, linear(drawn), trained.evaluation.correct / TRAIN, found.correct / TEST, seconds


def linear(drawn: PuzzleSet) -> float:
    inputs = np.column_stack([drawn.inputs / 255, np.ones(TRAIN)])
    weights = np.linalg.lstsq(inputs, np.eye(CLASSES)[drawn.labels], rcond=None)[0]
    return float(((inputs @ weights).argmax(axis=1) == drawn.labels).mean())


def main() -> None:
    torch.set_num_threads(1)
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    print("round  majority  linear  train  test  CPU seconds")
    rows = []
    for number in range(rounds):
        rows.append(measure(number))
        print("{:5}  {:8.3f}  {:6.3f}  {:5.3f}  {:4.3f}  {:.1f}".format(number, *rows[-1]), flush=True)
    for name, extreme in (("least", np.min), ("median", np.median), ("most", np.max)):
        print("{:6} {:8.3f}  {:6.3f}  {:5.3f}  {:4.3f}  {:.1f}".format(name, *extreme(rows, axis=0)))


if __name__ == "__main__":
    main()
