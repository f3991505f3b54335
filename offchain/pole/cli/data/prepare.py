"""`pole data prepare`."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from pole.cli.common.context import Settings, command, common_options, json_option
from pole.cli.common.output import percent, print_json, print_line, print_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from pole.learning.data.datasets import DataSet
    from pole.learning.data.preparation import ClassTarget, NumberTarget
    from pole.learning.preparing.preparing import Prepared

SECONDS_BETWEEN: Final = {True: 0.2, False: 5.0}
"""Between two lines of progress, on a terminal and elsewhere."""
CLASSES_TOLD: Final = 12


class Size(click.ParamType[tuple[int, int]]):
    """Height and width with an x between them."""

    name = "size"

    def convert(
        self, value: str | tuple[int, int], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Return height and width; fails where the text is neither."""
        if isinstance(value, tuple):
            return value
        height, _, width = value.partition("x")
        if not (height.isdecimal() and width.isdecimal() and int(height) and int(width)):
            self.fail(f"{value!r} is no size: write height and width, such as 28x28.", param, ctx)
        return int(height), int(width)


class Share(click.ParamType[float]):
    """A share of all rows; the command gets a fraction."""

    name = "share"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the fraction; fails where it is not between 0 and 1 (0 % and 100 %)."""
        if isinstance(value, float):
            return value
        text = value.strip()
        try:
            share = float(text.rstrip("% ")) / (100 if text.endswith("%") else 1)
        except ValueError:
            share = 0.0
        if not 0 < share < 1:
            self.fail(f"{value!r} is no part of the rows: write 20% or 0.2.", param, ctx)
        return share


@command(epilog="Example: pole data prepare customers.csv --target churned --drop email --out customers.pole")
@click.argument("source", type=click.Path(path_type=Path))
@click.option(
    "--target",
    metavar="COLUMN",
    help="Column to learn.  [default: the folders' names, or `y` of an .npz file]",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="File to write, such as NAME.pole.",
)
@click.option(
    "--regression/--classes",
    default=None,
    help="Take the target for a number, or for classes.  [default: as it looks]",
)
@click.option("--unit", default="", metavar="TEXT", help="Unit of a target that is a number, such as EUR.")
@click.option(
    "--steps",
    type=click.IntRange(2, 10_000),
    help="Steps of the grid of a target that is a number, at most.  [default: some 100]",
)
@click.option("--drop", "dropped", metavar="COLUMN", multiple=True, help="Leave a column out (repeatable).")
@click.option(
    "--category",
    "categories",
    metavar="COLUMN",
    multiple=True,
    help="Take a column's numbers for names, such as codes (repeatable).",
)
@click.option(
    "--test",
    type=click.Path(path_type=Path),
    help="File or folder of the test rows.  [default: a part of SOURCE]",
)
@click.option(
    "--test-part", type=Share(), default="20%", show_default=True, help="Part of each class to test on."
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Draws the rows to test on."
)
@click.option("--size", type=Size(), help="Height and width that images are made, such as 28x28.")
@click.option(
    "--grey/--rgb", default=None, help="Make images grey, or coloured.  [default: as the images are]"
)
@click.option(
    "--encoder",
    metavar="FILE",
    help="Frozen encoder to run first: module.py:Class, or an ONNX file. It runs with all your rights.",
)
@click.option("--text", metavar="COLUMN", help="Column of texts that the encoder takes.")
@json_option
@common_options
def prepare(
    _settings: Settings, /, *, source: Path, out: Path, grey: bool | None, as_json: bool, **options: Any
) -> None:
    """Make a data set that can be posted of a table or of images.

    SOURCE is a CSV, TSV, Parquet, Arrow, Feather or Excel file, a Hugging Face data set on disk, an .npz file
    with x and y, or a folder with a folder of PNG or JPEG images for each class, perhaps within train/ and
    test/. Columns are typed, missing values filled in, categories encoded, numbers scaled so that an outlier
    does not flatten them, all by the training rows. What was decided is kept in the file, and `pole model
    predict` does the same to new rows. It holds your data in the clear: it is for you alone. Images and an
    encoder's numbers, which take long, are kept beside it until it is written, and the same command goes on
    after a kill.
    """
    from pole.errors import InputError
    from pole.learning.data.own import ENDINGS, save_pole
    from pole.learning.machine.kept_parts import keeping_parts
    from pole.learning.preparing.preparing import Wanted, prepare
    from pole.learning.preparing.tables import on_disk

    if out.suffix not in ENDINGS[1:]:
        raise InputError(
            f"{out} does not end in .pole, by which data sets are told; name it {out.stem}.pole."
        )
    if not out.parent.is_dir():
        raise InputError(f"There is no folder {out.parent}; make it, or name another --out.")
    channels = None if grey is None else 1 if grey else 3
    report = _reporter()
    wanted = Wanted(channels=channels, **options)
    unfinished = out.with_name(f"{out.name}.unfinished")
    with keeping_parts(unfinished) as parts:
        if not parts.is_empty():
            click.echo(f"Going on with what {unfinished} keeps of an earlier run.", err=True)
        workspace = on_disk(
            out.parent, lambda done, total: report(f"{done:,} of {total:,} rows are samples"), parts
        )
        prepared = prepare(source, wanted, lambda count: report(f"{count:,} read"), workspace)
        save_pole(out, prepared.dataset.samples(), prepared.preparation)
    if as_json:
        print_json(_document(out, prepared))
        return
    _show(prepared)
    click.echo(f"\nWrote {out}. Look at it: pole data show {out}")


def _show(prepared: "Prepared") -> None:
    columns = ("column", "becomes", "inputs", "missing", "clipped", "")
    rows = [(c.name, c.role, c.width, c.missing, c.clipped, c.remark) for c in prepared.columns]
    if rows:
        print_table(columns, rows, empty="")
        click.echo()
    dataset = prepared.dataset
    shape = "x".join(map(str, dataset.input_shape))
    print_line(
        f"{dataset.name}: {len(dataset.x_train):,} rows to train and {len(dataset.x_test):,} to test, a "
        f"sample is {shape}. {target_line(dataset, prepared.preparation.target)}"
    )
    for note in prepared.notes:
        print_line(note)


def target_line(dataset: "DataSet", target: "ClassTarget | NumberTarget") -> str:
    """Return a sentence on what is learned: its classes and how often each is there, or its grid."""
    from pole.learning.data.preparation import NumberTarget

    if isinstance(target, NumberTarget):
        unit = f" {target.unit}" if target.unit else ""
        last = target.low + target.step * (target.steps - 1)
        return (
            f"The target {target.column} is a number from {target.low:g} to {last:g}{unit}, in steps of "
            f"{target.step:g}{unit} (--classes takes its values for names)."
        )
    counts = class_counts(dataset)
    shown = ", ".join(
        f"{name} {percent(count, len(dataset.y_train))}"
        for name, count in list(zip(target.names, counts, strict=True))[:CLASSES_TOLD]
    )
    more = f" and {target.classes - CLASSES_TOLD} more" if target.classes > CLASSES_TOLD else ""
    return f"The target {target.column} has {target.classes} classes: {shown}{more}."


def class_counts(dataset: "DataSet") -> list[int]:
    """Return how many training samples each label has."""
    import numpy as np

    counts: list[int] = np.bincount(dataset.y_train, minlength=dataset.classes).tolist()
    return counts


def _document(out: Path, prepared: "Prepared") -> dict[str, Any]:
    dataset = prepared.dataset
    return {
        "file": str(out),
        "trainCount": len(dataset.x_train),
        "testCount": len(dataset.x_test),
        "inputShape": list(dataset.input_shape),
        "target": prepared.preparation.target.model_dump(mode="json"),
        "classCounts": class_counts(dataset),
        "columns": [
            {
                "name": each.name,
                "role": each.role,
                "inputs": each.width,
                "missing": each.missing,
                "clipped": each.clipped,
                "remark": each.remark,
            }
            for each in prepared.columns
        ],
        "notes": list(prepared.notes),
    }


def _reporter() -> "Callable[[str], None]":
    """Return a function that tells on stderr how far the work is, not too often."""
    on_terminal = sys.stderr.isatty()
    told_at = time.monotonic()

    def report(progress: str) -> None:
        nonlocal told_at
        if time.monotonic() - told_at < SECONDS_BETWEEN[on_terminal]:
            return
        told_at = time.monotonic()
        # Blanks cover what is left of a longer line.
        click.echo(f"\r{progress:<60}" if on_terminal else progress, err=True, nl=not on_terminal)

    return report
