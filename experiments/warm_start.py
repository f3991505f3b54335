"""Warm start: how many epochs an old solution saves whoever trains for a new round of the same data.

Claim: a model of an earlier round over a linear correction reaches within one epoch what training from
scratch needs several for. Command: python -m experiments.warm_start [--quick|--full]. Hardware: a CPU with 2
cores. n: 5 seeds, each replaced by one other, on MNIST (60,000; 10,000 for `conv`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from statistics import mean
from typing import Any, Final

from scripts.pages.charts import Axes, lines

from experiments.problems.corrections import least_squares
from experiments.problems.data import Problem, round_seed
from experiments.problems.learning import accuracy, clock_of_process, data_of, inputs_of, learn, task_of
from experiments.problems.victims import EPOCHS, PAPER, Variant
from experiments.running.command_line import main
from experiments.running.progress import now_and_then, of_training
from experiments.running.records import Record, Size, best_size
from experiments.running.session import Case, Experiment
from experiments.running.tables import spread, table, values
from pole.learning.machine.threads import never
from pole.learning.networks.network import Network
from pole.learning.training.stopping import StopRule
from pole.learning.training.training_data import TrainingData
from pole.learning.training.training_run import TrainingRun

ELSEWHERE: Final = 3_000_000
KNOWN: Final = {False: 5000, True: 200}
"""Samples that the correction is fitted on, of vectors and of images."""
LENGTHS: Final = {Size.QUICK: (1, 2), Size.REDUCED: (1, 2, 4, 8), Size.FULL: (1, 2, 4, 8, 16)}
GENTLER: Final = 4
"""The old network is trained on with a rate this many times lower."""


def measure(variant: Variant, size: Size, seed: int) -> Mapping[str, Any]:
    """Return test accuracies after cycles of some epochs, from scratch and from an old network."""
    old = variant.problem(size, round_seed(seed))
    new = variant.problem(size, round_seed(ELSEWHERE + seed))
    victim = learn(old, variant.settings, epochs=EPOCHS[size], random_seed=seed)
    count = min(KNOWN[variant.is_image], len(old.y_train))
    back = least_squares(new.x_train[:count], old.x_train[:count])
    again = replace(old, x_train=back(new.x_train), x_test=back(new.x_test))
    data = replace(data_of(old, variant.settings), task=task_of(again, variant.settings))
    data = replace(data, inputs=inputs_of(again.x_train, data).to(data.inputs.device))
    scratch, warm = [], []
    for length in LENGTHS[size]:
        scratch.append([length, learn(new, variant.settings, epochs=length, random_seed=seed + 1).test])
        warm.append([length, _trained_on(victim.network, data, again, variant, length)])
    return {
        "victim": victim.test,
        "unchanged": accuracy(victim.model, again.x_test, again.y_test),
        "scratch": scratch,
        "warm": warm,
    }


def _trained_on(
    network: Network, data: TrainingData, problem: Problem, variant: Variant, epochs: int
) -> float:
    """Return the test accuracy of an old network after a cycle on corrected features."""
    settings = replace(
        variant.settings,
        epochs=epochs,
        steps=1,
        learning_rate=variant.settings.learning_rate / GENTLER,
    )
    rule = StopRule(0, float("inf"), clock_of_process, never)
    show, begun = of_training(epochs, now_and_then()), clock_of_process()
    data = replace(data, task=replace(data.task, settings=settings))
    run = TrainingRun(data, rule, report=show, started=begun)
    run.network.load_state_dict(network.state_dict())
    run.until_stopped()
    assert run.best is not None
    return accuracy(run.best.model, problem.x_test, problem.y_test)


def cases(size: Size) -> Sequence[Case]:
    """One setting a kind of layer; the quick size has one."""
    names = list(PAPER)[:1] if size is Size.QUICK else list(PAPER)
    return [Case(name, partial(measure, PAPER[name], size), data="mnist") for name in names]


def report(records: Sequence[Record]) -> str:
    """Return the table in Markdown."""
    rows = []
    for name, group in values(best_size(records)).items():
        for way in ("scratch", "warm"):
            columns = zip(*group[way], strict=True)
            told = ", ".join(f"{column[0][0]}: {spread([y for _, y in column], 2)}" for column in columns)
            before = "" if way == "scratch" else spread(group["unchanged"], 2)
            rows.append([name, way, before, told, str(len(group["victim"]))])
    return table(["layer", "start", "before training, test %", "epochs: test %", "n"], rows)


def pictures(records: Sequence[Record]) -> Mapping[str, str]:
    """Return test accuracy by epochs, for both starts."""
    curves = {}
    for name, group in values(best_size(records)).items():
        for way in ("scratch", "warm"):
            columns = zip(*group[way], strict=True)
            curves[f"{name}, {way}"] = [(column[0][0], mean(y for _, y in column)) for column in columns]
    axes = Axes("Training for a new seed, from scratch or from an old solution", "epochs", "test %")
    return {"warm-start.svg": lines(axes, curves)}


EXPERIMENT = Experiment(
    "warm_start",
    "Warm start from an old solution",
    "An old model over a linear correction reaches within one epoch what training from scratch needs several "
    "for.\n"
    "Rows of `conv` layers have 10,000 training and 2,000 test images, so that a seed takes a minute or two; "
    "all others have the whole of MNIST.",
    {Size.QUICK: 1, Size.REDUCED: 5, Size.FULL: 5},
    cases,
    report,
    pictures,
)

if __name__ == "__main__":
    main(EXPERIMENT)
