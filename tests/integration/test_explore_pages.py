"""The explorer's pages in a real browser: nothing fails in it, with JavaScript or without."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import time
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import select
from tests.browsing import CHROMIUM, KINDS, MILLISECONDS, Watch, kind_of, links_of, served, shown, started
from tests.unit.explore.chains import FIRST, Chain, chain_of, where
from tests.unit.explore.databases import opened
from tests.unit.explore.playing import played
from tests.unit.explore.training.miners import some_miners
from tests.unit.protocol.example_rounds import PARAMETERS

from pole.explore import schema
from pole.explore.index.following import EventDatabase
from pole.explore.server.app import application
from pole.explore.server.serving import names_of

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed")

MOODS = ("block", "silent", "false", "leaked", "challenged", "nobody", "block")
MAX_PAGES = 2_000
NARROW = {"width": 360, "height": 740}


@dataclass
class Site:
    """Pages that are served, the chain that they are of, and its index."""

    url: str
    chain: Chain
    index: EventDatabase

    def account(self) -> str:
        """Return the path of a miner's page."""
        with self.index.engine.connect() as connection:
            miner = connection.execute(
                select(schema.solutions.c.miner).where(schema.solutions.c.ending == "won")
            )
            return f"accounts/{miner.scalars().first()}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with opened(tmp_path_factory.mktemp("pages")) as engine:
        chain, index = chain_of(played(MOODS)), EventDatabase(engine, where(PARAMETERS))
        index.catch_up(chain)
        app = application(
            index,
            lambda: index.catch_up(chain),
            names_of("127.0.0.1"),
            pause=0.1,
            miners=lambda: some_miners(int(time())),
        )
        with served(app) as url:
            yield Site(url, chain, index)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as browser:
        yield browser


def test_every_link_of_every_page_leads_to_a_page_without_an_error(site: Site, browser: Browser) -> None:
    seen, waiting, watch = {site.url}, [site.url], Watch()
    with shown(browser) as page:
        watch.over(page, site.url)
        while waiting:
            assert len(seen) < MAX_PAGES
            page.goto(waiting.pop())
            found = links_of(page) - seen
            seen |= found
            waiting += found
    assert watch.complaints == []
    assert {kind_of(url) for url in seen} >= KINDS.keys() - {"/search"}


@pytest.mark.parametrize(
    "path", ["", "tasks", "rounds/1", "blocks/1", "miners", "verifiers", "economics", "account"]
)
def test_pages_are_whole_without_javascript(site: Site, browser: Browser, path: str) -> None:
    watch = Watch()
    with shown(browser, java_script_enabled=False) as page:
        watch.over(page, site.url)
        page.goto(site.url + (site.account() if path == "account" else path))
        assert page.locator("h1").count() == 1
        assert page.locator("table tbody tr").first.is_visible()
        assert page.locator("figure.chart:visible").count() == 0
    assert watch.complaints == []


