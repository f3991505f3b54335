"""What the pages for newcomers tell them to type is there, and the README stays one screen."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from pole.cli import main

ROOT = Path(__file__).parents[3]
PAGES = ("README.md", "CONTRIBUTING.md", "docs/getting-started.md", "docs/demo.md")
BLOCK = re.compile(r"^```\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def typed() -> Iterator[tuple[str, ...]]:
    """Yield the commands in the code blocks of the pages, one of each, without what only a shell reads."""
    found: dict[tuple[str, ...], None] = {}
    for page in PAGES:
        for block in BLOCK.findall((ROOT / page).read_text(encoding="utf-8")):
            for line in block.replace("\\\n", " ").splitlines():
                if re.match(r"\s*(pole|make|tools/\w+|for|printf)\s", line):
                    found |= dict.fromkeys(commands_in(line))
    yield from found


def commands_in(line: str) -> Iterator[tuple[str, ...]]:
    words = shlex.shlex(line, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    command: list[str] = []
    for word in [*words, ";"]:
        if word in {"&&", ";", "&", "do", "done"}:
            if command:
                yield tuple(command)
            command = []
        else:
            command.append(word)


COMMANDS = list(typed())
POLE = [command for command in COMMANDS if command[0] == "pole"]
MAKE = [command for command in COMMANDS if command[0] == "make"]
BROWNIE = [command for command in COMMANDS if command[:2] == ("tools/brownie", "run")]


@pytest.mark.parametrize("command", POLE, ids=" ".join)
def test_every_pole_command_that_newcomers_are_told_parses(command: tuple[str, ...]) -> None:
    found: click.Command | None = main
    rest = list(command[1:])
    while isinstance(found, click.Group):
        found = found.get_command(click.Context(found), rest.pop(0))
    assert found is not None
    found.make_context(found.name, rest, resilient_parsing=False)


@pytest.mark.parametrize("command", MAKE, ids=" ".join)
def test_every_target_of_make_that_newcomers_are_told_is_there(command: tuple[str, ...]) -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert command[1] in targets


@pytest.mark.parametrize("command", BROWNIE, ids=" ".join)
def test_every_script_of_brownie_that_newcomers_are_told_is_there(command: tuple[str, ...]) -> None:
    assert (ROOT / "scripts" / f"{command[2]}.py").is_file()


def test_all_kinds_of_commands_were_found() -> None:
    assert len(POLE) > 15
    assert MAKE
    assert BROWNIE


def test_the_readme_is_one_screen_and_begins_with_what_to_type() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 120
    assert max(map(len, lines)) <= 100
    assert lines[2:5] == [
        "```",
        "make demo   # three real rounds on this machine: 2 data nodes, 3 miners, 5 verifiers",
        "make test   # every check and every test",
    ]
