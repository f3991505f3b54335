import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from pole.adapters.wallet.keystore import new_wallet
from pole.cli import main
from pole.cli.common.lazy_group import LazyCommand, RootGroup
from pole.errors import (
    DiskError,
    FundsError,
    InputError,
    IntegrityError,
    PoleError,
    RefusedError,
    UnreachableError,
)
from pole.quoting import MAX_LINE

# ipfshttpclient's; pole silences it too, but pytest makes every warning an error again.
pytestmark = pytest.mark.filterwarnings("ignore:The 'strict' parameter:FutureWarning")

NOWHERE = "http://127.0.0.1:1"


def pole(home: Path, *words: str) -> Result:
    environment = {
        "POLE_HOME": str(home),
        "POLE_RPC": NOWHERE,
        "POLE_IPFS": "/ip4/127.0.0.1/tcp/1",
        "POLE_DEPLOYMENT": str(home / "devnet.json"),
        "POLE_PASSWORD_FILE": str(home / "password"),
    }
    return CliRunner().invoke(main, words, env=environment)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "password").touch(mode=0o600)
    (tmp_path / "password").write_text("password\n")
    new_wallet(tmp_path, "alice", "password", rounds=2)
    return tmp_path


@pytest.mark.parametrize(
    "error", [PoleError, InputError, UnreachableError, IntegrityError, FundsError, RefusedError, DiskError]
)
def test_an_error_is_one_line_on_standard_error_and_its_exit_code(error: type[PoleError]) -> None:
    @click.command()
    def fail() -> None:
        raise error("Something is wrong: do this.")

    result = CliRunner().invoke(RootGroup("root", {"fail": fail}), ["fail"])
    assert result.exit_code == error.exit_code != 0
    assert result.stderr == "error: Something is wrong: do this.\n"
    assert result.stdout == ""


def test_a_file_that_no_command_foresaw_is_told_and_not_a_traceback() -> None:
    @click.command()
    def fail() -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), "/home/x/y")

    result = CliRunner().invoke(RootGroup("root", {"fail": fail}), ["fail"])
    assert result.exit_code == 7
    assert result.stderr.startswith(
        "error: /home/x/y cannot be written or read (Read-only file system): make"
    )


def test_a_data_folder_on_a_disk_that_cannot_be_written_is_exit_code_7(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    for words in (["data", "budget"], ["data", "release", "00" * 32]):
        result = pole(home, *words)
        assert result.exit_code == 7, result.output
        assert "(Read-only file system)" in result.stderr
        assert result.stderr.count("\n") == 1


def test_ctrl_c_says_that_nothing_was_sent() -> None:
    @click.command()
    def wait() -> None:
        raise KeyboardInterrupt

    result = CliRunner().invoke(RootGroup("root", {"wait": wait}), ["wait"])
    assert result.exit_code == 130
    assert result.stderr == "\nerror: Interrupted. Nothing was sent.\n"


def test_ctrl_c_while_the_program_loads_is_no_traceback() -> None:
    script = (
        "import sys\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'pole.cli.app': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "from pole.cli import main\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "\nerror: Interrupted. Nothing was sent.\n")


@given(st.text(max_size=100) | st.text().map(lambda text: text * 1000))
def test_an_error_with_any_text_is_one_printable_line(text: str) -> None:
    @click.command()
    def fail() -> None:
        raise PoleError(text)

    shown = CliRunner().invoke(RootGroup("root", {"fail": fail}), ["fail"]).stderr
    assert shown.endswith("\n")
    assert shown[:-1].isprintable()
    assert len(shown) <= MAX_LINE + 1


def test_the_traceback_is_shown_when_it_is_asked_for(home: Path) -> None:
    for words in (("--verbose", "chain", "log"), ("chain", "log", "--verbose")):
        result = pole(home, *words)
        assert "Traceback" in result.stderr
        assert result.stderr.rstrip().splitlines()[-1].startswith("error: ")
    assert "Traceback" not in pole(home, "chain", "log").stderr


def test_a_mistake_in_the_table_of_commands_is_a_mistake_of_ours() -> None:
    group = RootGroup("root", {"x": LazyCommand("pole.errors:PoleError", "no command")})
    with pytest.raises(TypeError, match="no click command"):
        group.get_command(click.Context(group), "x")


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("chain", "log"), 2, "There is no deployment file"),
        (("chain", "verify"), 2, "There is no deployment file"),
        (("chain", "prove", "1", "0"), 2, "There is no deployment file"),
        (("task", "list"), 2, "There is no deployment file"),
        (("task", "show", "1"), 2, "There is no deployment file"),
        (("task", "cancel", "1", "--wallet", "alice"), 2, "There is no deployment file"),
        (("withdraw", "--wallet", "alice"), 2, "There is no deployment file"),
        (("withdraw", "--wallet", "bob"), 2, "There is no wallet bob"),
        (("verifier", "stake", "--wallet", "bob"), 2, "There is no wallet bob"),
        (("verifier", "unstake", "--wallet", "../x"), 2, "cannot name a wallet"),
        (("wallet", "new", "alice"), 2, "There is a wallet alice already"),
        (("wallet", "fund", "bob"), 2, "There is no wallet bob"),
        (("wallet", "fund", "alice"), 3, "No Ethereum node answers at http://127.0.0.1:1"),
        (("wallet", "fund", "alice", "--amount", "much"), 2, "no amount of ether"),
        (("wallet", "fund", "alice", "--amount", "0"), 2, "The amount is 0"),
        (("wallet", "list", "--home", "/dev/null/x"), 0, ""),
        (("wallet", "new", "bob", "--home", "/dev/null/x"), 2, "cannot be made"),
    ],
)
def test_bad_input_is_one_sentence(home: Path, words: tuple[str, ...], code: int, sentence: str) -> None:
    result = pole(home, *words)
    assert result.exit_code == code, result.output
    assert sentence in result.stderr
    assert result.stderr.count("\n") == (1 if code else 0)


def test_a_wrong_password_is_one_sentence(home: Path) -> None:
    (home / "password").write_text("other\n")
    result = pole(home, "withdraw", "--wallet", "alice")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: The password does not open the wallet alice")


def test_wallets_are_listed_while_the_chain_is_down(home: Path) -> None:
    (listed,) = json.loads(pole(home, "wallet", "list", "--json").stdout)
    assert listed["name"] == "alice"
    assert listed["balance"] is None


def test_a_wallet_is_made(home: Path) -> None:
    made = json.loads(pole(home, "wallet", "new", "bob", "--light", "--json").stdout)
    assert Path(made["file"]).is_file()
    assert made["address"] in pole(home, "wallet", "list").stdout


def test_the_status_of_a_network_that_is_down_is_told_with_exit_code_3(home: Path) -> None:
    result = pole(home, "devnet", "status", "--json")
    assert result.exit_code == 3
    assert [service["answers"] for service in json.loads(result.stdout)] == [False, False]
    assert pole(home, "devnet", "down").stdout == "Nothing of ours was running.\n"
