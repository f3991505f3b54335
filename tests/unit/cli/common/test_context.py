import os
import sys
from codecs import BOM_UTF16_BE
from dataclasses import astuple
from pathlib import Path
from typing import Any, cast

import click
import pytest
from click.testing import CliRunner

from pole.adapters.storage.journal import SendState, SignedSend, SqliteJournal
from pole.cli.common.context import Session, Settings, common_options, default_home, read_password
from pole.errors import InputError, InterruptError
from pole.ipfe.cuda.build import cache_folder
from pole.learning.data.datasets import fetched_directory


@click.command()
@common_options
@click.argument("word")
def show(settings: Settings, word: str) -> None:
    click.echo(" ".join(map(str, (word, *astuple(settings)))))


def settings(password_file: Path | None) -> Settings:
    return Settings(Path("home"), "rpc", "ipfs", Path("deployment"), password_file)


@pytest.mark.parametrize("content", [b"", b"\n", b"\nsecond line"])
def test_a_password_file_without_a_password_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "password").write_bytes(content)
    with pytest.raises(InputError, match="is empty"):
        read_password(settings(tmp_path / "password"))


def test_a_password_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_password(settings(tmp_path / "missing"))
    (tmp_path / "binary").write_bytes(b"\xff\x00")
    with pytest.raises(InputError, match="cannot be read"):
        read_password(settings(tmp_path / "binary"))


def test_without_a_terminal_the_password_must_come_from_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path(os.devnull).open() as nobody:
        monkeypatch.setattr(sys, "stdin", nobody)
        with pytest.raises(InputError, match="--password-file"):
            read_password(settings(None))


def test_the_password_is_the_file_s_first_line(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("correct horse \nsecond line\n")
    assert read_password(settings(tmp_path / "password")) == "correct horse "


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_the_mark_of_an_encoding_is_no_part_of_a_password(tmp_path: Path, encoding: str, end: str) -> None:
    mark = BOM_UTF16_BE if encoding == "utf-16-be" else b""
    (tmp_path / "password").write_bytes(mark + f"pässword{end}".encode(encoding))
    assert read_password(settings(tmp_path / "password")) == "pässword"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620, 0o600, 0o400])
def test_a_password_file_that_others_can_read_is_told_with_what_mends_it(
    tmp_path: Path, mode: int, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "password"
    path.write_text("password")
    path.chmod(mode)
    assert read_password(settings(path)) == "password"
    told = f"warning: others can read {path}: chmod 600 {path}\n"
    assert capsys.readouterr().err == (told if mode & 0o077 else "")


def test_options_come_from_the_environment(tmp_path: Path) -> None:
    environment = {
        "POLE_HOME": str(tmp_path),
        "POLE_RPC": "http://node",
        "POLE_IPFS": "/ip4/1.2.3.4/tcp/5",
        "POLE_DEPLOYMENT": "d.json",
        "POLE_PASSWORD_FILE": "p",
    }
    result = CliRunner().invoke(show, ["word"], env=environment)
    assert result.output == f"word {tmp_path} http://node /ip4/1.2.3.4/tcp/5 d.json p\n"


def test_options_of_the_command_line_win(tmp_path: Path) -> None:
    result = CliRunner().invoke(show, ["word", "--rpc", "http://other"], env={"POLE_RPC": "http://node"})
    assert " http://other " in result.output


def test_the_default_home_is_the_platform_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert default_home() == Path("/data/pole")


@pytest.mark.skipif(sys.platform != "linux", reason="other platforms have other folders")
def test_without_a_word_of_the_user_home_and_caches_are_where_they_always_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert default_home() == Path("/home/somebody/.local/share/pole")
    assert fetched_directory() == Path("/home/somebody/.cache/pole/data")
    assert cache_folder() == Path("/home/somebody/.cache/pole/cuda")


def interrupted(folder: Path, *states: SendState) -> str:
    """Return what a session says that Ctrl-C ends, after transactions that came to these states."""
    journal = SqliteJournal(folder / "journal.sqlite")
    nobody = cast("Any", None)
    session = Session(nobody, nobody, journal, nobody, folder, nobody)
    with pytest.raises(InterruptError) as told, session:  # noqa: PT012
        for number, state in enumerate(states):
            journal.add_send(SignedSend("post/1", number, f"0x{number}", b"", 1, 1, SendState.PENDING))
            journal.mark_send(f"0x{number}", state)
        raise KeyboardInterrupt
    return str(told.value)


def test_ctrl_c_says_what_was_and_was_not_sent(tmp_path: Path) -> None:
    assert interrupted(tmp_path) == "Interrupted. Nothing was sent."
    pending = interrupted(tmp_path, SendState.LOST, SendState.PENDING)
    assert pending.startswith("Interrupted. Transaction 0x1 was signed and may be mined yet: call the same")
    mined = interrupted(tmp_path / "other", SendState.DONE)
    assert mined == "Interrupted. Transaction 0x0 was sent and mined."
    assert interrupted(tmp_path / "other") == "Interrupted. Nothing was sent."
