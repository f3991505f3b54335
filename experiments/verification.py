"""What verifying a solution costs beside training it, and what exact evaluation costs in accuracy.

Claim: evaluating a model takes a small part of the time that training took, 6 to 9 % for a CNN;
canonical evaluation predicts what float32 does but for a dozen of 10,000 samples.
Command: python -m experiments.verification [--quick|--full]. Hardware: a CPU with 2 cores. n: 5 seeds. A
verifier also fetches and decrypts the data, which costs it what it costs a miner (docs/encryption.md).
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
import torch

from experiments.problems.data import Problem
from experiments.problems.learning import AT_ONCE, clock_of_process, data_of, inputs_of, learn
from experiments.problems.tasks import TASKS, Task
from experiments.running.command_line import main
from experiments.running.records import Record, Size, best_size
from experiments.running.session import Case, Experiment
from experiments.running.tables import spread, table, values
from pole.learning.evaluation import model_file
from pole.learning.evaluation.arrays import place_of
from pole.learning.evaluation.canonical import evaluate
from pole.learning.networks.network import Network
from pole.learning.training.training import pick_device

EPOCHS: Final = {Size.QUICK: 2, Size.REDUCED: 10, Size.FULL: 10}
TIMES: Final = 3
CHOSEN: Final = ("iris, MLP", "digits, MLP", "mnist, MLP, 97 %", "mnist, CNN, 97 %", "cifar10, CNN, 70 %")


def measure(task: Task, size: Size, seed: int) -> Mapping[str, Any]:
    """Train, then verify the file as a verifier does."""
    problem = task.problem(size, seed)
    begun = clock_of_process()
    learned = learn(problem, task.settings, epochs=EPOCHS[size], random_seed=seed)
    training = clock_of_process() - begun
    file = model_file.save(learned.model)
    return {
        "trainingSeconds": training,
        "epochs": EPOCHS[size],
        "samples": len(problem.y_train),
        "fullSeconds": seconds_of(partial(verify, file, problem)),
        **differences(problem, task, learned.network, learned.model),
    }


def verify(file: bytes, problem: Problem) -> None:
    """Load a model and evaluate it on all samples."""
    model = model_file.load(file, problem.specification, problem.seed)
    place = place_of(pick_device())
    evaluate(model, problem.x_train, problem.y_train, place)
    evaluate(model, problem.x_test, problem.y_test, place)


def seconds_of(action: Callable[[], None]) -> float:
    """Return the median of how long an action takes."""
    found = []
    for _ in range(TIMES):
        begun = clock_of_process()
        action()
        found.append(clock_of_process() - begun)
    return statistics.median(found)


@torch.no_grad()
def differences(problem: Problem, task: Task, network: Network, model: Any) -> dict[str, Any]:
    """Return both evaluations' accuracy on the test set, and how many of 10,000 predictions differ."""
    inputs = inputs_of(problem.x_test, data_of(problem, task.settings))
    network.eval()
    device = next(network.parameters()).device
    parts = [
        network(inputs[start : start + AT_ONCE].to(device)).argmax(dim=1).cpu()
        for start in range(0, len(inputs), AT_ONCE)
    ]
    floating = torch.cat(parts).numpy()
    exact = evaluate(model, problem.x_test, problem.y_test).predictions
    return {
        "floatTest": 100 * float(np.mean(floating == problem.y_test)),
        "canonicalTest": 100 * float(np.mean(exact == problem.y_test)),
        "differIn10000": 10_000 * float(np.mean(exact != floating)),
    }


def cases(size: Size) -> Sequence[Case]:
    """One setting a task."""
    names = CHOSEN[:1] + CHOSEN[2:4] if size is Size.QUICK else CHOSEN
    return [Case(name, partial(measure, TASKS[name], size), TASKS[name].data) for name in names]


def report(records: Sequence[Record]) -> str:
    """Return the table in Markdown."""
    head = ["task", "training s (epochs)", "verifying s", "of training"]
    head += ["test %, float32", "test %, canonical", "differ in 10,000", "n"]
    rows = []
    for name, group in values(best_size(records)).items():
        rows.append(
            [
                name.rpartition(",")[0] if "%" in name else name,
                f"{spread(group['trainingSeconds'])} ({group['epochs'][0]})",
                spread(group["fullSeconds"], 2),
                share(group["fullSeconds"], group["trainingSeconds"]),
                *(spread(group[key], 2) for key in ("floatTest", "canonicalTest")),
                spread(group["differIn10000"]),
                str(len(group["epochs"])),
            ]
        )
    return table(head, rows)


def share(part: Sequence[float], whole: Sequence[float]) -> str:
    """Return the median of the ratios in percent."""
    return f"{100 * statistics.median(a / b for a, b in zip(part, whole, strict=True)):.1f} %"


EXPERIMENT = Experiment(
    "verification",
    "What verifying costs",
    "Evaluating a model takes a small part of the time that training took, 6 to 9 % for a CNN.\n"
    "Exact evaluation predicts what float32 does but for a dozen of 10,000 samples.\n"
    "CNNs learn 10,000 images, so that a seed takes a minute; test images and all other data are whole.",
    {Size.QUICK: 1, Size.REDUCED: 5, Size.FULL: 5},
    cases,
    report,
)

if __name__ == "__main__":
    main(EXPERIMENT)
