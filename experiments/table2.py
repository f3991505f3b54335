"""Table 2 and Figures 5 to 8: the network over the secure mapping layer beside the original one.

Claim: the layer costs at most 0.5 points of test accuracy where it keeps the information, and because its
features are computed once, an epoch over it takes at most 0.8 times as long for an MLP and 1.1 times for a
CNN. Command: python -m experiments.table2 [--quick|--full] [--only ROW]. Hardware: a CPU with 2 cores, which
trains VGG-16 at full width on all images in up to 67 minutes; --full trains longer and is for a GPU. n: 5
seeds, 1 of VGG-16, 3 full. Both networks of a row have one recipe; an original is trained once for all rows
that it stands beside. Accuracies are those of canonical evaluation, curves those of the network in float32,
on a part of the samples. Times are medians over batches of both networks in turn.
"""

import shutil
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import mean, median
from typing import Any, Final

import numpy as np
from scripts.pages.charts import Axes, lines
from torch import Tensor

from experiments.problems.data import Problem, first
from experiments.problems.learning import clock_of_process, data_of, inputs_of, learn, network_accuracy
from experiments.problems.pairs import ORIGINALS, SECURE, Trained
from experiments.running.command_line import main
from experiments.running.environment import REPOSITORY
from experiments.running.records import Record, Size, best_size
from experiments.running.resuming import Notes, folder_name
from experiments.running.session import Case, Experiment
from experiments.running.tables import spread, table, values
from pole.learning.machine.threads import never
from pole.learning.training.recipe import TrainingSettings, batch_count, shuffled
from pole.learning.training.stopping import StopRule
from pole.learning.training.training_data import with_samples
from pole.learning.training.training_run import Progress, TrainingRun

WATCHED: Final = 2500
"""Samples that a curve is taken over."""
TIMED: Final = 8000
"""Samples that the batches are of by which an epoch is timed."""
TURNS: Final = {Size.QUICK: 3, Size.REDUCED: 30, Size.FULL: 100}
MAXIMUM_SECONDS: Final = 40.0
UNFINISHED: Final = REPOSITORY / "build" / "unfinished-experiments"
FIGURES: Final = {name: number for number, name in enumerate(SECURE, start=5)}

Rows = Mapping[str, Sequence[Record]]


def trained(way: str, network: Trained, name: str, size: Size, seed: int) -> Mapping[str, Any]:
    """Train a network, from its last checkpoint if it has one; `way` is `secure` or `original`."""
    schedule = Schedule(seed, kept_in(name, size, seed))
    return watch(way, network.problem(size, seed), network.recipes[size], schedule)


def timed(name: str, beside: str, size: Size, seed: int) -> Mapping[str, Any]:
    """Return the seconds of an epoch of a row's network and of its original, which take turns."""
    networks = SECURE[name], ORIGINALS[beside]
    secure, original = (each.problem(size, seed) for each in networks)
    recipes = networks[0].recipes[size], networks[1].recipes[size]
    per_batch = seconds_a_batch((first(secure, TIMED), first(original, TIMED)), recipes, TURNS[size])
    batches = batch_count(len(secure.y_train), recipes[0].batch)
    seconds = [batches * each for each in per_batch]
    return {
        "secureSeconds": seconds[0],
        "originalSeconds": seconds[1],
        "ratio": seconds[0] / seconds[1],
    }


def kept_in(name: str, size: Size, seed: int) -> Path:
    """Return the folder of what a training keeps to be taken up again."""
    return UNFINISHED / folder_name(name, size, seed)


def forget(name: str, size: Size, seed: int) -> None:
    """Delete what a training kept to be taken up again."""
    kept = kept_in(name, size, seed)
    if kept.exists():
        shutil.rmtree(kept)


@dataclass(frozen=True, slots=True)
class Schedule:
    """From which random seed a network is trained, and where that can be taken up again."""

    random_seed: int
    folder: Path


