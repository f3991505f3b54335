import os
import sys
from dataclasses import astuple
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from pole.cli.common.context import Settings, common_options, default_home, read_password
from pole.errors import InputError
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
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
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
