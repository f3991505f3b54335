"""`pole spec try`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pole.cli.common.context import Settings, command, common_options, json_option
from pole.cli.common.output import percent, print_json, print_table
from pole.cli.common.parameters import PERCENT, data_option, seconds_option, specification_argument
from pole.cli.common.worker import threads_option

if TYPE_CHECKING:
    from pole.learning.suggesting.baselines import Learned
    from pole.learning.suggesting.trials import Shares, Trials
    from pole.learning.training.rehearsal import Rehearsal


@command(epilog="Example: pole spec try examples/breast-cancer-mlp.json --data breast_cancer --seeds 5")
@specification_argument
@data_option
@click.option("--train-samples", type=click.IntRange(min=2), help="Training samples to take.  [default: all]")
@click.option("--test-samples", type=click.IntRange(min=1), help="Test samples to take.  [default: all]")
@seconds_option
@click.option(
    "--train-accuracy",
    type=PERCENT,
    default=100,
    show_default=True,
    help="Training score, in percent, at which training ends.",
)
@click.option(
    "--seed",
    "first_seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Draws the mapping layer and the start.",
)
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How many seeds to try, from --seed on.",
)
@click.option(
    "--baselines/--no-baselines",
    default=True,
    show_default=True,
    help="Train plain learners in the clear, to compare with.",
)
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
    baselines: bool,
    threads: int,
    as_json: bool,
    **options: Any,
) -> None:
    """Train on a data set as a miner would, without chain or encryption, and say what is reached.

    The features are those that decryption would give, the score is that of the specification's metric by
    canonical evaluation: what to expect, before a reward is offered for it. Beside it stands what plain
    learners reach on the samples in the clear, and a threshold to ask for that every seed has reached.
    """
    from pole.api.suggesting import try_out
    from pole.api.terms import read_specification, taken
    from pole.cli.common.data import read_data
    from pole.cli.common.training import use_threads
    from pole.learning.suggesting.baselines import baselines as plain
    from pole.roles.publishing.preparation import check_samples

    use_threads(threads)
    specification = read_specification(file)
    dataset = taken(read_data(data), train_samples, test_samples)
    check_samples(dataset, specification)
    trials = try_out(dataset, specification, report=lambda line: click.echo(line, err=True), **options)
    learned = plain(dataset, specification.metric) if baselines else ()
    if as_json:
        print_json(_as_json(trials, learned))
    else:
        _report(trials, learned)


def _report(trials: "Trials", learned: "tuple[Learned, ...]") -> None:
    from pole.learning.suggesting.scores import name_of

    advice, dataset, metric = trials.advice, trials.dataset, trials.specification.metric
    rows = [_row_of(trials), *(_row_of_baseline(each, trials) for each in learned)]
    columns = ("learner", "training score", "test score", "on the test set", "seconds")
    print_table(columns, rows, empty="")
    click.echo(
        f"\nThe score is {name_of(metric)}, as a share of {len(dataset.x_train):,} training and "
        f"{len(dataset.x_test):,} test samples."
    )
    if not advice.train_accuracy:
        click.echo("No threshold can be asked for, since a seed learned nothing: try another network.")
        return
    several = (
        "every seed reached it" if len(trials.rehearsals) > 1 else "this seed reached it (try --seeds 5)"
    )
    click.echo(
        f"Ask for --train-accuracy {advice.train_accuracy} --time-limit {advice.time_limit}: {several}, "
        f"after {advice.seconds:.1f} s at the latest on this machine."
    )


def _row_of(trials: "Trials") -> tuple[object, ...]:
    from pole.learning.suggesting.scores import in_own_words

    dataset, metric = trials.dataset, trials.specification.metric
    # Of several seeds the middle one speaks: a mean of predictions would be another model.
    middle = sorted(trials.rehearsals, key=lambda each: each.test.correct)[len(trials.rehearsals) // 2]
    seconds = max(each.result.seconds for each in trials.rehearsals)
    return (
        "this specification",
        _spread(trials.train_shares),
        _spread(trials.test_shares),
        in_own_words(dataset, metric, middle.test.predictions, dataset.y_test),
        f"{seconds:.1f}",
    )


def _row_of_baseline(learned: "Learned", trials: "Trials") -> tuple[object, ...]:
    from pole.learning.suggesting.baselines import score_of
    from pole.learning.suggesting.scores import in_own_words
    from pole.protocol.models.metrics import predictions

    dataset, metric = trials.dataset, trials.specification.metric
    train, test = score_of(learned, dataset, metric)
    return (
        learned.name if learned.name == "guessing" else f"{learned.name}, in the clear",
        percent(train, len(dataset.x_train)),
        percent(test, len(dataset.x_test)),
        in_own_words(dataset, metric, predictions(metric, learned.test), dataset.y_test),
        f"{learned.seconds:.1f}",
    )


def _spread(shares: "Shares") -> str:
    """Return a mean in percent, and the standard deviation where there are several."""
    mean = f"{100 * shares.mean():.1f}"
    return f"{mean} ± {100 * shares.std(ddof=1):.1f} %" if len(shares) > 1 else f"{mean} %"


def _as_json(trials: "Trials", learned: "tuple[Learned, ...]") -> dict[str, Any]:
    from pole.learning.suggesting.baselines import score_of

    dataset, specification, advice = trials.dataset, trials.specification, trials.advice
    scores = [(each, *score_of(each, dataset, specification.metric)) for each in learned]
    return {
        "data": dataset.name,
        "specDigest": f"0x{specification.digest().hex()}",
        "metric": specification.model_dump(mode="json")["metric"],
        "trainCount": len(dataset.x_train),
        "testCount": len(dataset.x_test),
        "seeds": [_rehearsal_as_json(each) for each in trials.rehearsals],
        "baselines": [
            {"name": each.name, "trainScore": train, "testScore": test, "seconds": round(each.seconds, 3)}
            for each, train, test in scores
        ],
        "advice": {
            "trainAccuracy": advice.train_accuracy,
            "secondsToReachIt": round(advice.seconds, 3),
            "timeLimit": advice.time_limit,
        },
    }


def _rehearsal_as_json(rehearsal: "Rehearsal") -> dict[str, Any]:
    return {
        "trainScore": rehearsal.train.correct,
        "testScore": rehearsal.test.correct,
        "epochs": rehearsal.result.epochs,
        "seconds": round(rehearsal.result.seconds, 3),
        "ended": rehearsal.result.reason.name,
    }