def watch(way: str, problem: Problem, settings: TrainingSettings, schedule: Schedule) -> dict[str, Any]:
    """Return the accuracies after training and after each epoch of it."""
    seen, unseen = watched(problem, settings)
    notes = Notes(schedule.folder)

    def listen(progress: Progress) -> None:
        known = network_accuracy(progress.network, seen, problem.y_train[:WATCHED])
        unknown = network_accuracy(progress.network, unseen, problem.y_test[:WATCHED])
        notes.note(progress.epoch, [known, unknown])

    learned = learn(
        problem,
        settings,
        epochs=settings.epochs,
        random_seed=schedule.random_seed,
        report=listen,
        checkpoints=notes.checkpoints(),
    )
    curve = notes.until(settings.epochs)
    found = {f"{way}Train": learned.train, f"{way}Test": learned.test, f"{way}Curve": curve}
    return found | {"epochs": settings.epochs}


def watched(problem: Problem, settings: TrainingSettings) -> tuple[Tensor, Tensor]:
    """Return the first training and test samples as the network sees them."""
    # All of them at once take gigabytes, which are given back when this returns.
    data = data_of(problem, settings)
    return data.inputs[:WATCHED].cpu().clone(), inputs_of(problem.x_test[:WATCHED], data)


def seconds_a_batch(
    problems: tuple[Problem, Problem], recipes: tuple[TrainingSettings, TrainingSettings], turns: int
) -> tuple[float, float]:
    """Return how long a batch of each takes, the median of batches taken in turn."""
    runs = [training_run(problem, settings) for problem, settings in zip(problems, recipes, strict=True)]
    rows = list(shuffled(len(problems[0].y_train), runs[0].batches))
    begun = time.perf_counter()
    seconds: list[list[float]] = []
    for turn in range(turns + 1):
        seconds.append([_timed(run, rows[turn % len(rows)]) for run in runs])
        if time.perf_counter() - begun > MAXIMUM_SECONDS and turn > 0:
            break
    # The first turn is a warm-up.
    secure, original = (median(column) for column in zip(*seconds[1:], strict=True))
    return secure, original


def training_run(problem: Problem, settings: TrainingSettings) -> TrainingRun:
    """Return a training of the problem that has not begun."""
    rule = StopRule(0, float("inf"), clock_of_process, never)
    return TrainingRun(with_samples(data_of(problem, settings)), rule, report=lambda _: None, started=0.0)


def _timed(run: TrainingRun, rows: Any) -> float:
    begun = clock_of_process()
    run.step(rows, 1e-4)
    return clock_of_process() - begun


def cases(size: Size) -> Sequence[Case]:
    """One setting a network, and one for the time of each that has an original beside it."""
    every = [("secure", SECURE), ("original", ORIGINALS)]
    found = [
        Case(
            name,
            partial(trained, way, each, name, size),
            each.data,
            _seeds(each, size),
            partial(forget, name, size),
        )
        for way, networks in every
        for name, each in networks.items()
    ]
    return found + [
        Case(time_of(name), partial(timed, name, each.original, size), each.data)
        for name, each in SECURE.items()
        if each.original is not None
    ]


def _seeds(network: Trained, size: Size) -> int | None:
    return network.seeds if size is Size.REDUCED else None


def time_of(name: str) -> str:
    """Return what the setting is called in which a row's time is measured."""
    return f"{name}: time"


def rows_of(records: Sequence[Record]) -> Rows:
    """Return each row's records at the largest size that there is, with what its original reached in them."""
    by_name = _by_name(records)
    rows = {}
    for name, network in SECURE.items():
        beside = {(each.size, each.seed): each.measured for each in by_name[network.original or ""]}
        rows[name] = [
            replace(each, measured={**beside.get((each.size, each.seed), {}), **each.measured})
            for each in best_size(by_name[name])
        ]
    return {name: own for name, own in rows.items() if own}


def _by_name(records: Sequence[Record]) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        found[record.setting].append(record)
    return found


