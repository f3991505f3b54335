"""The charts of docs/gas.md, drawn from its tables: python -m scripts.pages.gas."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from scripts.pages.charts import Axes, Points, lines
from scripts.pages.tables import rows, written

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "gas.md"
SAMPLE: Final = 20
"""Posts that the dearest one of the table is found among."""
BY_TASKS: Final = (
    "open",
    "post, dearest",
    f"post, worst of {SAMPLE}",
    "post, median",
    "finalise",
    "commit",
)
BY_SEATS: Final = ("finalise", "draw", "open", "reveal vote", "commit vote")


def charts(page: str) -> dict[str, str]:
    """Return the SVG charts of the page by file name."""
    tasks = Axes(
        "Cost of a call by waiting tasks", "waiting tasks", "thousand gas", y_bottom=0, x_scale="log"
    )
    seats = Axes("Cost of a call by seats of the committee", "seats", "thousand gas", y_bottom=0)
    return {
        "gas-tasks.svg": lines(tasks, _curves(page, "tasks", BY_TASKS)),
        "gas-seats.svg": lines(seats, _curves(page, "seats", BY_SEATS)),
    }


def write(tables: Mapping[str, str]) -> None:
    """Write tables into the page, and draw its charts anew."""
    page = written(PAGE.read_text(), tables)
    PAGE.write_text(page)
    for name, drawn in charts(page).items():
        PAGE.with_name(name).write_text(drawn)


def _curves(page: str, table: str, calls: Sequence[str]) -> dict[str, Points]:
    head, *costs = rows(page, table)
    sizes = [_number(cell.split()[0]) for cell in head[1:] if cell[0].isdigit()]
    of_call = {call: [_number(cell) / 1000 for cell in cells[: len(sizes)]] for call, *cells in costs}
    return {call: list(zip(sizes, of_call[call], strict=True)) for call in calls}


def _number(text: str) -> int:
    return int(text.replace(",", ""))


if __name__ == "__main__":
    write({})
    print(f"Drew the charts of {PAGE}.")
