"""The index of the decision records: python -m scripts.checks.decisions --check | --write.

docs/decisions/README.md lists every record with its number, title and status, as the records themselves say
them. `--write` makes it anew; `--check` exits with 1 when it is stale or a record is not in the form.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "decisions"
HEAD: Final = """# Decision records

One page each: what was decided, why, what it costs, and what would make us change it.
A record is not rewritten: a later one supersedes it, in whole or in part, and its status names that one.
[CONTRIBUTING.md](../../CONTRIBUTING.md#decisions) says when to write one.
This page is made by `python -m scripts.checks.decisions --write`.

| number | decision | status |
|---|---|---|
"""
NAME: Final = re.compile(r"(\d{4})-[a-z0-9-]+\.md")
TITLE: Final = re.compile(r"# (\d+)\. (.+)")
STATUS: Final = re.compile(r"\*\*Status\.\*\* (Accepted|Superseded)\b(.*)\.")
LINK: Final = re.compile(r"\[(\d{4})\]\((\d{4}-[a-z0-9-]+\.md)\)")


class RecordError(ValueError):
    """A record that the index cannot be made of; the message names it and says what to write."""


@dataclass(frozen=True, slots=True)
class Record:
    """A decision: its number, the name of its file, its title and its status as Markdown."""

    number: int
    file: str
    title: str
    status: str

    def row(self) -> str:
        """Return the record's line in the index."""
        return f"| [{self.number:04}]({self.file}) | {self.title} | {self.status} |"


def record_of(file: str, text: str) -> Record:
    """Return the record that `text`, the content of `file`, is.

    Raises RecordError where the name, the first line or the status line is not in the form.
    """
    name = NAME.fullmatch(file)
    if name is None:
        raise RecordError(f"{file}: name it NNNN-words-of-its-title.md")
    title, blank, line, *_ = [*text.splitlines(), "", "", ""]
    heading = TITLE.fullmatch(title)
    if heading is None or int(heading[1]) != int(name[1]):
        raise RecordError(f"{file}:1: begin with '# {int(name[1])}. Its title'")
    status = STATUS.fullmatch(line)
    if blank or status is None:
        raise RecordError(
            f"{file}:3: write '**Status.** Accepted.' or '**Status.** Superseded by [NNNN](file).' there"
        )
    return Record(int(name[1]), file, heading[2], status[1].lower() + status[2])


def read_records(folder: Path) -> list[Record]:
    """Return the records in a folder, by number.

    Raises RecordError where a record is not in the form, a number is missing or used twice, or a status
    names a record that is not there or not a later one.
    """
    files = sorted(path for path in folder.glob("*.md") if path.name != "README.md")
    records = [record_of(path.name, path.read_text(encoding="utf-8")) for path in files]
    for expected, record in enumerate(records, start=1):
        if record.number != expected:
            raise RecordError(f"{record.file}: number it {expected:04}, the next that is free")
    by_file = {record.file: record for record in records}
    for record in records:
        for number, file in LINK.findall(record.status):
            later = by_file.get(file)
            if later is None or later.number != int(number) or later.number <= record.number:
                raise RecordError(f"{record.file}:3: {file} is no later record: correct the link")
    return records


def index_of(records: Sequence[Record]) -> str:
    """Return the text of the index."""
    return HEAD + "".join(f"{record.row()}\n" for record in records)


def main(arguments: Sequence[str], folder: Path = FOLDER) -> int:
    """Write the index anew, or say whether it is stale; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.checks.decisions", description="Index the decisions."
    )
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--write", action="store_true", help="write the index anew")
    mode.add_argument("--check", action="store_true", help="exit with 1 when the index is stale")
    chosen, page = parser.parse_args(arguments), folder / "README.md"
    try:
        index = index_of(read_records(folder))
    except RecordError as error:
        print(error)
        return 1
    if chosen.write:
        page.write_text(index, encoding="utf-8")
    elif not page.exists() or page.read_text(encoding="utf-8") != index:
        print(
            f"{page.name} of the decisions is stale; "
            "write it anew with python -m scripts.checks.decisions --write"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
