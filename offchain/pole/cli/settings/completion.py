"""`pole completion install|show`: click's completion, put where a shell looks for it."""

import os
from pathlib import Path

import click

from pole.cli.shell.connection import command
from pole.errors import InputError

SHELLS = ("bash", "zsh", "fish")
PROGRAM, VARIABLE = "pole", "_POLE_COMPLETE"

shell_argument = click.argument("shell", required=False, type=click.Choice(SHELLS))


@command(epilog="Example: pole completion install bash")
@shell_argument
def install(shell: str | None) -> None:
    """Install the completion of pole's commands and options for SHELL, by default the one that SHELL names.

    For bash and fish it is a file in the folder that the shell loads completions from; for zsh, which has
    none of a user's own, a line at the end of ~/.zshrc, added once.
    """
    chosen = shell or _own_shell()
    path = _place(chosen)
    if chosen == "zsh":
        _add_line(path, f'eval "$(env {VARIABLE}=zsh_source {PROGRAM})"')
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_script(chosen), encoding="utf-8")
    click.echo(f"Completion for {chosen} is in {path}: open another shell.")


@command(epilog="Example: pole completion show zsh")
@shell_argument
def show(shell: str | None) -> None:
    """Print the completion script of SHELL, by default the one that SHELL names."""
    click.echo(_script(shell or _own_shell()))


def _own_shell() -> str:
    name = Path(os.environ.get("SHELL", "")).name
    if name not in SHELLS:
        raise InputError(f"The shell {name!r} has no completion here: name one of {', '.join(SHELLS)}.")
    return name


def _place(shell: str) -> Path:
    home = Path.home()
    if shell == "bash":
        data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
        return data / "bash-completion" / "completions" / PROGRAM
    if shell == "fish":
        config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
        return config / "fish" / "completions" / f"{PROGRAM}.fish"
    return Path(os.environ.get("ZDOTDIR") or home) / ".zshrc"


def _add_line(path: Path, line: str) -> None:
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    if line not in before.splitlines():
        path.parent.mkdir(parents=True, exist_ok=True)
        gap = "" if not before or before.endswith("\n") else "\n"
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{gap}{line}\n")


def _script(shell: str) -> str:
    from click.shell_completion import get_completion_class

    root = click.get_current_context().find_root().command
    kind = get_completion_class(shell)
    if kind is None:
        raise InputError(f"click completes nothing in {shell}: name one of {', '.join(SHELLS)}.")
    # `source()` of bash asks the installed bash for its version first, and warns where that is old.
    return kind(root, {}, PROGRAM, VARIABLE).source()
