"""`pole miner try`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pole.cli.common.context import Settings, command, common_options, json_option
from pole.cli.common.output import percent, print_json, print_table
from pole.cli.common.parameters import PERCENT, data_option, seconds_option, specification_argument
from pole.cli.common.worker import processes_option, threads_option
from pole.errors import InputError

if TYPE_CHECKING:
    from pole.learning.data.datasets import DataSet
    from pole.protocol.models.specification import ModelSpecification
    from pole.roles.training.learner import Learner


@dataclass(frozen=True, slots=True)
class Try:
    """What a learner reached with a seed, in correct predictions, and the seconds that it took."""

    seed: int
    train: int
    test: int
    seconds: float


@command(epilog="Example: pole miner try examples/iris-mlp.json --data iris --learner my.py:Mine")
@specification_argument
@data_option
@click.option("--learner", metavar="SOURCE", help="Train by your own code: module.py:Class or a name.")
@click.option(
    "--recipe",
    "recipe_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="TOML file of training settings.",
)
@click.option("--device", help="Device of torch to train on.  [default: a GPU if there is one]")
@seconds_option
@click.option(
    "--train-accuracy",
    type=PERCENT,
    default=95,
    show_default=True,
    help="Training score, in percent, that the round would ask for.",
)
@click.option(
    "--seeds", type=click.IntRange(min=1), default=3, show_default=True, help="How many seeds to try."
)
@threads_option
@processes_option
@json_option
@common_options
def try_(
    _settings: Settings,
    /,
    *,
    file: Path,
    data: str,
    learner: str | None,
    recipe_file: Path | None,
    device: str | None,
    seconds: float,
    train_accuracy: float,
    seeds: int,
    threads: int,
    processes: int,
    as_json: bool,
) -> None:
    """Train as `pole miner run` would, on plain data without a chain, and show what that is worth.

    A seed draws the mapping layer. The scores are those of the model that would be committed.
    """
    import tempfile

    from pole.api.terms import read_specification
    from pole.cli.common.data import read_data
    from pole.cli.common.training import open_learner, open_own_learner, settings_of
    from pole.roles.publishing.preparation import check_samples
    from pole.roles.workers.miner.training import correct_needed

    if learner is not None and recipe_file is not None:
        raise InputError("--learner trains by your own code: leave --recipe out.")
    if learner is not None and processes > 1:
        raise InputError(
            "--learner trains by your own code, which starts its own processes: leave --processes out."
        )
    specification, dataset = read_specification(file), read_data(data)
    check_samples(dataset, specification)
    training = settings_of(recipe_file, {})
    with tempfile.TemporaryDirectory() as folder:
        trains = (
            open_learner(device, threads, Path(folder), 0.0, training, processes)
            if learner is None
            else open_own_learner(learner, device, threads, Path(folder))
        )
        needed = correct_needed(round(100 * train_accuracy), len(dataset.x_train))
        tries = [_try(trains, dataset, specification, seed, needed, seconds) for seed in range(1, seeds + 1)]
    _report(tries, dataset, as_json=as_json)


def _try(
    learner: "Learner",
    dataset: "DataSet",
    specification: "ModelSpecification",
    seed: int,
    needed: int,
    seconds: float,
) -> Try:
    import time

    import numpy as np

    from pole.learning.training.rehearsal import features_in_clear
    from pole.protocol.encoding.hashing import keccak256
    from pole.roles.judging.assessment import evaluate_model
    from pole.roles.receiving.samples import Samples
    from pole.roles.training.learner import Assignment

    layer = keccak256(seed.to_bytes(32, "big"))
    train, test = features_in_clear(dataset, specification, layer, np.random.default_rng(seed).bytes)
    begun = time.monotonic()
    samples = Samples(train, dataset.y_train)
    found = learner.train(
        Assignment(specification, layer, samples, needed, begun + seconds), stop=lambda: False
    )
    took = time.monotonic() - begun
    tested = evaluate_model(found.model, specification, layer, Samples(test, dataset.y_test))
    return Try(seed, found.train_correct, tested.correct, took)


def _report(tries: list[Try], dataset: "DataSet", *, as_json: bool) -> None:
    counts = len(dataset.x_train), len(dataset.x_test)
    if as_json:
        print_json(
            {
                "trainCount": counts[0],
                "testCount": counts[1],
                "seeds": [
                    {
                        "seed": each.seed,
                        "trainCorrect": each.train,
                        "testCorrect": each.test,
                        "seconds": round(each.seconds, 3),
                    }
                    for each in tries
                ],
            }
        )
        return
    rows = [
        (str(each.seed), percent(each.train, counts[0]), percent(each.test, counts[1]), f"{each.seconds:.2f}")
        for each in tries
    ]
    many = len(tries)
    train = percent(sum(each.train for each in tries), many * counts[0])
    test = percent(sum(each.test for each in tries), many * counts[1])
    rows.append(("mean", train, test, f"{sum(each.seconds for each in tries) / many:.2f}"))
    print_table(("seed", "training score", "test score", "seconds"), rows, empty="")
