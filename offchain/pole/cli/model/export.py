"""`pole model export`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pole.cli.common.context import Settings, command, common_options, json_option
from pole.cli.common.output import print_json, print_line, print_table
from pole.cli.model.predict import encoder_option

if TYPE_CHECKING:
    from pole.roles.models.exporting import Exported
    from pole.roles.models.folder import KeptModel
    from pole.roles.models.predicting import Given

EXACT = {
    "onnx": "exact on onnxruntime's processor provider",
    "torch": "exact on torch's processor",
    "python": "exact with NumPy",
}


@command(epilog="Example: pole model export 1 --to onnx")
@click.argument("task", metavar="TASK")
@click.option(
    "--to", type=click.Choice(tuple(EXACT)), required=True, help="An ONNX file, a .pt2, or an estimator."
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write: .onnx, .pt2, or .py with an .npz beside it.  [default: in the model's folder]",
)
@click.option(
    "--rows",
    type=click.Path(path_type=Path),
    help="Rows to check the file on, such as the test set, beside 1,024 random ones.",
)
@encoder_option
@json_option
@common_options
def export(
    settings: Settings,
    /,
    *,
    task: str,
    to: str,
    out: Path | None,
    rows: Path | None,
    encoder: str | None,
    as_json: bool,
) -> None:
    """Write the model of a TASK as a file of another program, equal to the canonical evaluation in every bit.

    Rows go in where the model's preparation is here: its columns by name, images as bytes. Else samples do,
    and for torch always where rows are a table's, since it knows no texts. With an encoder, what it makes of
    a row goes in. The file is checked on rows, and any difference removes it.
    """
    from pole.roles.models.exporting import TARGETS
    from pole.roles.models.exporting import export as export_model
    from pole.roles.models.folder import find_model

    kept = find_model(settings.home, task)
    target = TARGETS[to]
    chosen = out or kept.folder / f"model{target.ending}"
    exported = export_model(kept, target, chosen, None if rows is None else _read(kept, rows, encoder))
    if as_json:
        print_json(_as_json(exported))
        return
    _print(kept, exported, to)


def _read(kept: "KeptModel", rows: Path, encoder: str | None) -> "Given":
    from pole.learning.data.files import one_array
    from pole.learning.preparing.applying import IN_ARRAYS
    from pole.roles.models.predicting import Given, read_given

    if kept.trained.preparation is None:
        return Given(one_array(rows, IN_ARRAYS))
    return read_given(kept, rows, encoder)


def _print(kept: "KeptModel", exported: "Exported", to: str) -> None:
    files = " and ".join(map(str, exported.files))
    print_line(f"Wrote {files}: {exported.rows:,} rows give the canonical answer in every bit ({EXACT[to]}).")
    preparation = kept.trained.preparation
    if preparation is not None and preparation.encoder is not None:
        print_line(f"What goes in is what the encoder {preparation.encoder.name} makes of a row.")
    print_table(
        ("", "name", "type", "shape"),
        [
            (what, port.name, port.type, " x ".join(["rows", *map(str, port.shape)]))
            for what, ports in (("in", exported.program.inputs), ("out", exported.program.outputs))
            for port in ports
        ],
        empty="",
    )


def _as_json(exported: "Exported") -> dict[str, object]:
    program = exported.program
    return {
        "files": list(map(str, exported.files)),
        "rowsChecked": exported.rows,
        "inputs": [_port(port.name, port.type, port.shape) for port in program.inputs],
        "outputs": [_port(port.name, port.type, port.shape) for port in program.outputs],
    }


def _port(name: str, kind: str, shape: tuple[int, ...]) -> dict[str, object]:
    return {"name": name, "type": kind, "shape": list(shape)}
