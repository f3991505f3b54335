"""Names are made of the glossary's words, wherever a name is declared, and nothing else is looked at."""

from pathlib import Path

import pytest
from scripts.checks.words import (
    PAGE,
    ROOT,
    complaints,
    main,
    python_names,
    rules_of,
    solidity_names,
    words_of,
)

TABLE = """# Glossary

| term | meaning | where |
|---|---|---|
| `least` | a term of another table | |

| instead of | we write | may stay |
|---|---|---|
| `least` | `minimum` | `least_squares` |
| `take_up`, `takes_up` | `resume` | |
| `helper` | what it does | |

After the table.
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / PAGE).write_text(TABLE)
    (tmp_path / "offchain").mkdir()
    (tmp_path / "contracts" / "interfaces").mkdir(parents=True)
    return tmp_path


def told(tree: Path, file: str, text: str) -> list[str]:
    (tree / file).write_text(text)
    return complaints(tree)


@pytest.mark.parametrize("name", ["take_up", "_takeUp", "TakeUp", "TAKE_UP", "__take_up__"])
def test_the_words_of_a_name_are_the_same_in_every_spelling(name: str) -> None:
    assert words_of(name) == ("take", "up")


def test_a_name_of_capitals_and_numbers_is_parted_where_one_reads_it() -> None:
    assert words_of("parseJSONFile2") == ("parse", "json", "file", "2")


def test_the_rules_are_those_of_the_right_table() -> None:
    rules = rules_of(TABLE)
    assert [rule.words for rule in rules] == [("least",), ("take", "up"), ("takes", "up"), ("helper",)]
    assert rules[0].advice() == "write minimum, not least"


def test_a_page_without_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="has no table 'instead of"):
        rules_of("# Glossary\n\n| term | meaning | where |\n|---|---|---|\n| a | b | c |\n")


def test_the_glossary_of_the_repository_has_the_table() -> None:
    assert {("take", "up"), ("wish",), ("manager",)} <= {
        rule.words for rule in rules_of((ROOT / PAGE).read_text(encoding="utf-8"))
    }


def test_a_name_is_told_with_its_place_and_what_to_write(tree: Path) -> None:
    assert told(tree, "offchain/a.py", "fine = 1\nleast_fee = 2\n") == [
        "offchain/a.py:2: least_fee: write minimum, not least"
    ]


def test_a_term_may_stay_but_not_the_word_beside_it(tree: Path) -> None:
    assert told(tree, "offchain/a.py", "def least_squares(): ...\n") == []
    assert len(told(tree, "offchain/a.py", "def least_least_squares(): ...\n")) == 1


def test_a_name_is_told_once_a_file(tree: Path) -> None:
    assert len(told(tree, "offchain/a.py", "least = 1\nleast = 2\n")) == 1


def test_python_names_are_told_where_they_are_declared_and_not_where_they_are_used(tree: Path) -> None:
    code = """
import library.least as fine
from library import helper
library.take_up(least=helper.least, takes_up="least helper")  # take_up
"""
    assert told(tree, "offchain/a.py", code) == []


@pytest.mark.parametrize(
    "code",
    [
        "def n(): ...",
        "async def n(): ...",
        "class n: ...",
        "def f(n): ...",
        "def f(*n): ...",
        "lambda n: 0",
        "n: int",
        "a, (n, b) = c",
        "self.n = 1",
        "for n in a: ...",
        "with a as n: ...",
        "[n for n in a]",
        "(n := 1)",
        "import a as n",
        "from a import b as n",
        "try: ...\nexcept A as n: ...",
        "match a:\n    case [n]: ...",
        "match a:\n    case [*n]: ...",
        "match a:\n    case {**n}: ...",
    ],
)
def test_every_way_to_declare_a_python_name_is_known(code: str) -> None:
    assert "n" in {name.text for name in python_names("a.py", code)}


def test_a_tests_name_is_a_sentence_and_free(tree: Path) -> None:
    assert told(tree, "offchain/a.py", "def test_the_least_helper_takes_up_nothing(): ...\n") == []


def test_solidity_names_are_told_where_they_are_declared_and_not_where_they_are_used(tree: Path) -> None:
    code = """
// SPDX-License-Identifier: least
import {helper} from "least/helper.sol";
contract A is helper {
    using helper for uint256;
    /* uint256 least; */
    function f() external returns (uint256) {
        emit helper(fine.least);
        if (fine) revert helper("uint256 least");
        return takeUp(helper.least);
    }
}
"""
    assert told(tree, "contracts/a.sol", code) == []


@pytest.mark.parametrize(
    "code",
    [
        "contract n {}",
        "library n {}",
        "struct n { uint256 a; }",
        "error n(uint256 a);",
        "event A(address indexed n);",
        "function n(uint256 a) external {}",
        "function f(A.B memory n) external {}",
        "modifier n() {}",
        "enum A { b, n }",
        "uint256 internal constant n = 1;",
        "uint256[] calldata n = a;",
        "Vote[2][] n;",
        "mapping(address => uint256) private n;",
        "struct A { mapping(address => uint256) n; }",
        "(, uint256 n) = f();",
    ],
)
def test_every_way_to_declare_a_solidity_name_is_known(code: str) -> None:
    assert ("n", 2) in {(name.text, name.line) for name in solidity_names("a.sol", f"\n{code}")}


def test_interfaces_of_contracts_keep_their_names(tree: Path) -> None:
    assert told(tree, "contracts/interfaces/a.sol", "error A(uint256 least);") == []


def test_names_of_files_and_folders_are_told(tree: Path) -> None:
    (tree / "offchain" / "takes_up").mkdir()
    (tree / "offchain" / "takes_up" / "test-helper.json").touch()
    assert complaints(tree) == [
        "offchain/takes_up:1: takes_up: write resume, not takes_up",
        "offchain/takes_up/test-helper.json:1: test-helper: write what it does, not helper",
    ]


def test_what_is_not_ours_is_not_looked_at(tree: Path) -> None:
    for folder in ("node_modules", "build", ".cache"):
        (tree / "offchain" / folder).mkdir()
        (tree / "offchain" / folder / "helper.py").write_text("least = 1\n")
    assert complaints(tree) == []


def test_a_complaint_is_printed_and_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "scripts.checks.words.complaints", lambda: ["a.py:1: least: write minimum, not least"]
    )
    assert main() == 1
    assert capsys.readouterr().out == "a.py:1: least: write minimum, not least\n"
    monkeypatch.setattr("scripts.checks.words.complaints", lambda: [])
    assert main() == 0
