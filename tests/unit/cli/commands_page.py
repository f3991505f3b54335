"""docs/commands.md, made from the commands themselves.

    .venv/bin/python -m tests.unit.cli.commands_page

writes it anew; test_docs.py fails while it says something else than the commands do.
"""

from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

import click

from pole.cli import main
from pole.cli.shell.connection import common_options

PAGE = Path(__file__).parents[3] / "docs" / "commands.md"

HEAD = """# Commands

Made from the commands' own help. `pole COMMAND --help` shows the same.

A command that acts for a wallet asks for its password on the terminal, or reads it from the first line of
the file that `--password-file` names; it is never given as an argument. A command that sends a transaction
simulates it first, so what the contracts would refuse costs nothing; killed at any moment and called again,
it resumes with the transaction it had signed.

Ctrl-C ends a command with a line that says what was sent, and a worker between two steps.

An error is one line on standard error, `error: what is wrong: what to do`, and an exit code:

| code | meaning |
|---|---|
| 0 | done |
| 1 | another error, or `pole doctor` found a part that fails |
| 2 | a file, argument or parameter is unusable; nothing was sent or spent |
| 3 | the chain, the IPFS daemon, a signer or a port that is needed does not answer, or the signer refuses |
| 4 | bytes, keys or records are not what their digest, key or proof says |
| 5 | the wallet cannot pay |
| 6 | a contract refuses the call in the state the chain is in |
| 7 | this machine's own disk cannot be written or read |
| 130 | ended by Ctrl-C; the line says what was sent |

Everything that pole keeps lies in the data folder, readable by its owner alone:

| below the data folder | what |
|---|---|
| `wallets/NAME.json` | a wallet: an Ethereum keystore of version 3 under its password, or where its key is |
| `secrets/NAME.box` | a master secret, sealed under the password: without it no keys can be issued |
| `key-budget/` | what functional keys gave away of each data set; without it the budget is unknown |
| `work/CHAIN-CONTRACT-WALLET/` | one wallet's files on one deployment: models, shards, caches |
| `work/…/journal.sqlite` | what must not be lost while a round is open: salts, votes, signed transactions |
| `locks/` | keeps two processes of one wallet from signing with the same nonce |
| `devnet/` | chain, IPFS repository, logs and process ids of `pole devnet` |
"""

CONNECTION = """## Options of every command

They say where things are, and may stand before the command or after it; `pole COMMAND --help` lists them
last, as *Connection*. An option wins over the environment variable that it names, that over the profile in
use (`pole config`), and that over the default. `--verbose` stands with the command's own options; `-h` is
`--help`.
"""


def page() -> str:
    """Return the page."""
    parts = [HEAD, CONNECTION, _options(_common())]
    for path, command in _walk(main, ()):
        parts.append(_section(path, command))
    return "\n".join(parts)


def _walk(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from _walk(command, (*path, name))


def _common() -> list[click.Option]:
    command = click.command()(common_options(lambda settings: None))
    return [parameter for parameter in command.params if isinstance(parameter, click.Option)]


def _section(path: tuple[str, ...], command: click.Command) -> str:
    heading = "#" * (1 + len(path)) + f" pole {' '.join(path)}"
    text = cleandoc(command.help or "")
    if isinstance(command, click.Group):
        return f"{heading}\n\n{text}\n"
    arguments = [
        each.make_metavar(click.Context(command))
        for each in command.params
        if isinstance(each, click.Argument)
    ]
    usage = " ".join(["pole", *path, *arguments, "[OPTIONS]"])
    example = (command.epilog or "").removeprefix("Example: ")
    common = {option.name for option in _common()}
    own = [each for each in command.params if isinstance(each, click.Option) and each.name not in common]
    options = f"\n{_options(own)}" if own else ""
    return f"{heading}\n\n{text}\n\n```\n{usage}\n{example}\n```\n{options}"


def _options(options: list[click.Option]) -> str:
    rows = [
        f"| {_names(option)} | {_default(option)} | {(option.help or '').replace('|', '/')} |"
        for option in options
    ]
    return "\n".join(["| option | default | meaning |", "|---|---|---|", *rows, ""])


def _names(option: click.Option) -> str:
    value = "" if option.is_flag else f" {option.make_metavar(click.Context(main))}"
    return ", ".join(
        f"`{name}{value}`".replace("|", "/") for name in (option.opts[0], *option.secondary_opts)
    )


def _default(option: click.Option) -> str:
    if option.required:
        return "required"
    if isinstance(option.show_default, str):
        return option.show_default
    shown = option.show_default and option.default is not None and not option.is_flag
    return f"`{option.default}`" if shown else ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
