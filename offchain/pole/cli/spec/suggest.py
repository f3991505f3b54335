"""`pole spec suggest`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pole.cli.common.context import Settings, command, common_options, json_option
from pole.cli.common.disclosure import consent_option
from pole.cli.common.output import percent, print_json, print_line, print_table
from pole.cli.common.parameters import Duration
from pole.cli.common.worker import threads_option

if TYPE_CHECKING:
    from pole.api.suggesting import Compared
    from pole.learning.data.datasets import DataSet


@command(epilog="Example: pole spec suggest houses.pole --out houses.json")
@click.argument("data", metavar="DATA")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write the specification to.  [default: named like DATA, here]",
)
@click.option(
    "--seconds",
    type=Duration(0.1),
    default=10,
    show_default=True,
    help="Time to train each layer that is compared, such as 1m.",
)
@consent_option
@threads_option
@json_option
@common_options
def suggest(
    settings: Settings,
    /,
    *,
    data: str,
    out: Path | None,
    seconds: float,
    allow_disclosure: str | None,
    threads: int,
    as_json: bool,
) -> None:
    """Write a model specification that suits DATA, a .pole file or a data set's name, and its key budget.

    Compared are the most query vectors that break no rule of the budget, more of them under the least noise
    that lets them, and as many as help, which break rules: what each layer gives away, and what a short
    training reaches on it. Written is the best of those that break no rule, or none but those allowed.
    """
    from pole.api.suggesting import best, compare
    from pole.cli.common.data import read_data
    from pole.cli.common.training import use_threads
    from pole.cli.spec.writing import require_folder, write_specification

    use_threads(threads)
    dataset = read_data(data)
    path = out or Path(f"{dataset.name}.json")
    require_folder(path)
    tried = compare(dataset, settings, seconds, lambda line: click.echo(f"{line} ...", err=True))
    chosen = best(tried, allow_disclosure)
    if chosen is not None:
        write_specification(path, chosen.suggestion.specification)
    if as_json:
        print_json(
            {
                "file": None if chosen is None else str(path),
                "layers": [_as_json(each, chosen=each is chosen) for each in tried],
            }
        )
    else:
        _report(dataset, data, tried, chosen, path)


def _report(
    dataset: "DataSet",
    data: str,
    tried: "list[Compared]",
    chosen: "Compared | None",
    path: Path,
) -> None:
    columns = ("layer", "query vectors", "noise", "breaks", "values exact", "guessed", "test score")
    print_table(columns, [_row(each) for each in tried], empty="")
    if chosen is None:
        click.echo(
            "\nNo layer breaks no rule of the key budget. Allow one with --allow-disclosure, or have fewer "
            "tasks on the same data (`pole data budget`)."
        )
        raise click.exceptions.Exit(1)
    metric = chosen.suggestion.specification.metric
    click.echo()
    print_line(f"Written to {path}: {chosen.suggestion.reason}.")
    click.echo(
        f"The test score is {metric if isinstance(metric, str) else metric.name}, of {len(dataset.x_test):,} "
        "samples, after a short training with one seed."
    )
    print_line(f"Next: pole spec try {path} --data {data} --seeds 5")


def _row(compared: "Compared") -> tuple[object, ...]:
    suggestion, trials = compared.suggestion, compared.trials
    mapping, attack = suggestion.specification.mapping, suggestion.preview.attack
    return (
        suggestion.reason,
        mapping.queries,
        mapping.noise or "-",
        suggestion.preview.broken or "-",
        f"{100 * attack.attack.exact:.1f} %",
        f"{100 * attack.guess.exact:.1f} %",
        percent(trials.rehearsals[0].test.correct, len(trials.dataset.x_test)),
    )


def _as_json(compared: "Compared", *, chosen: bool) -> dict[str, Any]:
    from pole.cli.common.disclosure import document_of

    suggestion, trials = compared.suggestion, compared.trials
    specification = suggestion.specification
    return {
        "reason": suggestion.reason,
        "chosen": chosen,
        "queries": specification.mapping.queries,
        "noise": specification.mapping.noise,
        "specDigest": f"0x{specification.digest().hex()}",
        "trainScore": trials.rehearsals[0].train.correct,
        "testScore": trials.rehearsals[0].test.correct,
        "disclosure": document_of(suggestion.preview),
    }
