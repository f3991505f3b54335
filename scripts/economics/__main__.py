"""Write the tables of docs/economics.md and its picture anew: python -m scripts.economics."""

import re
from pathlib import Path

from scripts.economics.plot import COLOURS, plot
from scripts.economics.tables import SEATS, tables

PAGE = Path(__file__).resolve().parents[2] / "docs" / "economics.md"
PICTURE = PAGE.with_name("committee.svg")


def written(page: str, blocks: dict[str, str]) -> str:
    """Return the page with every table between its markers. Raises ValueError for one without markers."""
    for name, block in blocks.items():
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        parts = re.split(f"{re.escape(begin)}.*?{re.escape(end)}", page, flags=re.DOTALL)
        if len(parts) != 2:
            raise ValueError(f"The page has no place for the table {name!r}: {begin} … {end}")
        page = f"{begin}\n{block}\n{end}".join(parts)
    return page


def picture() -> str:
    """Return the picture of the page."""
    return plot(SEATS, tuple(COLOURS))


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(), tables()))
    PICTURE.write_text(picture())
    print(f"Wrote {PAGE} and {PICTURE}.")
