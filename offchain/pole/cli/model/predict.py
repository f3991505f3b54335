"""`pole model predict`."""

import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pole.cli.common.context import Settings, command, common_options, open_reader, open_store
from pole.cli.common.output import print_line
from pole.errors import InputError

if TYPE_CHECKING:
    from pole.roles.models.folder import KeptModel
    from pole.roles.models.predicting import Predictions

MAX_NOTES = 8
ROWS_BETWEEN = 20_000

encoder_option = click.option(
    "--encoder",
    metavar="FILE",
    help="Where the data's frozen encoder is.  [default: beside the model, or in the working directory]",
)


@command(epilog="Example: pole model predict 1 --rows new.csv --out predictions.csv")
@click.argument("task", metavar="TASK")
@click.option(
    "--rows",
    type=click.Path(path_type=Path),
    help="Rows like those that the data was prepared of: a table, a folder of images, an .npy or .npz file.",
)
@encoder_option
@click.option(
    "--features",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Features as decryption gives them, in an .npy or .npz file, instead of rows.",
)
@click.option(
    "--ciphertexts",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Rows that `pole model encrypt` encrypted, instead of rows.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File of the predictions: .csv, or .parquet.  [default: CSV on standard output]",
)
@common_options
def predict(
    settings: Settings,
    /,
    task: str,
    rows: Path | None,
    encoder: str | None,
    features: Path | None,
    ciphertexts: Path | None,
    out: Path | None,
) -> None:
    """Predict new rows with the model of a TASK, or with the model in a folder.

    The rows stay on this machine, in the clear. Predictions are labels by name with their probabilities, or
    numbers in the unit of the target. Values are as canonical evaluation finds them; where the task's
    features had noise, rows get its mean instead.

    Ciphertexts are opened by the round's functional keys, which are public: whoever has them sees the inner
    products of every row that is encrypted under the task's master key.
    """
    from pole.roles.models.folder import find_model
    from pole.roles.models.writing import write_csv, write_predictions

    if sum(given is not None for given in (rows, features, ciphertexts)) != 1:
        raise InputError("Name what to predict, once: --rows FILE, --features FILE, or --ciphertexts FILE.")
    kept = find_model(settings.home, task)
    if ciphertexts is not None:
        predicted = _of_ciphertexts(settings, kept, ciphertexts)
    elif features is not None:
        predicted = _of_features(kept, features)
    else:
        predicted = _of_rows(kept, rows or Path(), encoder)
    told = _Told(classifies=not kept.trained.is_regression)
    if out is None:
        write_csv(sys.stdout, kept.trained, predicted, told.see)
    else:
        write_predictions(out, kept.trained, predicted, told.see)
    told.sum_up(out)


def _of_rows(kept: "KeptModel", rows: Path, encoder: str | None) -> "Iterable[Predictions]":
    from pole.roles.models.predicting import predict_rows, read_given

    given = read_given(kept, rows, encoder)
    return predict_rows(kept, given, progress(len(given.rows)))


def _of_features(kept: "KeptModel", features: Path) -> "Iterable[Predictions]":
    from pole.learning.data.files import one_array
    from pole.roles.models.predicting import predict_features

    given = one_array(features, ("features",))
    return predict_features(kept.trained, given, progress(len(given)))


def _of_ciphertexts(settings: Settings, kept: "KeptModel", ciphertexts: Path) -> "Iterable[Predictions]":
    from pole.protocol.formats.tensors import MAX_FILE_BYTES
    from pole.roles.models.predicting import predict_features
    from pole.roles.models.sealed_rows import SealedRows
    from pole.roles.support.files import read_bounded

    try:
        content = read_bounded(ciphertexts, MAX_FILE_BYTES)
    except OSError as error:
        raise InputError(f"The file {ciphertexts} cannot be read: {error.strerror}.") from error
    reader = open_reader(settings)
    kept.record.require_of(reader.deployment.chain_id, reader.deployment.chain.address)
    with tempfile.TemporaryDirectory() as folder:
        given = SealedRows(kept.record, reader, open_store(settings), Path(folder)).open(content)
    return predict_features(kept.trained, given, progress(len(given)))


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
