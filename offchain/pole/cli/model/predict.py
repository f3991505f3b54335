"""`pole model predict`."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pole.cli.common.context import Settings, command, common_options
from pole.cli.common.output import print_line
from pole.errors import InputError

if TYPE_CHECKING:
    from pole.learning.exporting.trained_model import TrainedModel
    from pole.roles.models.folder import KeptModel
    from pole.roles.models.predicting import Predictions

MAX_NOTES = 8
ROWS_BETWEEN = 20_000


@command(epilog="Example: pole model predict 1 --rows new.csv --out predictions.csv")
@click.argument("task", metavar="TASK")
@click.option(
    "--rows",
    type=click.Path(path_type=Path),
    help="Rows like those that the data was prepared of: a table, a folder of images, an .npy or .npz file.",
)
@click.option(
    "--features",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Features as decryption gives them, in an .npy or .npz file, instead of rows.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File of the predictions: .csv, or .parquet.  [default: CSV on standard output]",
)
@common_options
def predict(
    settings: Settings, task: str, rows: Path | None, features: Path | None, out: Path | None
) -> None:
    """Predict new rows with the model of a TASK, or with the model in a folder.

    The rows stay on this machine, in the clear. Predictions are labels by name with their probabilities, or
    numbers in the unit of the target. Values are as canonical evaluation finds them; where the task's
    features had noise, rows get its mean instead.
    """
    from pole.roles.models.folder import find_model
    from pole.roles.models.writing import write_csv, write_predictions

    if (rows is None) == (features is None):
        raise InputError("Name what to predict, once: --rows FILE, or --features FILE.")
    kept = find_model(settings.home, task)
    predicted = _of_features(kept.trained, features) if features else _of_rows(kept, rows)
    told = _Told(classifies=not kept.trained.is_regression)
    if out is None:
        write_csv(sys.stdout, kept.trained, predicted, told.see)
    else:
        write_predictions(out, kept.trained, predicted, told.see)
    told.sum_up(out)


def _of_rows(kept: "KeptModel", rows: Path | None) -> "Iterable[Predictions]":
    from pole.learning.preparing.applying import read_rows
    from pole.roles.models.predicting import predict_rows

    preparation = kept.require_preparation()
    given = read_rows(rows or Path(), preparation)
    return predict_rows(kept, given, progress(len(given)))


def _of_features(trained: "TrainedModel", features: Path) -> "Iterable[Predictions]":
    from pole.learning.data.files import one_array
    from pole.roles.models.predicting import predict_features

    given = one_array(features, ("features",))
    return predict_features(trained, given, progress(len(given)))


def progress(total: int) -> Callable[[int], None]:
    """Return what says on standard error how many of the rows are done, on a terminal in one line."""
    on_terminal, told = sys.stderr.isatty(), [0]

    def report(done: int) -> None:
        if on_terminal:
            click.echo(f"\r{done:,} of {total:,} rows", err=True, nl=done == total)
        elif done - told[0] >= ROWS_BETWEEN:
            told[0] = done
            click.echo(f"{done:,} of {total:,} rows", err=True)

    return report


class _Told:
    """What is said of predictions on standard error, beside them."""

    def __init__(self, *, classifies: bool) -> None:
        self._classifies = classifies
        self._count = self._known = self._right = 0
        self._notes: dict[str, None] = {}

    def see(self, part: "Predictions") -> None:
        self._count += len(part.labels)
        self._notes.update(dict.fromkeys(part.notes))
        if part.truth is not None and self._classifies:
            self._known += int((part.truth >= 0).sum())
            self._right += int((part.truth == part.labels).sum())

    def sum_up(self, out: Path | None) -> None:
        for note in list(self._notes)[:MAX_NOTES]:
            print_line(f"note: {note}", err=True)
        if len(self._notes) > MAX_NOTES:
            print_line(f"note: and {len(self._notes) - MAX_NOTES} more.", err=True)
        where = "" if out is None else f" They are in {out}."
        print_line(f"Predicted {self._count:,} rows.{where}", err=True)
        if self._known:
            print_line(
                f"The rows have the target: {self._right:,} of {self._known:,} are as predicted "
                f"({100 * self._right / self._known:.1f} %).",
                err=True,
            )
