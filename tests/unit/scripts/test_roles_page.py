"""docs/roles.md names calls, errors, parameters, commands and options that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SPANS = set(re.findall(r"`([^`]+)`", (ROOT / "docs" / "roles.md").read_text(encoding="utf-8")))
COMMANDS = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
INTERFACES = "".join(
    path.read_text(encoding="utf-8") for path in sorted((ROOT / "contracts" / "interfaces").glob("*.sol"))
)


def test_every_word_of_the_contracts_is_in_an_interface() -> None:
    words = {span for span in SPANS if span.isidentifier()}
    known = set(re.findall(r"\w+", INTERFACES)) | {"RewardReservoir"}
    assert {"minerBond", "WrongBond", "commit"} <= words
    assert words - known == set()


def test_every_command_and_option_is_on_the_page_of_commands() -> None:
    commands = {span for span in SPANS if span.startswith(("pole ", "--"))}
    assert "--time-margin" in commands
    assert {command for command in commands if command not in COMMANDS} == set()
