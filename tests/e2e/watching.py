"""A page of `pole explore` that is open while a round is played, and what it shows meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import Browser, Page
from scripts.demo.pages import show_pages
from scripts.demo.setting import Setting
from tests.browsing import PATIENCE, Watch, links_of, shown, started

from pole.adapters.machine.devnet import free_port

KEEP_PHASES = """() => {
    window.phases = [];
    const note = () => {
        for (const row of document.querySelectorAll("tr:has(.phase)")) {
            const [round, phase] = [row.cells[1].textContent, row.querySelector(".phase").textContent];
            const told = `${round} ${phase}`;
            if (window.phases.at(-1) !== told) window.phases.push(told);
        }
    };
    note();
    new MutationObserver(note).observe(document.body, {childList: true, subtree: true, characterData: true});
}"""


@dataclass
class Watched:
    """A browser with the first page open, the address of that, and what the browser complained of."""

    browser: Browser
    page: Page
    url: str
    watch: Watch

    def phases(self) -> list[str]:
        """Return `round phase` of the only lane, as the page has shown them one after the other."""
        phases: list[str] = self.page.evaluate("window.phases")
        return phases

    def follow_every_link(self) -> set[str]:
        """Open whatever pages lead to in a second page; return the addresses."""
        seen, waiting = {self.url}, [self.url]
        with shown(self.browser) as page:
            self.watch.over(page, self.url)
            while waiting:
                page.goto(waiting.pop(), wait_until="domcontentloaded")
                found = links_of(page) - seen
                seen |= found
                waiting += found
        return seen


@contextmanager
def watched(setting: Setting) -> Iterator[Watched]:
    """Serve the pages of a network and keep the first open in chromium."""
    homes = [worker.home for worker in setting.stage.cast]
    pages, watch = show_pages(setting.ground, free_port(), homes), Watch()
    url = f"{pages.url}/"
    try:
        setting.stage.wait_for("the pages", pages.are_served, patience=PATIENCE)
        with started() as browser, shown(browser) as page:
            watch.over(page, url)
            page.goto(url)
            page.evaluate(KEEP_PHASES)
            yield Watched(browser, page, url, watch)
    finally:
        pages.end()
