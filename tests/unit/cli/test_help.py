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
CONNECTING = [
    (path, command)
    for path, command in LEAVES
    if path[0] not in {"config", "completion"} or path == ("config", "show")
]
GROUPS = [((), main), *((path, command) for path, command in ALL if isinstance(command, click.Group))]


def named(found: Sequence[tuple[tuple[str, ...], click.Command]]) -> list[str]:
    return [" ".join(path) or "pole" for path, _ in found]


def test_the_commands_are_those_that_users_were_promised() -> None:
    assert named(LEAVES) == [
        *("devnet up", "devnet down", "devnet status"),
        "deployment verify",
        *("wallet new", "wallet list", "wallet import", "wallet export", "wallet connect", "wallet fund"),
        *("task post", "task list", "task show", "task watch", "task cancel", "task release"),
        *("spec show", "spec check", "spec suggest", "spec try", "spec from-torch"),
        *("data prepare", "data show", "data fetch", "data budget", "data release", "data count"),
        "data privacy",
        *("model list", "model get", "model predict", "model encrypt"),
        *("model report", "model card", "model export"),
        *("data-node run", "data-node sign-release", "data-node share", "data-node drop-secret"),
        *("key-holder new", "key-holder accept", "key-holder run"),
        *("miner run", "miner try", "miner assist", "miner history"),
        *("verifier stake", "verifier run", "verifier unstake", "verifier reclaim"),
        *("verifier history", "verifier estimate", "verifier leak"),
        *("fleet up", "fleet drain", "fleet upgrade", "fleet units", "fleet container"),
        *("cluster certificates", "cluster scheduler", "cluster worker", "cluster status"),
        *("chain log", "chain verify", "chain prove", "chain check", "chain export", "chain challenge"),
        *("config set", "config unset", "config use", "config list", "config show"),
        *("completion install", "completion show"),
        *("explore", "withdraw", "backup", "restore", "doctor"),
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
    assert text == CliRunner().invoke(main, [*path, "-h"], env={"COLUMNS": "80"}).output
    lines = text.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert [line.split()[0] for line in lines] == group.list_commands(click.Context(group))
    assert all(line.endswith(".") and not line.endswith("...") for line in lines)


@pytest.mark.parametrize(("path", "command"), CONNECTING, ids=named(CONNECTING))
def test_where_a_command_connects_to_stands_below_its_own_options(
    path: tuple[str, ...], command: click.Command
) -> None:
    text = CliRunner().invoke(main, [*path, "--help"]).output
    own, _, connection = text.partition("\nConnection:\n")
    section = connection.partition("\n\n")[0].splitlines()
    listed = [line.split()[0] for line in section if line.startswith("  --")]
    assert listed == ["--home", "--rpc", "--ipfs", "--deployment", "--password-file", "--profile"]
    assert "  --verbose" in own
    assert "  -h, --help" in own
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


PRINTS_ELSE = {
    *("data-node run", "key-holder run", "miner run", "verifier run"),  # a log; --json-log
    "fleet up",  # its workers' logs
    *("cluster scheduler", "cluster worker", "miner assist"),  # a log; --json-log
    "explore",  # where its pages are, each of which has a twin in JSON
    *("chain prove", "key-holder new", "key-holder accept", "data-node sign-release"),  # a document
    *(
        "spec check",
        "spec from-torch",
        "data release",
        "data-node drop-secret",
        "model predict",
        "model card",
        "model encrypt",
    ),
    *("completion install", "completion show"),
}
"""The commands whose output is a document or a log, or that answer by their exit code alone."""


def test_what_commands_did_and_found_scripts_can_read() -> None:
    without = {
        " ".join(path)
        for path, command in LEAVES
        if not any("--json" in each.opts for each in command.params)
    }
    assert without <= PRINTS_ELSE


def test_the_outermost_help_loads_neither_web3_nor_torch() -> None:
    script = (
        "import sys\n"
        "from pole.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "heavy = {'web3', 'torch', 'numpy', 'rich', 'ipfshttpclient', 'eth_account'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["mine"], "There is no command `pole mine`: did you mean `pole miner`?"),
        (["taks", "list"], "There is no command `pole taks`: did you mean `pole task`?"),
        (["task", "pots"], "There is no command `pole task pots`: did you mean `pole task post`?"),
        (["xyz"], "There is no command `pole xyz`: `pole --help` lists what there is."),
        (["task", "list", "--wating"], "`pole task list` has no option --wating: did you mean --waiting?"),
        (
            ["task", "list", "-q"],
            "`pole task list` has no option -q: `pole task list --help` lists what there is.",
        ),
        (["--rcp", "x", "doctor"], "`pole` has no option --rcp: did you mean --rpc?"),
        (["withdraw"], "`pole withdraw` needs --wallet: `pole withdraw --help` says what it is."),
        (["task", "show"], "`pole task show` needs TASK_ID: `pole task show --help` says what it is."),
        (["task", "show", "x"], "TASK_ID: 'x' is not a valid integer range."),
        (["doctor", "x"], "Got unexpected extra argument (x): `pole doctor --help` shows how to call it."),
        (["task", "list", "--rpc"], "Option '--rpc' requires an argument: `pole task list --help` shows how"),
    ],
)
def test_a_mistyped_command_line_is_one_sentence_that_says_what_to_do(
    words: list[str], sentence: str
) -> None:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {sentence}")
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_a_group_without_a_command_shows_its_help() -> None:
    result = CliRunner().invoke(main, ["task"])
    assert result.exit_code == 2
    assert result.stderr.startswith("Usage: pole task [OPTIONS] COMMAND")


def test_the_version_is_shown() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert result.output.startswith("pole ")
