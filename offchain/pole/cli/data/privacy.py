"""`pole data privacy`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pole.api.budget import open_budget
from pole.cli.common.cluster import cluster_options, opened_cluster
from pole.cli.common.context import Settings, command, common_options, json_option
from pole.cli.common.disclosure import draw, rows_of
from pole.cli.common.output import print_json, print_table
from pole.cli.common.parameters import data_option
from pole.cli.common.worker import threads_option
from pole.cli.data.noise import Deviations, show

if TYPE_CHECKING:
    from pole.learning.data.datasets import DataSet
    from pole.learning.privacy.disclosure import AttackAll, Disclosure
    from pole.learning.privacy.noise import TradeOff
    from pole.learning.privacy.views import View

METHODS = {
    "mean": "the mean of the known samples, whatever the answers",
    "most common": "the most common value of each column, whatever the answers",
    "least squares": "the smallest sample with the right answers; needs the keys alone",
    "within the hull": "the same among combinations of the known samples",
    "linear, learned": "the best affine map, learned from the known samples",
    "common values, learned": "the same, values near the most common one of their column taken for it",
    "network, learned": "a small network on top of it, learned from the known samples",
    "rounding, one by one": "the value that is known best is rounded, and helps with the next",
    "search": "all states of the columns, meeting in the middle; where they are few",
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
    default=5000,
    show_default=True,
    help="Training samples that the attacker knows already, at most.",
)
@click.option(
    "--held-out",
    type=click.IntRange(min=1),
    default=400,
    show_default=True,
    help="Test samples that are reconstructed, at most.",
)
@click.option(
    "--steps", type=click.IntRange(min=1), default=200, show_default=True, help="Steps to train the network."
)
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="PNG file to write: a row of samples, and a row below for each attack.",
)
@click.option(
    "--noise",
    type=Deviations(),
    help="Standard deviations of noise on features to try with --spec, such as 10,30,100: accuracy against "
    "the attacker's error, which --picture then draws.",
)
@threads_option
@cluster_options
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
    noise: tuple[int, ...] | None,
    threads: int,
    cluster: str | None,
    cluster_certificates: Path | None,
    as_json: bool,
) -> None:
    """Show what functional keys reveal of a data set: attack it.

    Computes what a task's keys open, reconstructs samples of the test set from it by every attack that PoLe
    knows, and says how close they come. With the same numbers `pole task post` shows the best of them before
    it sends anything; without --spec the attacks are mounted on the keys that were issued. Nothing is
    encrypted or sent, but to a --cluster: its workers see the known samples in the clear.
    """
    from pole.cli.common.data import read_data
    from pole.cli.common.training import use_threads
    from pole.learning.privacy.disclosure import attack_in_turn, reconstruct
    from pole.roles.keys.attack_shards import attacks_beside
    from pole.roles.keys.preview import known_part

    use_threads(threads)
    whole = read_data(data)
    dataset = known_part(whole, known, held_out)
    with opened_cluster(settings, cluster, cluster_certificates) as shards:
        attack_all = attack_in_turn if shards is None else attacks_beside(shards)
        if noise is not None:
            found, classifies = _tried(spec, dataset, rounds, noise, steps, attack_all)
            show(found, classifies=classifies, picture=picture, as_json=as_json)
            return
        views, bits = _views_issued(settings, whole) if spec is None else _views_of(spec, whole, rounds)
        disclosure = reconstruct(dataset, views, bits=bits, steps=steps, attack_all=attack_all)
    facts = _facts(whole, views, bits)
    if picture is not None:
        draw(disclosure, dataset.input_shape, picture)
    if as_json:
        print_json(facts | {"methods": _as_json(disclosure), "leftOut": disclosure.left_out})
        return
    sets = "one set" if len(views) == 1 else f"{len(views)} sets"
    click.echo(
        f"{whole.name}: {sets} of keys give away {facts['rank']} independent functions of a sample, of the "
        f"{facts['affineRank']} dimensions that {facts['dimension']} columns fill, and up to "
        f"{facts['answerBits']} of at most {facts['bits']} bits. {len(dataset.x_test)} samples "
        f"reconstructed, {len(dataset.x_train)} known to the attacker.\n"
    )
    _print(disclosure)
    if picture is not None:
        click.echo(f"{picture}: from above, {', '.join(rows_of(disclosure))}.")


def _tried(
    spec: Path | None,
    dataset: "DataSet",
    rounds: int,
    deviations: tuple[int, ...],
    steps: int,
    attack_all: "AttackAll",
) -> tuple[list["TradeOff"], bool]:
    """Return what each noise does to rounds of a specification, and whether the task is to classify."""
    from pole.api.terms import read_specification
    from pole.errors import InputError
    from pole.learning.privacy.noise import trade_off
    from pole.protocol.models.metrics import AbsoluteError

    if spec is None:
        raise InputError("--noise tries a layer before it is posted: name a specification with --spec.")
    classifies = not isinstance(read_specification(spec).metric, AbsoluteError)
    views, bits = _views_of(spec, dataset, rounds)
    found = [
        trade_off(dataset, views, each, bits=bits, steps=steps, classifies=classifies, attack_all=attack_all)
        for each in deviations
    ]
    return found, classifies


def _facts(dataset: "DataSet", views: "list[View]", bits: int) -> dict[str, Any]:
    from pole.ipfe.group import ORDER
    from pole.learning.privacy.measure import profile

    measured = profile(dataset, bits)
    given, data = measured.given_by(views, ORDER), measured.measure
    return {
        "rank": given.functions,
        "dimension": data.dimension,
        "affineRank": data.affine_rank,
        "numericalRank": data.numerical_rank,
        "answerBits": given.bits,
        "bits": data.bits,
    }


def _views_of(spec: Path, dataset: "DataSet", rounds: int) -> tuple[list["View"], int]:
    """Return what rounds of a specification show, and the bits of its samples."""
    from pole.api.terms import read_specification
    from pole.errors import InputError
    from pole.learning.privacy.views import View
    from pole.protocol.encoding.hashing import keccak256
    from pole.protocol.mapping.layer import data_plan

    specification = read_specification(spec)
    if specification.input.shape != dataset.input_shape:
        raise InputError(
            f"The samples of {dataset.name} have the shape {list(dataset.input_shape)}, but the "
            f"specification's input is {list(specification.input.shape)}; change one of them."
        )
    seeds = [keccak256(number.to_bytes(32, "big")) for number in range(1, rounds + 1)]
    noise, bits = specification.mapping.noise, specification.input.bits
    return [View(data_plan(specification, seed), noise) for seed in seeds], bits


def _views_issued(settings: Settings, dataset: "DataSet") -> tuple[list["View"], int]:
    """Return what the keys that were issued for a data set show, and the most bits of its samples."""
    from pole.errors import InputError
    from pole.learning.data.digest import data_set_digest
    from pole.roles.keys.budget import views_given

    digest = data_set_digest(dataset)
    entries = [each for each in open_budget(settings).ledger.entries() if each.data_digest == digest]
    views = views_given(entries)
    if not views:
        raise InputError(
            f"No keys were issued for {dataset.name} from this data folder: name a specification with --spec."
        )
    return views, max(each.specification.input.bits for each in entries)


def _print(disclosure: "Disclosure") -> None:
    columns = ("method", "error", "PSNR", "correlation", "exact values", "whole samples", "how")
    print_table(columns, _rows(disclosure), empty="")
    for method in disclosure.left_out:
        click.echo(f"Not tried, too much work or no use here: {method}.")
    click.echo(f"\n{_verdict(disclosure)}")


def _rows(disclosure: "Disclosure") -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    for each in (*disclosure.guesses, *disclosure.attacks):
        near = each.likeness
        found.append(
            (
                each.method,
                f"{near.mse:.2g}",
                f"{near.psnr:.1f} dB",
                f"{near.correlation:.3f}",
                f"{100 * near.exact:.1f} %",
                f"{100 * near.whole:.1f} %",
                METHODS[each.method],
            )
        )
    return found


def _as_json(disclosure: "Disclosure") -> list[dict[str, Any]]:
    # JSON has no infinity: an error of zero has no PSNR.
    return [
        {"method": each.method, "samples": len(each.samples)}
        | {name: value if value != float("inf") else None for name, value in asdict(each.likeness).items()}
        for each in (*disclosure.guesses, *disclosure.attacks)
    ]


def _verdict(disclosure: "Disclosure") -> str:
    measure = disclosure.measure
    if measure.attack.whole == 1.0:
        return "The samples are disclosed: every value of every sample was computed exactly."
    if measure.attack.mse >= measure.guess.mse and measure.gain == 0:
        return "None of these attacks does better than guessing; another one may."
    share = 1 - measure.attack.mse / measure.guess.mse
    return (
        f"The best attacks here explain {100 * share:.0f} % of what the mean leaves open, and get "
        f"{100 * measure.gain:.0f} % of the values exactly that guessing gets wrong. This is a lower bound "
        "on what is revealed: better attacks exist, and none must be exact to do harm."
    )
