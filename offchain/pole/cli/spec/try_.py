"""`pole spec try`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pole.cli.common.context import Settings, command, common_options, json_option
from pole.cli.common.output import percent, print_json, print_table
from pole.cli.common.parameters import PERCENT, Duration, data_option
from pole.cli.common.worker import threads_option
from pole.cli.spec.documents import FILE

if TYPE_CHECKING:
    from pole.learning.data.datasets import DataSet
    from pole.learning.training.rehearsal import Rehearsal
    from pole.protocol.models.specification import ModelSpecification


@command(epilog="Example: pole spec try examples/breast-cancer-mlp.json --data breast_cancer --seconds 20")
@FILE
@data_option
@click.option("--train-samples", type=click.IntRange(min=2), help="Training samples to take.  [default: all]")
@click.option("--test-samples", type=click.IntRange(min=1), help="Test samples to take.  [default: all]")
@click.option(
    "--seconds", type=Duration(0.1), default=60, show_default=True, help="Time to train at most, such as 5m."
)
@click.option(
    "--train-accuracy",
    type=PERCENT,
    default=100,
    show_default=True,
    help="Training score, in percent, at which training ends.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Draws the mapping layer and the start.")
@threads_option
@json_option
@common_options
def try_(
    _settings: Settings,
    /,
    *,
    file: Path,
    data: str,
    train_samples: int | None,
    test_samples: int | None,
    threads: int,
    as_json: bool,
    **options: Any,
) -> None:
    """Train on a data set as a miner would, without chain or encryption, and say what is reached.

    The features are those that decryption would give, the score is that of the specification's metric by
    canonical evaluation: what to expect, before a reward is offered for it.
    """
    from pole.cli.common.task_terms import read_data, read_specification, taken
    from pole.cli.common.training import use_threads
    from pole.roles.publishing.preparation import check_samples

    use_threads(threads)
    specification = read_specification(file)
    dataset = taken(read_data(data), train_samples, test_samples)
    check_samples(dataset, specification)
    rehearsal = _rehearse(dataset, specification, **options)
    if as_json:
        print_json(_as_json(dataset, specification, rehearsal))
        return
    result = rehearsal.result
    click.echo(
        f"{dataset.name}: trained {result.epochs} epochs in {result.seconds:.1f} s, until "
        f"{result.reason.value}.\n"
    )
    print_table(("set", "samples", "score", "share"), _rows(dataset, rehearsal), empty="")
    metric = specification.metric
    click.echo(f"\nThe score is {metric if isinstance(metric, str) else metric.name}, times the samples.")


def _rehearse(
    dataset: "DataSet",
    specification: "ModelSpecification",
    *,
    seconds: float,
    train_accuracy: float,
    seed: int,
) -> "Rehearsal":
    import time

    from pole.learning.training.rehearsal import rehearse
    from pole.learning.training.stopping import StopRule
    from pole.learning.training.training import pick_device
    from pole.protocol.encoding.hashing import keccak256
    from pole.roles.workers.miner.training import correct_needed

    needed = correct_needed(round(100 * train_accuracy), len(dataset.x_train))
    rule = StopRule(needed, time.monotonic() + seconds, time.monotonic, lambda: False)
    layer_seed = keccak256(seed.to_bytes(32, "big", signed=True))
    return rehearse(dataset, specification, rule, seed=layer_seed, random_seed=seed, device=pick_device())


def _rows(dataset: "DataSet", rehearsal: "Rehearsal") -> list[tuple[object, ...]]:
    parts = (
        ("training", len(dataset.x_train), rehearsal.train_correct),
        ("test", len(dataset.x_test), rehearsal.test_correct),
    )
    return [(name, count, score, percent(score, count)) for name, count, score in parts]


def _as_json(
    dataset: "DataSet", specification: "ModelSpecification", rehearsal: "Rehearsal"
) -> dict[str, Any]:
    return {
        "data": dataset.name,
        "specDigest": f"0x{specification.digest().hex()}",
        "metric": specification.model_dump(mode="json")["metric"],
        "trainCount": len(dataset.x_train),
        "trainScore": rehearsal.train_correct,
        "testCount": len(dataset.x_test),
        "testScore": rehearsal.test_correct,
        "epochs": rehearsal.result.epochs,
        "seconds": round(rehearsal.result.seconds, 3),
        "ended": rehearsal.result.reason.name,
    }
