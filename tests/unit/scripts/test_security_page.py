"""docs/security.md names tests that exist, all tests of attacks, and every function that can be flooded."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
TESTS = ROOT / "tests"
CITATION = re.compile(r"\[`(test_\w+)`\]\(\.\./tests/([\w/]+\.py)\)")
FUNCTION = re.compile(r"\bfunction (\w+)\([^)]*\)([^;{]*);")


def rows(heading: str) -> list[list[str]]:
    """Return the cells of every table row in a section of the page."""
    section = PAGE.partition(f"## {heading}")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ") and not line.startswith("| ---")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def attacks() -> list[list[str]]:
    """Return the rows that describe an attack: its number, itself, its aim, what stops it, who pays."""
    return [row for row in rows("2. Attacks") if len(row) == 5 and row[0] != "no."]


def cited() -> dict[str, list[tuple[str, str]]]:
    """Return path and name of the tests under each number of an attack."""
    found: dict[str, list[tuple[str, str]]] = {}
    for number, *tests in (row for row in rows("2. Attacks") if len(row) == 2 and row[0] != "no."):
        found.setdefault(number, []).extend((path, name) for name, path in CITATION.findall(tests[0]))
    return found


def defined(path: Path) -> set[str]:
    return set(re.findall(r"^def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("row", attacks(), ids=lambda row: row[1])
def test_an_attack_names_who_pays_and_a_test_that_exists(row: list[str]) -> None:
    number, _, _, _, pays = row
    assert pays
    assert cited()[number]
    for path, name in cited()[number]:
        assert name in defined(TESTS / path), f"{path} has no {name}"


def test_every_number_is_that_of_one_attack() -> None:
    numbers = [row[0] for row in attacks()]
    assert len(set(numbers)) == len(numbers)
    assert set(cited()) == set(numbers)


def test_every_test_of_an_attack_is_on_the_page() -> None:
    folder = TESTS / "contracts" / "attacks"
    mounted = {
        (str(path.relative_to(TESTS)), name) for path in folder.glob("test_*.py") for name in defined(path)
    }
    assert mounted - {test for tests in cited().values() for test in tests} == set()


def test_every_function_that_changes_anything_is_in_the_table_of_floods() -> None:
    functions = set()
    for path in (ROOT / "contracts" / "interfaces").glob("I*.sol"):
        for name, traits in FUNCTION.findall(path.read_text(encoding="utf-8")):
            if "external" in traits and " view" not in traits and " pure" not in traits:
                functions.add(f"`{path.stem[1:]}.{name}`")
    assert {row[0] for row in rows("3. Floods")} - {"function"} == functions
