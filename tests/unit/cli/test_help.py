import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence

import click
import pytest
from click.testing import CliRunner

from pole.cli import main


def commands(
    group: click.Group, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


ALL = list(commands(main))
LEAVES = [(path, command) for path, command in ALL if not isinstance(command, click.Group)]
GROUPS = [((), main), *((path, command) for path, command in ALL if isinstance(command, click.Group))]


def named(found: Sequence[tuple[tuple[str, ...], click.Command]]) -> list[str]:
    return [" ".join(path) or "pole" for path, _ in found]


def test_the_commands_are_those_that_users_were_promised() -> None:
    assert named(LEAVES) == [
        *("devnet up", "devnet down", "devnet status"),
        *("wallet new", "wallet list", "wallet fund"),
        *("task post", "task list", "task show", "task cancel", "task release"),
        *("spec show", "spec check", "spec try", "spec from-torch"),
        *("data prepare", "data show", "data fetch", "data budget", "data release", "data privacy"),
        *("data-node run", "data-node sign-release", "data-node share", "data-node drop-secret"),
        *("key-holder new", "key-holder accept", "key-holder run"),
        "miner run",
        *("verifier stake", "verifier run", "verifier unstake", "verifier reclaim"),
        "verifier leak",
        *("chain log", "chain verify", "chain prove", "chain challenge"),
        *("withdraw", "doctor"),
    ]


@pytest.mark.parametrize(("path", "command"), ALL, ids=named(ALL))
def test_every_command_says_what_it_does(path: tuple[str, ...], command: click.Command) -> None:
    result = CliRunner().invoke(main, [*path, "--help"])
    assert result.exit_code == 0
    assert command.help, f"pole {' '.join(path)} has no help"
    assert command.help[0].isupper()


@pytest.mark.parametrize(("path", "group"), GROUPS, ids=named(GROUPS))
def test_every_summary_stands_whole_on_one_line_of_80_columns(
    path: tuple[str, ...], group: click.Group
) -> None:
    text = CliRunner().invoke(main, [*path, "--help"], env={"COLUMNS": "80"}).output
    lines = text.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert [line.split()[0] for line in lines] == group.list_commands(click.Context(group))
    assert all(line.endswith(".") and not line.endswith("...") for line in lines)


@pytest.mark.parametrize(("path", "command"), LEAVES, ids=named(LEAVES))
def test_where_a_command_connects_to_stands_below_its_own_options(
    path: tuple[str, ...], command: click.Command
) -> None:
    text = CliRunner().invoke(main, [*path, "--help"]).output
    own, _, connection = text.partition("\nConnection:\n")
    section = connection.partition("\n\n")[0].splitlines()
    listed = [line.split()[0] for line in section if line.startswith("  --")]
    assert listed == ["--home", "--rpc", "--ipfs", "--deployment", "--password-file"]
    assert "  --verbose" in own
    assert "  --help" in own
    assert not any(f"  {option} " in own for option in listed)


@pytest.mark.parametrize(("path", "command"), LEAVES, ids=named(LEAVES))
def test_every_command_has_an_example_that_calls_it_and_parses(
    path: tuple[str, ...], command: click.Command
) -> None:
    assert command.epilog is not None, f"pole {' '.join(path)} has no example"
    assert command.epilog.startswith("Example: ")
    words = shlex.split(command.epilog.removeprefix("Example: "))
    assert words[: 1 + len(path)] == ["pole", *path]
    command.make_context(path[-1], words[1 + len(path) :], resilient_parsing=False)


@pytest.mark.parametrize(("path", "command"), LEAVES, ids=named(LEAVES))
def test_every_option_is_explained(path: tuple[str, ...], command: click.Command) -> None:
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"pole {' '.join(path)} {parameter.opts[0]} has no help"


def test_the_outermost_help_loads_neither_web3_nor_torch() -> None:
    script = (
        "import sys\n"
        "from pole.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "heavy = {'web3', 'torch', 'numpy', 'rich', 'ipfshttpclient', 'eth_account'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.DEVNULL)


def test_an_unknown_command_is_refused() -> None:
    result = CliRunner().invoke(main, ["mine"])
    assert result.exit_code == 2
    assert "No such command 'mine'" in result.output


def test_the_version_is_shown() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert result.output.startswith("pole ")
