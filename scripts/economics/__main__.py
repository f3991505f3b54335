"""Write the tables of docs/economics.md and its picture anew: python -m scripts.economics."""

from pathlib import Path

from scripts.economics.chart import SIZES, chart
from scripts.economics.tables import SEATS, tables
from scripts.pages.tables import written

PAGE = Path(__file__).resolve().parents[2] / "docs" / "economics.md"
PICTURE = PAGE.with_name("committee.svg")


def picture() -> str:
    """Return the picture of the page."""
    return chart(SEATS, SIZES)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(), tables()))
    PICTURE.write_text(picture())
    print(f"Wrote {PAGE} and {PICTURE}.")