def report(records: Sequence[Record]) -> str:
    """Return the table in Markdown."""
    head = ["task", "what was trained", "secure train %", "secure test %", "original train %"]
    head += ["original test %", "n", "seconds an epoch", "ratio", "n of the times"]
    head += ["paper, secure/original %", "paper, ratio"]
    by_name, found = _by_name(records), rows_of(records)
    return table(head, [_row(name, found.get(name, ()), by_name[time_of(name)]) for name in SECURE])


def _row(name: str, own: Sequence[Record], times: Sequence[Record]) -> list[str]:
    printed = SECURE[name].paper
    paper = ["/".join(printed[:2]).strip("/"), printed[2]]
    if not own:
        return [name, "not trained yet", *[""] * 5, *_times(times), *paper]
    (group,) = values(own).values()
    told = f"{SECURE[name].told[own[0].size]}, {own[0].measured['epochs']} epochs"
    shares = [_spread(group, key) for key in ("secureTrain", "secureTest", "originalTrain", "originalTest")]
    return [name, told, *shares, str(len(own)), *_times(times), *paper]


def _times(records: Sequence[Record]) -> tuple[str, str, str]:
    """Return the cells for the seconds of an epoch, their ratio and how often it was measured."""
    if not records:
        return "", "", ""
    (group,) = values(best_size(records)).values()
    seconds = f"{mean(group['secureSeconds']):.3g} / {mean(group['originalSeconds']):.3g}"
    return seconds, _spread(group, "ratio"), str(len(group["ratio"]))


def _spread(group: Mapping[str, list[float]], key: str) -> str:
    return spread(group[key], 2) if group[key] else ""


def pictures(records: Sequence[Record]) -> Mapping[str, str]:
    """Return the curves of training and test accuracy, one picture a task."""
    drawn = {}
    for name, own in rows_of(records).items():
        curves = {}
        for way in ("secure", "original"):
            kept = [each.measured[f"{way}Curve"] for each in own if f"{way}Curve" in each.measured]
            by_epoch = np.array(kept).mean(axis=0) if kept else []
            for column, part in ((1, "training"), (2, "test")):
                curves[f"{way}, {part}"] = [(float(row[0]), float(row[column])) for row in by_epoch]
        axes = Axes(f"Figure {FIGURES[name]}: {name}", "epoch", "accuracy %", y_top=100)
        drawn[f"figure{FIGURES[name]}.svg"] = lines(
            axes, {told: points for told, points in curves.items() if points}
        )
    return drawn


EXPERIMENT = Experiment(
    "table2",
    "Table 2 and Figures 5 to 8, and more: the secure network beside the original",
    "The layer costs at most 0.5 points of test accuracy where it keeps the information, and an epoch takes "
    "at most 0.8 times as long for an MLP and 1.1 times for a CNN.\n"
    "Not so is the time of Iris, whose original has four inputs, and of the small CNN on CIFAR-10, whose "
    "first layer reads twelve channels instead of three.\n"
    "Not so either is the accuracy over one filter a channel, which blurs.\n"
    "How much 4x64 projections hold says the best of the four networks over them: the MLP has as much there "
    "as over the images, so VGG-16 wants no information, but neighbours that its filters could compare.\n"
    "VGG-16 is trained once, at full width, and what stands beside several rows once for them all.\n"
    "On MNIST it has 8 epochs, of which the last adds 0.2 points at most.\n"
    "On CIFAR-10 it has 12 epochs, for which two cores take an hour: over twelve channels it just misses the "
    "paper's 91.25 %, and its original, by the same recipe, misses it by more.\n"
    "Curves are of the network in float32 over the first 2,500 samples.\n"
    "Seconds of an epoch are its batches times the median of at most 30.\n"
    "These are of 8,000 samples, and the network and its original take turns.",
    {Size.QUICK: 1, Size.REDUCED: 5, Size.FULL: 3},
    cases,
    report,
    pictures,
)

if __name__ == "__main__":
    main(EXPERIMENT)
