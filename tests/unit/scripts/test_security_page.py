"""docs/security.md names tests that exist, all tests of attacks, and every function that can be flooded."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
TESTS = ROOT / "tests"
CITATION = re.compile(r"`([\w/]+\.py)::(test_\w+)`")
FUNCTION = re.compile(r"\bfunction (\w+)\([^)]*\)([^;{]*);")


def rows(heading: str) -> list[list[str]]:
    """Return the cells of every table row in a section of the page."""
    section = PAGE.partition(f"## {heading}")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ") and not line.startswith("| ---")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def cited() -> set[tuple[str, str]]:
    return set(CITATION.findall(PAGE))


def defined(path: Path) -> set[str]:
    return set(re.findall(r"^def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize(
    "row", [row for row in rows("2. Attacks") if row[0] != "attack"], ids=lambda row: row[0]
)
def test_an_attack_names_who_pays_and_a_test_that_exists(row: list[str]) -> None:
    _, _, _, pays, tests = row
    assert pays
    assert CITATION.findall(tests)
    for path, name in CITATION.findall(tests):
        assert name in defined(TESTS / path), f"{path} has no {name}"


def test_every_test_of_an_attack_is_on_the_page() -> None:
    folder = TESTS / "contracts" / "attacks"
    mounted = {
        (str(path.relative_to(TESTS)), name) for path in folder.glob("test_*.py") for name in defined(path)
    }
    assert mounted - cited() == set()


def test_every_function_that_changes_anything_is_in_the_table_of_floods() -> None:
    functions = set()
    for path in (ROOT / "contracts" / "interfaces").glob("I*.sol"):
        for name, traits in FUNCTION.findall(path.read_text(encoding="utf-8")):
            if "external" in traits and " view" not in traits and " pure" not in traits:
                functions.add(f"`{path.stem[1:]}.{name}`")
    assert {row[0] for row in rows("3. Floods")} - {"function"} == functions
