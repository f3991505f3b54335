"""Pages in Debian's chromium: they are served, watched for complaints, and found, one of each kind."""

import re
import shutil
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import time
from typing import Any, Final
from urllib.parse import urldefrag, urljoin, urlsplit

import requests
import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright
from starlette.types import ASGIApp
from tests.unit.explore.chains import where
from tests.unit.explore.databases import opened
from tests.unit.explore.training.miners import some_miners
from tests.unit.protocol.example_rounds import PARAMETERS

from pole.explore.index.following import EventDatabase, Source
from pole.explore.server.app import application
from pole.explore.server.pages import OWN_PAGES, PAGES
from pole.explore.server.serving import listen, names_of, url_of

CHROMIUM: Final = shutil.which("chromium")
PATIENCE: Final = 30
MILLISECONDS: Final = 1_000 * PATIENCE
KINDS: Final = {re.sub(r"{.*?}", "_", page.path): page.name for page in (*PAGES, *OWN_PAGES)}
"""Every kind of page that the application has a route to, with its name."""
UNLINKED: Final = ("", "search?q=1", "nothing-here")
"""Where to begin: pages that lead to all others, one that a form leads to, one that is not there."""

_ID: Final = re.compile(r"0x[0-9a-fA-F]+|[0-9]+(-[0-9a-f]{8}){2}|[0-9]+")
_LINK: Final = re.compile(r'<a\b(?![^>]* download)[^>]* href="([^"]+)"')


@dataclass
class Watch:
    """What a browser complained of while it showed pages."""

    complaints: list[str] = field(default_factory=list)

    def over(self, page: Page, origin: str) -> None:
        """Listen to a page: its console, its scripts, its requests and their answers."""

        def note_where(wrong: bool, text: str) -> None:
            if wrong:
                self.complaints.append(f"{page.url}: {text}")

        page.on("console", lambda told: note_where(told.type in ("error", "warning"), told.text))
        page.on("pageerror", lambda error: note_where(True, str(error)))
        page.on("response", lambda answer: note_where(answer.status >= 400, answer.url))
        page.on("request", lambda asked: note_where(not asked.url.startswith(origin), asked.url))


@contextmanager
def served(app: ASGIApp, port: int = 0) -> Iterator[str]:
    """Serve an application, at a port that is free where none is given; gives its URL."""
    listening = listen("127.0.0.1", port)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield url_of(listening)
    finally:
        server.should_exit = True
        thread.join(PATIENCE)


@contextmanager
def pages_of(chain: Source, folder: Path) -> Iterator[str]:
    """Serve the pages of a chain, with two miners of this machine; gives the URL of the first."""
    with opened(folder) as engine:
        index = EventDatabase(engine, where(PARAMETERS))
        index.catch_up(chain)
        app = application(
            index,
            lambda: index.catch_up(chain),
            names_of("127.0.0.1"),
            miners=lambda: some_miners(int(time())),
        )
        with served(app) as url:
            yield url


@contextmanager
def started() -> Iterator[Browser]:
    """Start chromium."""
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def shown(browser: Browser, **how: Any) -> Iterator[Page]:
    """Open a page of a context of its own, with playwright's options for one."""
    context = browser.new_context(**how)
    context.set_default_timeout(MILLISECONDS)
    yield context.new_page()
    context.close()


def kind_of(url: str) -> str:
    """Return which kind of page an address is of: its path with `_` for each number, address and hash."""
    return _ID.sub("_", urlsplit(url).path)


def links_of(page: Page) -> set[str]:
    """Return the addresses that a page in the browser links to."""
    links = page.eval_on_selector_all("a[href]:not([download])", "all => all.map(each => each.href)")
    return {urldefrag(urljoin(page.url, link))[0] for link in links}


def one_of_each(url: str, begins: Iterable[str] = UNLINKED) -> dict[str, str]:
    """Return the address of the first page of each kind that the pages of a server lead to."""
    waiting, found = [urljoin(url, path) for path in begins], dict[str, str]()
    while waiting:
        asked = waiting.pop(0)
        if kind_of(asked) in found or not asked.startswith(url):
            continue
        found[kind_of(asked)] = asked
        text = requests.get(asked, timeout=PATIENCE).text
        waiting += [urljoin(asked, link) for link in _LINK.findall(text)]
    return found
