"""What `pole explore` refuses before it reads anything."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from pole.cli import main


@pytest.mark.parametrize("is_file", [False, True])
def test_a_data_folder_that_is_none_is_refused(tmp_path: Path, is_file: bool) -> None:
    named = tmp_path / "miner"
    if is_file:
        named.touch()
    result = CliRunner().invoke(main, ["explore", "--home", str(tmp_path), "--data-folder", str(named)])
    assert result.exit_code == 2
    assert str(named) in result.output
