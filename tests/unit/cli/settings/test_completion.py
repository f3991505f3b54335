from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pole.cli import main


def install(home: Path, *words: str, **environment: str) -> Result:
    folders = {"HOME": str(home), "XDG_DATA_HOME": "", "XDG_CONFIG_HOME": "", "ZDOTDIR": ""}
    return CliRunner().invoke(main, ["completion", "install", *words], env=folders | environment)


@pytest.mark.parametrize(
    ("shell", "place"),
    [
        ("bash", ".local/share/bash-completion/completions/pole"),
        ("fish", ".config/fish/completions/pole.fish"),
        ("zsh", ".zshrc"),
    ],
)
def test_completion_is_put_where_the_shell_looks_for_it(tmp_path: Path, shell: str, place: str) -> None:
    result = install(tmp_path, SHELL=f"/usr/bin/{shell}")
    assert result.exit_code == 0, result.output
    assert f"_POLE_COMPLETE={shell}_" in (tmp_path / place).read_text()
    assert str(tmp_path / place) in result.stdout
    shown = CliRunner().invoke(main, ["completion", "show", shell]).stdout
    assert f"_POLE_COMPLETE={shell}_complete" in shown


def test_installing_twice_adds_one_line_and_keeps_the_rest(tmp_path: Path) -> None:
    (tmp_path / ".zshrc").write_text("alias ll='ls -l'")
    install(tmp_path, "zsh")
    install(tmp_path, "zsh")
    first, *added = (tmp_path / ".zshrc").read_text().splitlines()
    assert first == "alias ll='ls -l'"
    assert len(added) == 1


def test_a_shell_without_completion_is_told_which_have_it(tmp_path: Path) -> None:
    result = install(tmp_path, SHELL="/bin/tcsh")
    assert result.exit_code == 2
    assert "The shell 'tcsh' has no completion here: name one of bash, zsh, fish." in result.stderr


def test_commands_and_options_are_completed() -> None:
    def completed(words: str, place: int) -> str:
        ask = {"_POLE_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(place)}
        return CliRunner().invoke(main, [], env=ask).stdout

    assert "plain,task" in completed("pole ta", 1)
    assert "plain,--train-accuracy" in completed("pole task post --tra", 3)
