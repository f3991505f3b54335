"""`pole data privacy`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pole.cli.common.budget import open_budget
from pole.cli.common.context import Settings, command, common_options, json_option
from pole.cli.common.output import print_json, print_table
from pole.cli.common.parameters import data_option
from pole.cli.common.worker import threads_option

if TYPE_CHECKING:
    from pole.learning.data.datasets import DataSet
    from pole.learning.privacy.disclosure import Disclosure
    from pole.protocol.mapping.plan import QueryPlan

DRAWN = 12
METHODS = {
    "mean": "the mean of the known samples, whatever the projections",
    "least squares": "the smallest sample with the right projections; needs the keys alone",
    "linear, learned": "the best affine map, learned from the known samples",
    "network, learned": "a small network on top of it, learned from the known samples",
}


@command(
    epilog="Example: pole data privacy --data mnist --spec examples/mnist-mlp.json --rounds 2 --picture "
    "privacy.png"
)
@data_option
@click.option(
    "--spec",
    type=click.Path(path_type=Path),
    help="File of the model specification.  [default: the tasks that have keys by the ledger]",
)
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Rounds of the specification, each with a seed of its own.",
)
@click.option(
    "--known",
    type=click.IntRange(min=2),
    default=10_000,
    show_default=True,
    help="Training samples that the attacker knows already, at most.",
)
@click.option(
    "--held-out",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="Test samples that are reconstructed, at most.",
)
@click.option(
    "--steps", type=click.IntRange(min=1), default=400, show_default=True, help="Steps to train the network."
)
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="PNG file to write: a row of samples, and a row below for each attack.",
)
@threads_option
@json_option
@common_options
def privacy(
    settings: Settings,
    /,
    *,
    data: str,
    spec: Path | None,
    rounds: int,
    known: int,
    held_out: int,
    steps: int,
    picture: Path | None,
    threads: int,
    as_json: bool,
) -> None:
    """Show what functional keys reveal of a data set: attack it.

    Computes the projections that a task's keys open, reconstructs samples of the test set from them, and
    says how close the reconstructions come: by least squares, which needs nothing but the keys, and by a
    linear map and a small network that learn from samples of the same kind. Nothing is encrypted or sent.
    """
    from pole.cli.common.task_terms import SPLIT_SEED, read_data
    from pole.cli.common.training import use_threads
    from pole.ipfe.group import ORDER
    from pole.learning.data.datasets import subset
    from pole.learning.privacy.disclosure import reconstruct
    from pole.protocol.mapping.rank import query_rank

    use_threads(threads)
    whole = read_data(data)
    plans, bits = _plans_issued(settings, whole) if spec is None else _plans_of(spec, whole, rounds)
    dataset = subset(whole, min(known, len(whole.x_train)), min(held_out, len(whole.x_test)), SPLIT_SEED)
    disclosure = reconstruct(dataset, plans, bits=bits, steps=steps, seed=SPLIT_SEED)
    dimension = disclosure.samples.shape[1]
    rank = query_rank(plans, dimension, ORDER)
    if picture is not None:
        _draw(disclosure, dataset, picture)
    if as_json:
        print_json({"rank": rank, "dimension": dimension, "methods": _as_json(disclosure)})
        return
    sets = "one set" if len(plans) == 1 else f"{len(plans)} sets"
    click.echo(
        f"{whole.name}: {sets} of keys give away {rank} of {dimension} independent functions of a sample. "
        f"{len(dataset.x_test)} samples reconstructed, {len(dataset.x_train)} known to the attacker.\n"
    )
    _print(disclosure, rank)
    if picture is not None:
        click.echo(f"{picture}: from above, the samples, then {', '.join(METHODS)}.")


def _plans_of(spec: Path, dataset: "DataSet", rounds: int) -> tuple[list["QueryPlan"], int]:
    """Return the query vectors of rounds of a specification, and the bits of its samples."""
    from pole.cli.common.task_terms import read_specification
    from pole.errors import InputError
    from pole.protocol.encoding.hashing import keccak256
    from pole.protocol.mapping.layer import data_plan

    specification = read_specification(spec)
    if specification.input.shape != dataset.input_shape:
        raise InputError(
            f"The samples of {dataset.name} have the shape {list(dataset.input_shape)}, but the "
            f"specification's input is {list(specification.input.shape)}; change one of them."
        )
    seeds = [keccak256(number.to_bytes(32, "big")) for number in range(1, rounds + 1)]
    return [data_plan(specification, seed) for seed in seeds], specification.input.bits


def _plans_issued(settings: Settings, dataset: "DataSet") -> tuple[list["QueryPlan"], int]:
    """Return the query vectors that keys of a data set were issued for, and the most bits of its samples."""
    from pole.errors import InputError
    from pole.learning.data.digest import data_set_digest
    from pole.roles.keys.budget import plans_given

    digest = data_set_digest(dataset)
    entries = [each for each in open_budget(settings).ledger.entries() if each.data_digest == digest]
    plans = plans_given(entries)
    if not plans:
        raise InputError(
            f"No keys were issued for {dataset.name} from this data folder: name a specification with --spec."
        )
    return plans, max(each.specification.input.bits for each in entries)


def _draw(disclosure: "Disclosure", dataset: "DataSet", path: Path) -> None:
    from pole.errors import InputError
    from pole.learning.privacy.pictures import contact_sheet, png

    rows = [disclosure.samples, *(each.samples for each in disclosure.reconstructions)]
    try:
        path.write_bytes(png(contact_sheet([row[:DRAWN] for row in rows], dataset.input_shape)))
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): name another --picture.") from error


def _print(disclosure: "Disclosure", rank: int) -> None:
    columns = ("method", "error", "PSNR", "correlation", "exact values", "how")
    print_table(columns, _rows(disclosure), empty="")
    click.echo(f"\n{_verdict(disclosure, rank)}")


def _rows(disclosure: "Disclosure") -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    for each in disclosure.reconstructions:
        near = each.likeness
        found.append(
            (
                each.method,
                f"{near.mse:.2g}",
                f"{near.psnr:.1f} dB",
                f"{near.correlation:.3f}",
                f"{100 * near.exact:.1f} %",
                METHODS[each.method],
            )
        )
    return found


def _as_json(disclosure: "Disclosure") -> list[dict[str, Any]]:
    # JSON has no infinity: an error of zero has no PSNR.
    return [
        {"method": each.method}
        | {name: value if value != float("inf") else None for name, value in asdict(each.likeness).items()}
        for each in disclosure.reconstructions
    ]


def _verdict(disclosure: "Disclosure", rank: int) -> str:
    if rank >= disclosure.samples.shape[1] - 1:
        return "The samples are disclosed: with so many functions known, anybody can compute them exactly."
    mean, *attacks = disclosure.reconstructions
    best = min(attacks, key=lambda each: each.likeness.mse)
    if best.likeness.mse >= mean.likeness.mse:
        return "None of these attacks does better than knowing the mean; another one may."
    share = 1 - best.likeness.mse / mean.likeness.mse
    return (
        f"The best attack here ({best.method}) explains {100 * share:.0f} % of what the mean leaves open. "
        "This is a lower bound on what is revealed: better attacks exist, and none must be exact to do harm."
    )
