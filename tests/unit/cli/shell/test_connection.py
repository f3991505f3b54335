"""Where a setting comes from: option before or after the command, environment, profile, default."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from pole.adapters.storage.profiles import SETTINGS, Profiles, load_profiles, read_profiles, save_profiles
from pole.api.settings import find_deployment
from pole.cli import main
from pole.errors import InputError

HEAD = b'{"format": "pole.profiles", "version": 1, "use": "a", '


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config" / "profiles.json"
    monkeypatch.setenv("POLE_CONFIG", str(path))
    for name in ("HOME", "RPC", "IPFS", "DEPLOYMENT", "PASSWORD_FILE", "WALLET", "PROFILE"):
        monkeypatch.delenv(f"POLE_{name}", raising=False)
    return path


def pole(*words: str, **environment: str) -> str:
    result = CliRunner().invoke(main, words, env=environment)
    assert result.exit_code == 0, result.output
    return result.stdout


def shown(*words: str, **environment: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(pole(*words, "config", "show", "--json", **environment))
    return found


def test_an_option_wins_over_the_environment_that_over_the_profile_that_over_the_default(file: Path) -> None:
    assert shown()["rpc"] == {"value": "http://127.0.0.1:8546", "from": "default"}
    pole("config", "set", "rpc", "http://profile")
    assert shown()["rpc"] == {"value": "http://profile", "from": "profile"}
    assert shown(POLE_RPC="http://env")["rpc"] == {"value": "http://env", "from": "environment"}
    option = {"value": "http://option", "from": "option"}
    assert shown("--rpc", "http://option", POLE_RPC="http://env")["rpc"] == option


def test_a_connection_option_may_stand_before_the_command_and_after_it_and_the_last_one_wins(
    file: Path,
) -> None:
    words = ["--rpc", "http://a", "config", "--rpc", "http://b", "show", "--json"]
    assert json.loads(pole(*words))["rpc"]["value"] == "http://b"
    assert json.loads(pole(*words, "--rpc", "http://c"))["rpc"]["value"] == "http://c"


def test_a_profile_has_everything_a_command_needs_to_know(file: Path) -> None:
    for name in SETTINGS:
        pole("config", "set", name.replace("_", "-"), "x", "--profile", "lab")
    assert {each["from"] for each in shown().values()} == {"default"}
    assert {each["from"] for each in shown("--profile", "lab").values()} == {"profile"}
    assert {each["from"] for each in shown(POLE_PROFILE="lab").values()} == {"profile"}
    pole("config", "use", "lab")
    assert shown()["wallet"] == {"value": "x", "from": "profile"}
    assert shown()["deployment"]["value"] == str(Path.cwd() / "x")
    result = CliRunner().invoke(main, ["withdraw"])
    assert f"The password file {Path.cwd() / 'x'} cannot be read" in result.stderr
    pole("config", "unset", "wallet")
    assert shown()["wallet"] == {"value": None, "from": "default"}
    pole("config", "use", "default")
    assert {each["from"] for each in shown().values()} == {"default"}


def test_an_unknown_profile_is_refused(file: Path) -> None:
    for words in (["--profile", "no", "task", "list"], ["config", "use", "no"]):
        result = CliRunner().invoke(main, words)
        assert result.exit_code == 2
        assert "There is no profile 'no': `pole config list` shows" in result.stderr


def test_a_key_in_a_url_is_not_shown(file: Path) -> None:
    pole("config", "set", "rpc", "https://user:key@node.example:8/secret?k=secret")
    for words in (("config", "show"), ("config", "list"), ("config", "list", "--json")):
        assert "https://node.example:8" in pole(*words)
        assert "secret" not in pole(*words)
        assert "key" not in pole(*words)
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "document",
    [
        *(b"[", b"[]", b"{}", b'{"version": 2}', b"[" * 5000, b" " + b"1" * 2**17),
        HEAD + b'"profiles": {"a": {"rpc": 1}}}',
        HEAD + b'"profiles": {"a": {"rcp": "x"}}}',
    ],
)
def test_a_damaged_file_of_profiles_is_one_sentence(file: Path, document: bytes) -> None:
    file.parent.mkdir()
    file.write_bytes(document)
    result = CliRunner().invoke(main, ["task", "list"])
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: The profiles {file} cannot be used, ")
    assert result.stderr.count("\n") == 1


texts = st.text(st.characters(blacklist_categories=["Cs"]), max_size=20)


@given(st.dictionaries(texts, st.dictionaries(st.sampled_from(SETTINGS), texts), max_size=3), texts)
def test_profiles_are_read_as_they_were_written(tmp_path_factory: Any, by_name: Any, in_use: str) -> None:
    path = tmp_path_factory.mktemp("config") / "profiles.json"
    profiles = Profiles(in_use, by_name)
    save_profiles(path, profiles)
    assert load_profiles(path) == profiles


@given(st.binary(max_size=200))
def test_any_bytes_are_profiles_or_refused(document: bytes) -> None:
    with suppress(InputError):
        read_profiles(document, Path("p"))


def test_a_deployment_is_found_from_any_folder(tmp_path: Path) -> None:
    repository, inside, beside = tmp_path / "repo", tmp_path / "repo" / "a" / "b", tmp_path / "other"
    for folder in (inside, beside, repository / "deployments"):
        folder.mkdir(parents=True)
    assert find_deployment(beside, repository) == Path("deployments/devnet.json")
    (repository / "deployments" / "devnet.json").touch()
    for start in (repository, inside, beside):
        assert find_deployment(start, repository) == repository / "deployments" / "devnet.json"
    (inside / "deployments").mkdir()
    (inside / "deployments" / "devnet.json").touch()
    assert find_deployment(inside, repository) == inside / "deployments" / "devnet.json"
