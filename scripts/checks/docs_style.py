"""The style of the documents: python -m scripts.checks.docs_style [PAGE ...].

One sentence a line, each sentence in one line, at most 25 words at the median of a page, table cells of at
most 300 characters, links and paths of files that exist. Code blocks are left alone, and pages made by a
program. Prints a line for each complaint, with its place, and exits with 1 when there is one.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
GENERATED: Final = frozenset({"docs/commands.md"})
MADE_BY_RUNNING: Final = ("deployments/", "build/", ".pole/", ".brownie-home/", "devnet/node_modules/")
MAXIMUM_WORDS: Final = 25
MAXIMUM_CELL: Final = 300

ABBREVIATIONS: Final = (
    r"(?:e\.g|i\.e|cf|vs|etc|al|approx|resp|incl|Fig|Figs|Eq|Sec|No|Nr|Vol|St|Dr|Mr|Ms|Prof|Inc)\."
)
ABBREVIATED: Final = re.compile(rf"(?:^|[\s(\[\"'“]){ABBREVIATIONS}$")
# A full stop, what closes with it, white space, and something that can begin a sentence.
BOUNDARY: Final = re.compile(
    r"(?<!\.)[.!?](?:[)\]\"'”’]|\*{1,2}|_(?=\s))*\s+(?=[(\[\"'“*_`$]*[A-Z0-9ÄÖÜ`\[$])"
)
CODE_SPAN: Final = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")
LINK: Final = re.compile(r"(!?)\[([^\[\]]*(?:\[[^\[\]]*\][^\[\]]*)*)\]\(([^()\s]*(?:\([^()\s]*\))?)\)")
REFERENCE: Final = re.compile(r"^\s*\[[^\]]+\]:\s*(\S+)")
FILE: Final = re.compile(r"[\w.@-]+(?:/[\w.@-]+)+\.\w+")
MARKER: Final = re.compile(r"^(?:\s|>)*(?:[-*+]\s+|\d+[.)]\s+)?(?:\[[ x]\]\s+)?")
LEAD: Final = re.compile(r"^\*\*[^*]+\*\*")
ITEM: Final = re.compile(r"^(?:\s|>)*(?:[-*+]|\d+[.)])\s")
ENDS: Final = re.compile(r"[.!?:;…](?:[)\]\"'”’*_`]|&gt;)*$")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a page, counted from 1."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """A Markdown file: its path below the repository, and its blocks of prose, table rows and headings."""

    path: str
    prose: tuple[tuple[Line, ...], ...]
    rows: tuple[Line, ...]
    headings: tuple[str, ...]

    def lines(self) -> Iterator[Line]:
        """Yield every line of prose and of tables."""
        for block in self.prose:
            yield from block
        yield from self.rows


def page_of(path: str, text: str) -> Page:
    """Return a page as its parts. Code blocks, comments and tags that stand alone are in none of them."""
    blocks: list[list[Line]] = [[]]
    rows, headings = [], []
    for line in _outside_code(text):
        stripped = line.text.strip()
        if stripped.startswith("|"):
            rows.append(line)
        elif stripped.startswith("#"):
            headings.append(stripped.lstrip("#").strip())
        elif stripped and not stripped.startswith("<"):
            if ITEM.match(line.text):
                blocks.append([])
            blocks[-1].append(line)
            continue
        blocks.append([])
    return Page(path, tuple(tuple(block) for block in blocks if block), tuple(rows), tuple(headings))


def _outside_code(text: str) -> Iterator[Line]:
    """Yield the lines that are in no code block; a blank one for each that is."""
    fence, before, in_list = "", "", False
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if fence:
            fence = "" if stripped.startswith(fence) else fence
            line = ""
        elif stripped.startswith(("```", "~~~")):
            fence, line = stripped[:3], ""
        elif line.startswith("    ") and not before.strip() and not in_list:
            line = ""
        if stripped and not line.startswith(" "):
            in_list = bool(ITEM.match(line))
        before = line
        yield Line(number, line)


def sentences(text: str) -> list[str]:
    """Return the sentences of a line of prose, without a list's marker or a title in bold before them."""
    told = MARKER.sub("", text.strip())
    masked = CODE_SPAN.sub(lambda span: "`" + "c" * (len(span[0]) - 2) + "`", told)
    masked = LINK.sub(lambda link: "[" + "l" * (len(link[0]) - 2) + ")", masked)
    lead = LEAD.match(masked)
    start = lead.end() if lead else 0
    ends = [
        each.end()
        for each in BOUNDARY.finditer(masked, start)
        if not ABBREVIATED.search(masked[: each.start() + 1])
    ]
    cuts = [0, *ends, len(told)]
    return [told[begin:end].strip() for begin, end in pairwise(cuts) if told[begin:end].strip()]


