"""Writes the pictures of docs/explorer.md: python -m scripts.pages.explorer [--url http://…/].

Debian's chromium makes a picture of every kind of page of `pole explore`: of a history that is made up, or
of the server at --url. Without chromium nothing is written, and the exit code is 1.
"""

import argparse
import io
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import requests
from PIL import Image
from playwright.sync_api import Browser
from tests.browsing import CHROMIUM, KINDS, PATIENCE, one_of_each, pages_of, shown, started
from tests.unit.explore.chains import chain_of
from tests.unit.explore.generated import GeneratedChain
from tests.unit.explore.playing import played

from pole.explore.index.following import Source

PICTURES: Final = Path(__file__).resolve().parents[2] / "docs" / "explorer"
ROUNDS: Final = 1_000
COLOURS: Final = 32
HEIGHT: Final = 860
"""Pixels of a page that are seen."""
BEGINS: Final = ("blocks", "", "search?q=1")
"""The newest block leads to a round that has ended, with all that a round has."""
CHARTS_ARE_DRAWN: Final = """[...document.querySelectorAll("figure.chart:not([hidden])")].every(
    (chart) => chart.getBoundingClientRect().top > innerHeight - 40 || chart.querySelector("canvas"))"""
NO_CHROMIUM: Final = (
    "No picture was written: there is no chromium on the path (Debian: apt install chromium)."
)
OF_MANY_DAYS: Final = ("economics",)
"""Pages that are always of the history that is made up: a network that has just begun has one day."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a page is shown, and what the name of its picture ends with."""

    ending: str
    scheme: str
    width: int

    @property
    def options(self) -> dict[str, Any]:
        """Return playwright's options for a context."""
        # The pages' policy forbids the script that waits for their charts.
        size = {"width": self.width, "height": HEIGHT}
        return {"color_scheme": self.scheme, "viewport": size, "bypass_csp": True}


USUAL: Final = Look("", "light", 1100)
OTHERS: Final = {
    kind: (Look("-dark", "dark", 1100), Look("-narrow", "light", 380)) for kind in ("now", "round")
}


def main(words: list[str]) -> int:
    """Write the pictures; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--url", help="the first page of a server that runs")
    given = parser.parse_args(words)
    if CHROMIUM is None:
        print(NO_CHROMIUM, file=sys.stderr)
        return 1
    with ExitStack() as at_end:
        made_up = [at_end.enter_context(serving(chain)) for chain in chains()]
        pages = found_at([given.url, *made_up] if given.url else made_up)
        pages |= {name: url for name, url in found_at(made_up).items() if name in OF_MANY_DAYS}
        browser = at_end.enter_context(started())
        PICTURES.mkdir(exist_ok=True)
        sizes = [write(browser, name, url) for name, url in pages.items()]
    print(f"Wrote pictures of {len(pages)} pages into {PICTURES}, {sum(sizes) / 2**10:,.0f} KiB.")
    missing = sorted(set(KINDS.values()) - pages.keys())
    for name in missing:
        print(f"No link led to a page of the kind {name}.", file=sys.stderr)
    return int(bool(missing))


@contextmanager
def serving(chain: Source) -> Iterator[str]:
    """Serve the pages of a chain; gives the URL of the first."""
    with tempfile.TemporaryDirectory() as folder, pages_of(chain, Path(folder)) as url:
        yield url


def found_at(urls: list[str]) -> dict[str, str]:
    """Return the address of a page of each kind by its name, from the first server that has it."""
    found: dict[str, str] = {}
    for url in urls:
        for kind, address in one_of_each(url, BEGINS).items():
            name = KINDS.get(kind) or kind.replace("_", "").strip("/").replace("/", "-")
            if name not in found and requests.get(address, timeout=PATIENCE).ok:
                found[name] = address
    return found


def write(browser: Browser, name: str, url: str) -> int:
    """Write the pictures of a page; return how many bytes they have."""
    files = [
        (PICTURES / f"{name}{look.ending}.png", picture(browser, url, look))
        for look in (USUAL, *OTHERS.get(name, ()))
    ]
    return sum(file.write_bytes(content) for file, content in files)


def picture(browser: Browser, url: str, look: Look) -> bytes:
    """Return what is seen of a page without scrolling, as a PNG file with a palette."""
    with shown(browser, **look.options) as page:
        page.goto(url)
        page.wait_for_function(CHARTS_ARE_DRAWN)
        seen = Image.open(io.BytesIO(page.screenshot()))
    small = io.BytesIO()
    seen.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return small.getvalue()


def chains() -> tuple[Source, Source]:
    """Return a long history, and a short one whose records have proofs."""
    return GeneratedChain(ROUNDS), chain_of(played(("block", "challenged", "block")))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
