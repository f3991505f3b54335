"""The pictures of docs/explorer.md: one of each page, small, and none without a browser."""

import re

import pytest
from scripts.pages import explorer

from pole.explore.server.pages import OWN_PAGES, PAGES

AGAIN = "Run `make demo DEMO_ARGS=--keep`, then `python -m scripts.pages.explorer --url` with its address."
LARGEST = 1.5 * 2**20


def test_without_a_browser_nothing_is_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(explorer, "CHROMIUM", None)
    assert explorer.main([]) == 1
    assert "chromium" in capsys.readouterr().err


def test_the_document_shows_every_page() -> None:
    shown = set(
        re.findall(r"\]\(explorer/([a-z-]+)\.png\)", explorer.PICTURES.with_suffix(".md").read_text())
    )
    assert shown == {file.stem for file in explorer.PICTURES.iterdir()}
    assert {page.name for page in (*PAGES, *OWN_PAGES)} <= shown, AGAIN
    assert {"now-dark", "now-narrow", "round-dark", "round-narrow"} <= shown


def test_the_pictures_are_small() -> None:
    assert sum(file.stat().st_size for file in explorer.PICTURES.iterdir()) < LARGEST
