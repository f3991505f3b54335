"""Trainings over real sockets: who is not on this machine gets none, and an open page shows what is new."""

import shutil
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
import uvicorn
from playwright.sync_api import expect, sync_playwright
from tests.unit.explore.chains import chain_of, where
from tests.unit.explore.databases import opened
from tests.unit.explore.playing import played
from tests.unit.explore.training.miners import WORKER, Kept
from tests.unit.protocol.example_rounds import PARAMETERS

from pole.adapters.history.trainings import TrainingFiles
from pole.explore.index.following import EventDatabase
from pole.explore.server.app import application
from pole.explore.server.serving import listen, names_of

ANYWHERE = "0.0.0.0"  # noqa: S104
CHROMIUM = shutil.which("chromium")
PATIENCE = 30
PATHS = ("training", "training.json", f"training/{WORKER}", f"training/{WORKER}.json")


@contextmanager
def served(home: Path, host: str) -> Iterator[int]:
    """Serve the miners of a data folder on an address; give the port."""
    with opened(home) as engine:
        index, chain = EventDatabase(engine, where(PARAMETERS)), chain_of(played(("block",)))
        files = TrainingFiles([home])
        app = application(index, lambda: index.catch_up(chain), names_of(host), miners=files.miners)
        listening = listen(host, 0)
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(PATIENCE)


def own_address() -> str:
    """Return an address of this machine that others reach it by, "" where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            # Nothing is sent: the system says which address it would send from.
            asked.connect(("192.0.2.1", 9))
        except OSError:
            return ""
        address = str(asked.getsockname()[0])
    return "" if address.startswith("127.") else address


def status(url: str, headers: Mapping[str, str]) -> int:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, headers=headers, timeout=PATIENCE).status_code


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Host": "127.0.0.1"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"Host": "localhost", "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "127.0.0.1"},
        {"Host": "localhost", "Forwarded": "for=127.0.0.1"},
    ],
)
def test_who_comes_by_another_address_is_shown_no_training(
    tmp_path: Path, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    address = own_address()
    if not address:
        pytest.skip("this machine has no address beside loopback")
    # What makes uvicorn believe any proxy.
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    Kept(tmp_path).train(7)
    with served(tmp_path, ANYWHERE) as port:
        assert status(f"http://{address}:{port}/", headers) == 200
        assert [status(f"http://{address}:{port}/{path}", headers) for path in PATHS] == [404] * 4
        assert [status(f"http://127.0.0.1:{port}/{path}", {}) for path in PATHS] == [200] * 4


@pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed")
def test_an_open_page_shows_each_new_epoch_without_a_block_or_a_reload(tmp_path: Path) -> None:
    kept = Kept(tmp_path).train(7, ended=None)
    lines = kept.file.read_bytes().splitlines(keepends=True)
    kept.write(b"".join(lines[:2]))
    complaints: list[str] = []
    with served(tmp_path, "127.0.0.1") as port, sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"http://127.0.0.1:{port}/training/{WORKER}")
        rows = page.locator("#checks tbody tr")
        expect(rows).to_have_count(1)
        page.evaluate("window.isTheSame = true")
        kept.write(b"".join(lines))
        expect(rows).to_have_count(3, timeout=1_000 * PATIENCE)
        expect(page.locator("figure.chart canvas").first).to_be_visible()
        assert page.evaluate("window.isTheSame")
        browser.close()
    assert complaints == []


@pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed")
def test_numbers_beyond_all_charts_break_no_page(tmp_path: Path) -> None:
    kept = Kept(tmp_path).train(7)
    text = kept.file.read_text()
    kept.write(text.replace('"loss": 1.0', '"loss": 1e308').replace('"loss": 0.5', '"loss": -1e308').encode())
    complaints: list[str] = []
    with served(tmp_path, "127.0.0.1") as port, sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"http://127.0.0.1:{port}/training/{WORKER}")
        expect(page.locator("figure.chart canvas").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        browser.close()
    assert complaints == []
