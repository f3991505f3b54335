"""The table of what to back up names every folder of a data folder."""

import re

from scripts.contracts.sources import ROOT

PAGE = (
    (ROOT / "docs" / "operations.md").read_text().partition("## 7. What to back up")[2].partition("\n## ")[0]
)
# `home / "files"`, also over two lines, and `_rounds / str(round_id) / "models"`.
FOLDERS = re.compile(r'\bhome\s*/ "([a-z-]+)"|\bround_id\) / "([a-z-]+)"')


def folders() -> set[str]:
    """Return the names of folders that the package makes below a home or a wallet's part of it."""
    sources = (path.read_text() for path in sorted((ROOT / "offchain" / "pole").rglob("*.py")))
    return {name for text in sources for names in FOLDERS.findall(text) for name in names if name}


def test_every_folder_that_the_package_makes_in_a_home_is_in_the_table() -> None:
    found = folders() - {"bin"}
    assert found >= {
        "wallets",
        "secrets",
        "key-budget",
        "locks",
        "work",
        "points",
        "tasks",
        "rounds",
        "models",
    }
    named = set(re.findall(r"[a-z-]+", PAGE))
    assert found - named == set()


def test_what_must_not_be_lost_is_in_the_table_itself() -> None:
    table = "\n".join(line for line in PAGE.splitlines() if line.startswith("|"))
    for path in (
        "wallets",
        "secrets",
        "key-budget",
        "work/*/journal.sqlite",
        "work/*/tasks",
        "work/*/rounds/*/models",
    ):
        assert f"`$POLE_HOME/{path}`" in table
