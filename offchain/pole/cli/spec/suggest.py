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
    from pole.learning.data.datasets import DataSet
    from pole.learning.suggesting.trials import Trials
    from pole.roles.keys.budget import KeyBudget
    from pole.roles.keys.suggestion import Suggestion

SEED = 1


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
    from pole.cli.common.budget import open_budget
    from pole.cli.common.task_terms import read_data
    from pole.cli.common.training import use_threads
    from pole.cli.spec.writing import require_folder, write_specification

    use_threads(threads)
    dataset = read_data(data)
    path = out or Path(f"{dataset.name}.json")
    require_folder(path)
    tried = _tried(dataset, open_budget(settings), seconds)
    chosen = _best([each for each in tried if _allowed(each[0], allow_disclosure)])
    if chosen is not None:
        write_specification(path, chosen[0].specification)
    if as_json:
        print_json(
            {
                "file": None if chosen is None else str(path),
                "layers": [_as_json(*each, chosen=each is chosen) for each in tried],
            }
        )
    else:
        _report(dataset, data, tried, chosen, path)


def _tried(dataset: "DataSet", budget: "KeyBudget", seconds: float) -> "list[tuple[Suggestion, Trials]]":
    import time

    from pole.learning.data.digest import data_set_digest
    from pole.learning.suggesting.trials import try_out
    from pole.learning.training.stopping import StopRule
    from pole.learning.training.training import pick_device
    from pole.roles.keys.suggestion import suggestions

    data_set = budget.data_set_of(data_set_digest(dataset), title=dataset.name, name=None)

    def rule() -> StopRule:
        return StopRule(len(dataset.x_train), time.monotonic() + seconds, time.monotonic, lambda: False)

    tried = []
    entries = budget.tasks_of(data_set)
    for found in suggestions(
        dataset, entries, data_set=data_set, report=lambda line: click.echo(f"{line} ...", err=True)
    ):
        trials = try_out(dataset, found.specification, (SEED,), rule, device=pick_device())
        tried.append((found, trials))
    return tried


def _allowed(suggestion: "Suggestion", allowed: str | None) -> bool:
    from pole.learning.privacy.rules import Rule, covers

    return covers(None if allowed is None else Rule(allowed), suggestion.preview.broken)


def _best(candidates: "list[tuple[Suggestion, Trials]]") -> "tuple[Suggestion, Trials] | None":
    return max(candidates, key=lambda each: float(each[1].test_shares.mean()), default=None)


def _report(
    dataset: "DataSet",
    data: str,
    tried: "list[tuple[Suggestion, Trials]]",
    chosen: "tuple[Suggestion, Trials] | None",
    path: Path,
) -> None:
    columns = ("layer", "query vectors", "noise", "breaks", "values exact", "guessed", "test score")
    print_table(columns, [_row(*each) for each in tried], empty="")
    if chosen is None:
        click.echo(
            "\nNo layer breaks no rule of the key budget. Allow one with --allow-disclosure, or have fewer "
            "tasks on the same data (`pole data budget`)."
        )
        raise click.exceptions.Exit(1)
    metric = chosen[0].specification.metric
    click.echo()
    print_line(f"Written to {path}: {chosen[0].reason}.")
    click.echo(
        f"The test score is {metric if isinstance(metric, str) else metric.name}, of {len(dataset.x_test):,} "
        "samples, after a short training with one seed."
    )
    print_line(f"Next: pole spec try {path} --data {data} --seeds 5")


def _row(suggestion: "Suggestion", trials: "Trials") -> tuple[object, ...]:
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


def _as_json(suggestion: "Suggestion", trials: "Trials", *, chosen: bool) -> dict[str, Any]:
    from pole.cli.common.disclosure import document_of

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
