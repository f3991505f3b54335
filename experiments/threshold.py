"""Seconds until the required training accuracy is reached, by the miner's default recipe.

Claim: each task of examples/ reaches its accuracy well within its time limit on two cores, eager training in
a part of the time that a whole cycle takes, at some cost in test accuracy. Command: python -m
experiments.threshold [--quick|--full]. Hardware: a CPU with 2 cores, or a GPU. n: 5 seeds.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from experiments.problems.data import Problem
from experiments.problems.learning import accuracy, clock_of_process, task_of
from experiments.problems.tasks import EASY, TASKS, Task
from experiments.running.command_line import main
from experiments.running.progress import now_and_then, of_training
from experiments.running.records import Record, Size, best_size
from experiments.running.session import Case, Experiment
from experiments.running.tables import spread, table, values
from pole.learning.machine.threads import never
from pole.learning.training.recipe import TrainingSettings
from pole.learning.training.stopping import StopRule
from pole.learning.training.training import pick_device, train

TIME_LIMIT: Final = {Size.QUICK: 5.0, Size.REDUCED: 600.0, Size.FULL: 600.0}

QUICK: Final = ("iris, MLP", "mnist, MLP, 80 %", "mnist, CNN, 97 %")


def measure(task: Task, size: Size, seed: int) -> Mapping[str, Any]:
    """Train until the accuracy is reached, at the first model and at the end of a cycle."""
    problem = task.problem(size, seed)
    required = EASY if size is Size.QUICK else task.required
    found: dict[str, Any] = {"required": required}
    for way in ("eager", "patient"):
        settings = replace(task.settings, eager=way == "eager")
        found |= {
            f"{way}{name}": value
            for name, value in reached(problem, settings, required, TIME_LIMIT[size], seed).items()
        }
    return found


def reached(
    problem: Problem, settings: TrainingSettings, required: float, limit: float, seed: int
) -> dict[str, Any]:
    """Return seconds, epochs, accuracies, and why training ended."""
    needed = math.ceil(required / 100 * len(problem.y_train))
    rule = StopRule(needed, clock_of_process() + limit, clock_of_process, never)
    result = train(
        task_of(problem, settings),
        rule,
        random_seed=seed,
        device=pick_device(),
        report=of_training(None, now_and_then()),
    )
    model, correct = result.candidate.model, result.candidate.evaluation.correct
    return {
        "Seconds": result.seconds,
        "Epochs": result.epochs,
        "Train": 100 * correct / len(problem.y_train),
        "Test": accuracy(model, problem.x_test, problem.y_test),
        "Reason": result.reason.name,
    }


def cases(size: Size) -> Sequence[Case]:
    """One setting a task."""
    names = QUICK if size is Size.QUICK else tuple(TASKS)
    return [Case(name, partial(measure, TASKS[name], size), TASKS[name].data) for name in names]


def report(records: Sequence[Record]) -> str:
    """Return the table in Markdown."""
    head = ["task", "required train %", "training", "seconds", "epochs", "train %", "test %", "reached", "n"]
    rows = []
    for name, group in values(best_size(records)).items():
        for way in ("eager", "patient"):
            met = sum(reason == "THRESHOLD" for reason in group[f"{way}Reason"])
            rows.append(
                [
                    *(name, f"{group['required'][0]:g}", way),
                    *(spread(group[f"{way}{key}"]) for key in ("Seconds", "Epochs")),
                    *(spread(group[f"{way}{key}"], 2) for key in ("Train", "Test")),
                    *(f"{met} of {len(group['required'])}", str(len(group["required"]))),
                ]
            )
    return table(head, rows)


EXPERIMENT = Experiment(
    "threshold",
    "Seconds to the required accuracy",
    "Each task reaches its accuracy well within its time limit; eager training takes a part of a cycle's "
    "time, at some cost in test accuracy.\n"
    "CNNs learn 10,000 images, so that a seed takes a minute; test images and all other data are whole.",
    {Size.QUICK: 1, Size.REDUCED: 5, Size.FULL: 5},
    cases,
    report,
)

if __name__ == "__main__":
    main(EXPERIMENT)