def words(sentence: str) -> int:
    """Return how many words a sentence has; a code span is one, a link has those of its text."""
    plain = LINK.sub(lambda link: link[2], CODE_SPAN.sub("code", sentence))
    return sum(any(sign.isalnum() for sign in word) for word in plain.split())


def style_complaints(page: Page) -> Iterator[str]:
    """Yield what is wrong with the sentences and cells of a page."""
    for block in page.prose:
        for line in block:
            _, *more = sentences(line.text) or [""]
            if more:
                yield f"{page.path}:{line.number}: two sentences in a line: begin a line at {more[0][:40]!r}"
        for line in block[:-1]:
            if not ENDS.search(line.text.rstrip()):
                yield f"{page.path}:{line.number}: a sentence goes on in the next line: join the two lines"
    counts = [words(each) for block in page.prose for line in block for each in sentences(line.text)]
    if counts and median(counts) > MAXIMUM_WORDS:
        yield (
            f"{page.path}:1: a sentence has {median(counts):g} words at the median: "
            f"split the long ones until it is at most {MAXIMUM_WORDS}"
        )
    for row in page.rows:
        for cell in _cells(row.text):
            if len(cell) > MAXIMUM_CELL:
                yield (
                    f"{page.path}:{row.number}: a cell has {len(cell)} characters: at most {MAXIMUM_CELL}, "
                    f"say the rest below the table: {cell[:40]!r}"
                )


def _cells(row: str) -> list[str]:
    """Return the cells of a table's row as they are read, without the targets of links."""
    read = LINK.sub(lambda link: link[2], row.strip())
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", read)[1:-1]]


def link_complaints(page: Page, root: Path = ROOT) -> Iterator[str]:
    """Yield the links and file names of a page that lead nowhere in the repository at `root`."""
    folder = (root / page.path).parent
    # A short path names a module of the package.
    starts = (root, root / "offchain" / "pole", folder)
    for line in page.lines():
        for target in _targets(line.text):
            path, _, anchor = target.partition("#")
            found = folder / path if path else root / page.path
            if not found.exists():
                yield f"{page.path}:{line.number}: no file {target!r}: correct the link"
            elif anchor and found.suffix == ".md" and anchor not in _anchors(found):
                yield f"{page.path}:{line.number}: no heading {target!r}: correct the link"
        for name in _files(line.text):
            if not any((start / name).exists() for start in starts):
                yield f"{page.path}:{line.number}: no file `{name}`: name it from the repository's root"


def _targets(text: str) -> Iterator[str]:
    """Yield the targets of relative links."""
    plain = CODE_SPAN.sub(lambda span: "`" * len(span[0]), text)
    inner = [link[2] for link in LINK.finditer(text)]
    targets = [link[3] for part in (plain, *inner) for link in LINK.finditer(part)]
    reference = REFERENCE.match(text)
    for target in [*targets, *([reference[1]] if reference else [])]:
        if target and "://" not in target and not target.startswith("mailto:"):
            yield target


def _files(text: str) -> Iterator[str]:
    """Yield the code spans that look like a file of the repository."""
    for span in CODE_SPAN.finditer(text):
        name = span[0].strip("`")
        if FILE.fullmatch(name) and not name.startswith(MADE_BY_RUNNING):
            yield name


def _anchors(path: Path) -> set[str]:
    """Return the anchors of a Markdown file's headings, as GitHub makes them."""
    page = page_of(str(path), path.read_text(encoding="utf-8"))
    anchors: set[str] = set()
    for heading in page.headings:
        plain = LINK.sub(lambda link: link[2], heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        while anchor in anchors:
            anchor += "-1"
        anchors.add(anchor)
    return anchors


def pages() -> list[Path]:
    """Return every page that people write."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [each for each in found if each.exists() and each.relative_to(ROOT).as_posix() not in GENERATED]


def complaints(path: Path) -> list[str]:
    """Return all complaints about a page of the repository."""
    page = page_of(path.resolve().relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
    return [*style_complaints(page), *link_complaints(page)]


def main(arguments: Sequence[str]) -> int:
    """Print every complaint about the named pages, or about all; return 1 when there is one."""
    told = [each for path in ([Path(name) for name in arguments] or pages()) for each in complaints(path)]
    for complaint in told:
        print(complaint)
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
