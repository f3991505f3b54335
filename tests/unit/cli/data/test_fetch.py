"""`pole data fetch`: what it says and where it puts things; how it fetches is tests/unit/adapters."""

import hashlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pole.adapters.storage.data_publishers import PUBLISHED
from pole.cli import main
from pole.cli.data.fetch import NAMES
from pole.learning.data.files import SHA256


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(SHA256, "iris.data", hashlib.sha256(b"data").hexdigest())
    (tmp_path / "iris").mkdir()
    (tmp_path / "iris" / "iris.data").write_bytes(b"data")
    return tmp_path


def fetch(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["data", "fetch", *map(str, arguments)])


def test_what_is_there_is_told(data: Path) -> None:
    result = fetch("iris", "iris", "--to", data)
    assert (result.exit_code, result.stdout.splitlines()) == (
        0,
        ["iris: all files are there already.", f"The data sets are in {data}."],
    )
    assert json.loads(fetch("iris", "--to", data, "--json").stdout) == {
        "folder": str(data),
        "fetched": {"iris": []},
    }


def test_all_published_sets_can_be_named() -> None:
    assert set(NAMES) == set(PUBLISHED)


def test_a_name_that_nobody_publishes_is_refused() -> None:
    result = fetch("imagenet")
    assert result.exit_code == 2
    assert "'imagenet' is not one of 'iris', 'mnist', 'cifar10'" in result.stderr


def test_a_folder_that_is_none_is_one_sentence(data: Path) -> None:
    result = fetch("iris", "--to", data / "iris" / "iris.data" / "below")
    assert result.exit_code == 7
    assert "cannot be written or read" in result.stderr
