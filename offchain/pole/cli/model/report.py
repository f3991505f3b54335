"""`pole model report`."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pole.cli.common.context import Settings, command, common_options, json_option, open_reader, open_store
from pole.cli.common.output import percent, print_json, print_line, print_table
from pole.cli.model.pictures import draw
from pole.cli.model.predict import encoder_option, progress

if TYPE_CHECKING:
    from pole.roles.models.folder import KeptModel
    from pole.roles.models.reporting import Classification, Regression, Report

MAX_SHOWN = 20


@command(epilog="Example: pole model report 1 --picture report.png")
@click.argument("task", metavar="TASK")
@click.option(
    "--rows",
    type=click.Path(path_type=Path),
    help="Rows with the target's column, or images in folders by class.  "
    "[default: the test set that the round released, decrypted]",
)
@encoder_option
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="PNG or SVG file for a picture of the report.",
)
@json_option
@common_options
def report(
    settings: Settings,
    /,
    *,
    task: str,
    rows: Path | None,
    encoder: str | None,
    picture: Path | None,
    as_json: bool,
) -> None:
    """Show how good the model of a TASK is: by class and by confidence, or by its residuals.

    Without rows it is judged as its committee did, on the features of the test set that the round's
    functional keys open, and its count is compared with the committee's.
    """
    from pole.roles.models.folder import find_model

    kept = find_model(settings.home, task)
    found = _on_test_set(settings, kept) if rows is None else _on_rows(kept, rows, encoder)
    if picture is not None:
        draw(found, picture)
    if as_json:
        print_json(_as_json(found))
        return
    _print(found)
    if rows is None:
        _compare(kept, found)


def _on_rows(kept: "KeptModel", rows: Path, encoder: str | None) -> "Report":
    from pole.api.model import report_of
    from pole.roles.models.predicting import predict_rows, read_given

    given = read_given(kept, rows, encoder)
    return report_of(kept, list(predict_rows(kept, given, progress(len(given.rows)))))


def _on_test_set(settings: Settings, kept: "KeptModel") -> "Report":
    import numpy as np

    from pole.roles.models.predicting import predict_features
    from pole.roles.models.reporting import report_on
    from pole.roles.models.sealed_rows import SealedRows

    reader = open_reader(settings)
    kept.record.require_of(reader.deployment.chain_id, reader.deployment.chain.address)
    with tempfile.TemporaryDirectory() as folder:
        samples = SealedRows(kept.record, reader, open_store(settings), Path(folder)).test_set()
    parts = predict_features(kept.trained, samples.features, progress(len(samples.labels)))
    return report_on(kept.trained, np.concatenate([part.logits for part in parts]), samples.labels)


def _compare(kept: "KeptModel", found: "Report") -> None:
    score = kept.record.score
    same = "the same" if (found.score, found.count) == (score.test, score.test_of) else "ANOTHER count"
    click.echo(f"\nThe {score.found_by}'s count is {score.test} of {score.test_of}: {same}.")


def _print(found: "Report") -> None:
    from pole.roles.models.reporting import Classification

    click.echo(f"{found.count:,} samples, score {found.score:,} ({percent(found.score, found.count)}).")
    if found.skipped:
        click.echo(f"{found.skipped:,} rows without a label that the model knows are left out.")
    quality = found.quality
    if isinstance(quality, Classification):
        _print_classes(quality)
    else:
        _print_residuals(quality)


def _print_classes(quality: "Classification") -> None:
    click.echo(f"Accuracy {100 * quality.accuracy:.1f} %, macro F1 {quality.macro_f1:.3f}.\n")
    rows = [
        (each.name, each.support, f"{each.precision:.3f}", f"{each.recall:.3f}", f"{each.f1:.3f}")
        for each in quality.classes[:MAX_SHOWN]
    ]
    print_table(("class", "samples", "precision", "recall", "F1"), rows, empty="")
    if len(quality.classes) > MAX_SHOWN:
        click.echo(f"… and {len(quality.classes) - MAX_SHOWN} classes more: --json has all of them.")
    else:
        names = [each.name for each in quality.classes]
        counts = quality.confusion.tolist()
        click.echo("\nConfusion: a row is a class, a column what was predicted.")
        rows_of_counts = [(name, *row) for name, row in zip(names, counts, strict=True)]
        print_table(("", *(_short(name) for name in names)), rows_of_counts, empty="")
    click.echo(f"\nCalibration: expected error {100 * quality.error:.1f} %.")
    bins = [
        (
            f"{each.low:.1f} to {each.high:.1f}",
            each.count,
            f"{100 * each.confidence:.1f} %",
            f"{100 * each.accuracy:.1f} %",
        )
        for each in quality.calibration
    ]
    print_table(("probability", "samples", "mean", "right"), bins, empty="")


def _short(name: str) -> str:
    return name if len(name) <= 12 else f"{name[:11]}…"


def _print_residuals(quality: "Regression") -> None:
    from pole.roles.models.reporting import QUANTILES

    unit = f" {quality.unit}" if quality.unit else ""
    print_line(
        f"Mean absolute error {quality.mean_absolute_error:.4g}{unit}, root mean square error "
        f"{quality.root_mean_square_error:.4g}{unit}, explained variance {100 * quality.explained:.1f} %, "
        f"bias {quality.bias:+.4g}{unit}."
    )
    click.echo("\nResiduals: prediction less truth.")
    pairs = zip(QUANTILES, quality.quantiles, strict=True)
    rows = [(f"{100 * share:.0f} %", f"{value:+.4g}") for share, value in pairs]
    print_table(("quantile", f"residual{unit}"), rows, empty="")


def _as_json(found: "Report") -> dict[str, Any]:
    from pole.roles.models.reporting import QUANTILES, Classification

    quality = found.quality
    whole = {"samples": found.count, "score": found.score, "skipped": found.skipped}
    if isinstance(quality, Classification):
        return {
            **whole,
            "accuracy": quality.accuracy,
            "macroF1": quality.macro_f1,
            "calibrationError": quality.error,
            "classes": [
                {
                    "name": each.name,
                    "samples": each.support,
                    "precision": each.precision,
                    "recall": each.recall,
                    "f1": each.f1,
                }
                for each in quality.classes
            ],
            "confusion": quality.confusion.tolist(),
            "calibration": [
                {
                    "low": each.low,
                    "high": each.high,
                    "samples": each.count,
                    "probability": each.confidence,
                    "accuracy": each.accuracy,
                }
                for each in quality.calibration
            ],
        }
    return {
        **whole,
        "unit": quality.unit,
        "meanAbsoluteError": quality.mean_absolute_error,
        "rootMeanSquareError": quality.root_mean_square_error,
        "explainedVariance": quality.explained,
        "bias": quality.bias,
        "residualQuantiles": dict(zip(map(str, QUANTILES), quality.quantiles, strict=True)),
    }
