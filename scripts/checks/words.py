"""The words that names are made of: python -m scripts.checks.words.

docs/glossary.md has a table of words that no name uses, and what stands instead. This looks through the names
that Python and Solidity sources declare, and the names of files and folders; what calls a name is not told
again, and neither are names of other people's code. Prints a line for each, with its place and what to
write, and exits with 1 when there is one.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = "docs/glossary.md"
HEADER: Final = ("instead of", "we write", "may stay")
FOLDERS: Final = (
    *("benchmarks", "contracts", "devnet", "docs", "examples"),
    *("experiments", "offchain", "scripts", "tests", "tools"),
)
# What users of the contracts call by name does not change for a word.
ABI: Final = "contracts/interfaces"
NOT_OURS: Final = frozenset({"node_modules", "__pycache__", "build"})

IDENTIFIER: Final = re.compile(r"[A-Za-z_$][\w$]*")
WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
CODE: Final = re.compile(r"`([^`]+)`")
UNREAD: Final = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL)
# A word of Solidity and the name after it, as in `function count` and, twice, in `uint256[] memory counts`.
# After some words a name is used, after all others it is declared.
USED: Final = r"(?:as|catch|delete|do|else|emit|for|from|import|is|new|return|revert|try|using)\b"
TYPED: Final = re.compile(rf"(?<![\w$])(?=(?!{USED})[A-Za-z_$][\w$]*(?:\s*\[[^\]]*\])*\s+([A-Za-z_$][\w$]*))")
MAPPING: Final = re.compile(r"\)\s+([A-Za-z_$][\w$]*)\s*;")
# The parameters of a function that an interface declares: their names are the interface's.
OVERRIDDEN: Final = re.compile(r"\bfunction\s+\w+\s*\(([^)]*)\)(?=[^{};]*\boverride\b)")
ENUM: Final = re.compile(r"\benum\s+\w+\s*\{([^}]*)\}")

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """Words in a row that no name has, what to write instead, and the terms within which they may stay."""

    words: Words
    instead: str
    stays: tuple[Words, ...]

    def advice(self) -> str:
        """Return what to do about a name that has the words."""
        return f"write {self.instead}, not {'_'.join(self.words)}"

    def forbids(self, name: Words) -> bool:
        """Say whether a name has the words, and not only as part of a term that may stay."""
        fine = {place + n for term in self.stays for place in _places(term, name) for n in range(len(term))}
        return any(place not in fine for place in _places(self.words, name))


@dataclass(frozen=True, slots=True)
class Name:
    """A name, where it is declared: the path below the root, and the line, counted from 1."""

    path: str
    line: int
    text: str


def words_of(name: str) -> Words:
    """Return the words of a name in small letters: `_takeUp`, `take_up` and `TakeUp` have the same two."""
    return tuple(word.lower() for word in WORD.findall(name))


def _places(words: Words, name: Words) -> list[int]:
    """Return where in a name the words stand in a row."""
    return [start for start in range(len(name)) if name[start : start + len(words)] == words]


def rules_of(page: str) -> list[Rule]:
    """Return the rules of the page's table of words. Raises ValueError where it has none."""
    rules, within = [], False
    for line in page.splitlines():
        cells = tuple(cell.strip() for cell in line.strip().strip("|").split("|"))
        if cells == HEADER:
            within = True
        elif not line.startswith("|"):
            within = False
        elif within and not set(line) <= set("|-: "):
            stays = tuple(words_of(term) for term in CODE.findall(cells[2]))
            instead = cells[1].replace("`", "")
            rules += [Rule(words_of(each), instead, stays) for each in CODE.findall(cells[0])]
    if not rules:
        raise ValueError(f"{PAGE} has no table '{' | '.join(HEADER)}': write one")
    return rules


def python_names(path: str, text: str) -> Iterator[Name]:
    """Yield the names that Python code declares. A test's name is a sentence, and left out."""
    for node in ast.walk(ast.parse(text)):
        for name in _declared(node):
            yield Name(path, getattr(node, "lineno", 1), name)


def _declared(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if name.startswith("test_"):
            return
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
            yield name
        case ast.arg(arg=name) | ast.alias(asname=str(name)) | ast.ExceptHandler(name=str(name)):
            yield name
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            yield name


def solidity_names(path: str, text: str) -> Iterator[Name]:
    """Yield the names that Solidity code declares."""
    code = UNREAD.sub(lambda unread: re.sub(r"\S", " ", unread[0]), text)
    code = OVERRIDDEN.sub(lambda function: re.sub(r"\S", " ", function[0]), code)
    found = [(each.start(1), each[1]) for pattern in (TYPED, MAPPING) for each in pattern.finditer(code)]
    for enum in ENUM.finditer(code):
        found += [(enum.start(1) + each.start(), each[0]) for each in re.finditer(r"\w+", enum[1])]
    for start, name in sorted(found):
        yield Name(path, code.count("\n", 0, start) + 1, name)


READERS: Final[dict[str, Callable[[str, str], Iterator[Name]]]] = {
    ".py": python_names,
    ".sol": solidity_names,
}


def complaints(root: Path = ROOT) -> list[str]:
    """Return a sentence for each name that has words of the table. A name is told once a file."""
    rules = rules_of((root / PAGE).read_text(encoding="utf-8"))

    @cache
    def broken(name: str) -> Rule | None:
        words = words_of(name)
        return next((rule for rule in rules if rule.forbids(words)), None)

    told: dict[tuple[str, str], str] = {}
    for path in paths(root):
        for name in _suspects(root, path, lambda word: broken(word) is not None):
            if (rule := broken(name.text)) is not None:
                sentence = f"{name.path}:{name.line}: {name.text}: {rule.advice()}"
                told.setdefault((name.path, name.text), sentence)
    return list(told.values())


def paths(root: Path) -> Iterator[Path]:
    """Yield the folders and files of ours below `root`, as paths from there."""
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            inner = path.relative_to(root)
            if not any(part in NOT_OURS or part.startswith(".") for part in inner.parts):
                yield inner


def _suspects(root: Path, path: Path, is_broken: Callable[[str], bool]) -> Iterator[Name]:
    """Yield the name of a file, and those that it declares where any word of it is broken."""
    yield Name(path.as_posix(), 1, path.name.partition(".")[0])
    reader = READERS.get(path.suffix)
    if reader is None or path.is_relative_to(ABI):
        return
    text = (root / path).read_text(encoding="utf-8")
    if any(map(is_broken, set(IDENTIFIER.findall(text)))):
        yield from reader(path.as_posix(), text)


def main() -> int:
    """Print every complaint; return 1 when there is one."""
    told = complaints()
    for complaint in told:
        print(complaint)
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
