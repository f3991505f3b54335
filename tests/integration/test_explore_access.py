"""Every kind of page under axe: contrast, headings, names, tables and what the keyboard reaches."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from tests.browsing import CHROMIUM, KINDS, one_of_each, pages_of, served, shown, started
from tests.unit.explore.chains import chain_of, where
from tests.unit.explore.databases import opened
from tests.unit.explore.generated import GeneratedChain
from tests.unit.explore.playing import MOODS, named, played
from tests.unit.protocol.example_rounds import PARAMETERS

from pole.adapters.history.pages import BlockMark
from pole.errors import UnreachableError
from pole.explore.index.following import EventDatabase, Source
from pole.explore.server.app import application
from pole.explore.server.serving import names_of

AXE = Path(__file__).resolve().parents[2] / "devnet" / "node_modules" / "axe-core" / "axe.min.js"
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed"),
    pytest.mark.skipif(not AXE.is_file(), reason="npm's packages are not installed"),
]

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOOKS: dict[str, dict[str, Any]] = {
    f"{scheme}-{width}": {
        "color_scheme": scheme,
        "viewport": {"width": width, "height": 800},
        "bypass_csp": True,
    }
    for scheme, width in product(("light", "dark"), (380, 1280))
}
NARROW = LOOKS["light-380"]
ENDED = tuple(mood for mood in MOODS if mood != "open")
CHAINS: dict[str, Source] = {
    "played": chain_of(played((*ENDED, "block", "open"))),
    "generated": GeneratedChain(80, people=70),
    "strange": chain_of(named(('"><b>' + "x" * 5_000,))),
    "empty": chain_of(played(())),
}
SEEN = [
    *product(["played"], LOOKS),
    ("generated", "dark-1280"),
    ("strange", "dark-380"),
    ("empty", "light-380"),
]


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The first page of each chain."""
    with ExitStack() as at_end:
        yield {
            name: at_end.enter_context(pages_of(chain, tmp_path_factory.mktemp(name)))
            for name, chain in CHAINS.items()
        }


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as browser:
        yield browser


def violations(page: Page) -> list[str]:
    """Return what axe finds on the page that is shown, an element a line."""
    page.add_script_tag(path=AXE)
    found = page.evaluate(
        "async rules => (await axe.run({runOnly: rules})).violations.flatMap("
        "each => each.nodes.map(node => `${each.id}: ${node.html} (${node.failureSummary})`))",
        RULES,
    )
    return [f"{page.url}: {each}" for each in found]


def test_axe_finds_what_is_wrong_with_a_page(urls: dict[str, str], browser: Browser) -> None:
    with shown(browser, **NARROW) as page:
        page.goto(urls["empty"])
        wrong = '<h5>Deep</h5><p style="color: #bbb">pale</p><div style="height: 1em; overflow: auto">a<p>b'
        page.locator("main").evaluate("(main, more) => main.insertAdjacentHTML('beforeend', more)", wrong)
        found = "".join(violations(page))
    assert all(rule in found for rule in ("color-contrast", "heading-order", "scrollable-region-focusable"))


@pytest.mark.parametrize(("chain", "look"), SEEN)
def test_axe_finds_nothing_on_any_kind_of_page(
    urls: dict[str, str], browser: Browser, chain: str, look: str
) -> None:
    found = []
    with shown(browser, **LOOKS[look]) as page:
        for address in one_of_each(urls[chain]).values():
            page.goto(address)
            for figure in page.locator("figure.chart").all():
                # Not Playwright's own way, which waits for an element to stand still that a page may replace.
                figure.evaluate("element => element.scrollIntoView()")
                figure.locator("canvas").wait_for()
            found += violations(page)
    assert found == []


def test_every_kind_of_page_is_among_them(urls: dict[str, str]) -> None:
    assert one_of_each(urls["played"]).keys() >= KINDS.keys()


def test_axe_finds_nothing_on_a_page_that_stands_still(tmp_path: Path, browser: Browser) -> None:
    def away() -> BlockMark:
        raise UnreachableError("The node is away: start it, or name another with --rpc.")

    with opened(tmp_path) as engine:
        app = application(EventDatabase(engine, where(PARAMETERS)), away, names_of("127.0.0.1"), pause=0.1)
        with served(app) as url, shown(browser, **NARROW) as page:
            page.goto(url)
            page.get_by_role("alert").wait_for()
            assert violations(page) == []
