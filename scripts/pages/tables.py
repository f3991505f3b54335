"""Tables of a Markdown page, each between markers with its name."""

import re
from collections.abc import Mapping


def written(page: str, blocks: Mapping[str, str]) -> str:
    """Return the page with every table between its markers. Raises ValueError for one without markers."""
    for name, block in blocks.items():
        before, _, after = _around(page, name)
        page = f"{before}\n{block}\n{after}"
    return page


def rows(page: str, name: str) -> list[list[str]]:
    """Return the cells of a table, its heads first. Raises ValueError for one without markers."""
    _, block, _ = _around(page, name)
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()]
    return [cells[0], *cells[2:]]


def _around(page: str, name: str) -> tuple[str, str, str]:
    """Return the page up to a table, the table, and the rest; the markers belong to the page."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    parts = re.split(f"({re.escape(begin)})\n(.*?)\n?({re.escape(end)})", page, flags=re.DOTALL)
    if len(parts) != 5:
        raise ValueError(f"The page has no place for the table {name!r}: {begin} … {end}")
    return parts[0] + parts[1], parts[2], parts[3] + parts[4]
