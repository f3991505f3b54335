"""A table of penguins as its owner has it, posted but for some rows, which the model that comes predicts."""

import csv
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table
from scripts.demo.cast import Place, Worker
from scripts.demo.network import REPOSITORY, pole

TABLE: Final = REPOSITORY / "examples" / "data" / "penguins.csv"
TARGET: Final = "species"
EVERY: Final = 31
"""One row in so many is kept back, and is new to the model."""

Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Prepared:
    """The data set to post, and the rows that were kept back: in a file without the target, and with it."""

    data: Path
    new: Path
    rows: Sequence[Row]


def prepare(folder: Path) -> Prepared:
    """Part the table and prepare what is posted, in a folder that is there."""
    with TABLE.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    kept_back = rows[EVERY // 2 :: EVERY]
    known, new, data = (folder / name for name in ("penguins.csv", "new-penguins.csv", "penguins.pole"))
    _write(known, [row for row in rows if row not in kept_back])
    _write(new, [{name: cell for name, cell in row.items() if name != TARGET} for row in kept_back])
    pole(["data", "prepare", str(known), "--target", TARGET, "--out", str(data)], os.environ)
    return Prepared(data, new, kept_back)


def show_predictions(
    console: Console, prepared: Prepared, task_id: int, owner: Worker, place: Place
) -> list[tuple[str, str]]:
    """Predict the rows that were kept back by the model that was bought; return predictions and truths."""
    out = prepared.new.with_name("predictions.csv")
    command = ["model", "predict", str(task_id), "--rows", str(prepared.new), "--out", str(out)]
    console.print(f"$ pole model predict {task_id} --rows {prepared.new.name} --out {out.name}", style="bold")
    pole(command, owner.environment(place))
    with out.open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    measures = [name for name in prepared.rows[0] if name != TARGET]
    table = Table(*measures, "predicted", "truth", title="New penguins", title_justify="left")
    for row, said in zip(prepared.rows, found, strict=True):
        predicted = f"{said['prediction']} ({100 * float(said['probability']):.0f} %)"
        table.add_row(*(row[name] for name in measures), predicted, row[TARGET])
    console.print(table)
    return [(said["prediction"], row[TARGET]) for row, said in zip(prepared.rows, found, strict=True)]


def model_of(task_id: int, owner: Worker, place: Place) -> dict[str, object] | None:
    """Return what the owner's data folder knows of the model that it bought, None before it is there."""
    listed = json.loads(pole(["model", "list", "--json"], owner.environment(place)))
    found: list[dict[str, object]] = [each for each in listed if each["taskId"] == task_id]
    return found[0] if found else None


def _write(path: Path, rows: Sequence[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