@pytest.mark.parametrize(("path", "charts"), [("economics", 3), ("account", 1)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_charts_are_drawn_when_they_are_seen(
    site: Site, browser: Browser, path: str, charts: int, scheme: str
) -> None:
    watch = Watch()
    with shown(browser, viewport=NARROW, color_scheme=scheme) as page:
        watch.over(page, site.url)
        page.goto(site.url + (site.account() if path == "account" else path))
        figures = page.locator("figure.chart")
        assert figures.count() == charts
        for number in range(charts):
            figures.nth(number).scroll_into_view_if_needed()
            canvas = figures.nth(number).locator("canvas")
            canvas.wait_for()
            drawn = canvas.evaluate(
                "it => new Set(it.getContext('2d').getImageData(0, 0, it.width, it.height).data).size"
            )
            assert drawn > 2
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert watch.complaints == []


def test_a_chart_that_is_not_seen_is_not_made(site: Site, browser: Browser) -> None:
    with shown(browser, viewport={"width": 600, "height": 120}) as page:
        page.goto(site.url + "economics")
        page.wait_for_timeout(500)
        assert page.locator("canvas").count() == 0
        page.locator("figure.chart").first.scroll_into_view_if_needed()
        page.locator("canvas").first.wait_for()


def test_a_chart_has_a_unit_that_suits_it_and_dates_of_the_calendar(site: Site, browser: Browser) -> None:
    with shown(browser) as page:
        page.goto(site.url + "economics")
        figure = page.locator("figure.chart").first
        figure.scroll_into_view_if_needed()
        figure.locator("canvas").wait_for()
        amounts = page.locator("#days td:nth-child(3) data").evaluate_all("all => all.map(it => +it.value)")
        unit = next(name for name, wei in (("ether", 1e15), ("gwei", 1e6), ("wei", 0)) if max(amounts) >= wei)
        expect(figure.locator(".unit")).to_have_text(f", in {unit}")
        figure.locator(".u-over").hover()
        expect(figure.locator(".u-value").first).to_have_text(re.compile(r"\d{4}-\d\d-\d\d"))


def test_the_axis_of_a_single_day_is_that_day(site: Site, browser: Browser) -> None:
    with shown(browser) as page:
        page.goto(site.url + "economics")
        assert page.locator("#days tbody tr").count() == 1
        page.locator("figure.chart").first.scroll_into_view_if_needed()
        page.locator("canvas").first.wait_for()
        first, last = page.evaluate("(({ min, max }) => [min, max])([...plots.values()][0].scales.x)")
        assert 86_400 <= last - first <= 2 * 86_400


def _one_more_block(site: Site) -> int:
    last = site.chain.happenings[-1]
    site.chain.happenings.append(type(last)(last.time + 12, ()))
    return site.chain.head().number


@pytest.mark.parametrize("place", ["h1", ".wide caption"])
def test_a_click_on_a_page_does_not_end_its_renewal(site: Site, browser: Browser, place: str) -> None:
    with shown(browser) as page:
        page.goto(site.url + "miners")
        expect(page.locator(".status").first).to_contain_text(str(site.chain.head().number))
        page.locator(place).first.click()
        newest = _one_more_block(site)
        expect(page.locator(".status").first).to_contain_text(str(newest), timeout=MILLISECONDS)


def test_a_table_that_is_scrolled_and_has_the_focus_keeps_both(site: Site, browser: Browser) -> None:
    with shown(browser, viewport=NARROW) as page:
        page.goto(site.url + "miners")
        table = page.locator(".wide").first
        table.focus()
        table.evaluate("it => { it.scrollLeft = 60 }")
        newest = _one_more_block(site)
        expect(page.locator(".status").first).to_contain_text(str(newest), timeout=MILLISECONDS)
        assert table.evaluate("it => it.scrollLeft") == 60
        assert table.evaluate("it => it === document.activeElement")


def test_what_a_wide_table_shows_is_said_within_a_narrow_screen(site: Site, browser: Browser) -> None:
    with shown(browser, viewport=NARROW) as page:
        page.goto(site.url + "rounds/1")
        ends = page.locator("caption").evaluate_all("all => all.map(it => it.getBoundingClientRect().right)")
        assert ends
        assert max(ends) <= NARROW["width"]


@pytest.mark.parametrize("what", ["selected", "focused"])
def test_what_is_selected_or_has_the_focus_stays(site: Site, browser: Browser, what: str) -> None:
    with shown(browser) as page:
        page.goto(site.url + "miners")
        link = page.locator("main a.address").first
        link.focus() if what == "focused" else link.select_text()
        link.evaluate("it => { it.dataset.kept = 'yes' }")
        with page.expect_response(site.url + "miners"):
            _one_more_block(site)
        page.wait_for_timeout(300)
        assert page.locator("main a[data-kept]").count() == 1


def test_a_new_block_is_shown_without_a_reload(site: Site, browser: Browser) -> None:
    with shown(browser) as page:
        page.goto(site.url + "economics")
        page.locator("canvas").first.wait_for()
        page.evaluate("window.isTheSame = true")
        before = site.chain.head().number
        expect(page.locator(".status").first).to_contain_text(str(before), timeout=MILLISECONDS)
        last = site.chain.happenings[-1]
        site.chain.happenings.append(type(last)(last.time + 12, ()))
        expect(page.locator(".status").first).to_contain_text(str(before + 1), timeout=MILLISECONDS)
        page.locator("canvas").first.wait_for()
        assert page.evaluate("window.isTheSame")


def test_a_server_that_ends_is_told_and_one_that_is_back_too(tmp_path: Path, browser: Browser) -> None:
    with opened(tmp_path) as engine, shown(browser) as page:
        chain, index = chain_of(played(("block",))), EventDatabase(engine, where(PARAMETERS))
        index.catch_up(chain)
        app = partial(application, index, lambda: index.catch_up(chain), names_of("127.0.0.1"))
        with served(app()) as url:
            page.goto(url)
            expect(page.locator("#away")).to_be_hidden()
        expect(page.locator("#away")).to_be_visible(timeout=MILLISECONDS)
        with served(app(), urlsplit(url).port or 0):
            expect(page.locator("#away")).to_be_hidden(timeout=MILLISECONDS)


COUNTED = """(() => {
    window.streams = new Set();
    window.EventSource = class extends EventSource {
        constructor(...given) { super(...given); streams.add(this); }
        close() { super.close(); streams.delete(this); }
    };
})()"""
HIDE = """isHidden => {
    Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_a_page_that_is_not_seen_leaves_its_connection_to_others(site: Site, browser: Browser) -> None:
    with shown(browser) as page:
        page.add_init_script(COUNTED)
        page.goto(site.url + "miners")
        assert page.evaluate("streams.size") == 1
        page.evaluate(HIDE, True)
        assert page.evaluate("streams.size") == 0
        newest = _one_more_block(site)
        page.evaluate(HIDE, False)
        assert page.evaluate("streams.size") == 1
        expect(page.locator(".status").first).to_contain_text(str(newest), timeout=MILLISECONDS)
        page.evaluate(HIDE, False)
        assert page.evaluate("streams.size") == 1


def test_a_page_of_what_a_reorganisation_took_back_says_so(tmp_path: Path, browser: Browser) -> None:
    before, after = chain_of(played(("block", "silent"))), chain_of(played(("block", "open")))
    after.reorganise(FIRST + 1, after.happenings[1:3], b"other")
    chains = [before]
    with opened(tmp_path) as engine, shown(browser) as page:
        index = EventDatabase(engine, where(PARAMETERS))
        index.catch_up(before)
        app = application(index, lambda: index.catch_up(chains[-1]), names_of("127.0.0.1"), pause=0.1)
        with served(app) as url:
            page.goto(url + "rounds/2")
            expect(page.locator("h1")).to_contain_text("2")
            chains.append(after)
            expect(page.locator("h1")).to_have_text("Not here", timeout=MILLISECONDS)
            expect(page).to_have_title(re.compile("Not here"))


def test_the_keyboard_reaches_what_is_there(site: Site, browser: Browser) -> None:
    with shown(browser) as page:
        page.goto(site.url + "miners")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        reached = set()
        for _ in range(40):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.tagName + document.activeElement.className"))
        assert {"A", "INPUT", "BUTTON", "DIVwide"} <= reached
