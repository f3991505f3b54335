"""A fleet as systemd units: systemd takes them, they hold no secret, and a restart follows our exit codes."""

import configparser
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pole.adapters.machine.fleet.fleet_file import Fleet, FleetWorker, Shared
from pole.adapters.machine.fleet.units import argument, path_of, quoted_word, steps, units, variable
from pole.errors import InputError

KEY = "https://node.example/v3/4f3edf983ac636"
PRINTABLE = st.text().filter(str.isprintable)


def fleet_of(folder: Path, *options: str) -> Fleet:
    shared = Shared(folder, KEY, "/ip4/127.0.0.1/tcp/5001", folder / "chain.json", None)
    workers = tuple(
        FleetWorker(f"{role}-1", role, "a wallet", folder / role, folder / f"{role}.password", options)
        for role in ("miner", "verifier", "data-node", "key-holder")
    )
    return Fleet(folder / "lab.toml", shared, workers)


def sections(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return parser


def words_of(line: str) -> list[str]:
    """Read a line of quoted words as systemd.syntax(7) says."""
    words, rest = [], iter(line)
    for each in rest:
        if each != '"':
            continue
        word = ""
        for inner in rest:
            if inner == '"':
                break
            word += next(rest) if inner in "\\%$" else inner
        words.append(word)
    return words


def test_there_are_a_service_and_variables_for_each_worker_and_one_target(tmp_path: Path) -> None:
    files = units(fleet_of(tmp_path), "/opt/pole", "pole")
    assert [name for name in files if name.endswith(".target")] == ["pole-lab.target"]
    names = {"miner-1", "verifier-1", "data-node-1", "key-holder-1"}
    assert {name[9:-8] for name in files if name.endswith(".service")} == names
    assert {name[9:-4] for name in files if name.endswith(".env")} == names
    wanted = sections(files["pole-lab.target"])["Unit"]["Wants"].split()
    assert wanted == [name for name in files if name.endswith(".service")]
    told = " ".join(steps(fleet_of(tmp_path)))
    assert all(name in told for name in files)


def test_units_that_everybody_may_read_hold_no_url_and_no_password(tmp_path: Path) -> None:
    files = units(fleet_of(tmp_path), "/opt/pole", "pole")
    assert not [name for name, text in files.items() if KEY in text and not name.endswith(".env")]
    assert f'POLE_RPC="{KEY}"' in files["pole-lab-miner-1.env"]
    assert not any("PASSWORD" in text for name, text in files.items() if name.endswith(".env"))
    service = sections(files["pole-lab-miner-1.service"])["Service"]
    assert service["LoadCredential"] == f"password:{tmp_path / 'miner.password'}"
    assert "POLE_PASSWORD_FILE=%d/password" in service["Environment"].split()


def test_a_worker_may_write_to_its_home_alone_and_gains_no_rights(tmp_path: Path) -> None:
    files = units(fleet_of(tmp_path), "/opt/pole", "pole")
    for role in ("miner", "verifier", "data-node", "key-holder"):
        service = sections(files[f"pole-lab-{role}-1.service"])["Service"]
        assert service["ReadWritePaths"] == f'"{tmp_path / role}"'
        assert (service["ProtectSystem"], service["NoNewPrivileges"]) == ("strict", "yes")
        assert service["CapabilityBoundingSet"] == ""
        assert service["User"] == "pole"
        # A GPU is a device.
        assert ("PrivateDevices" in service) is (role in ("data-node", "key-holder"))


def test_what_fails_is_started_again_and_bad_configuration_is_not(tmp_path: Path) -> None:
    text = units(fleet_of(tmp_path), "/opt/pole", "pole")["pole-lab-miner-1.service"]
    service = sections(text)["Service"]
    assert (service["Restart"], service["RestartPreventExitStatus"]) == ("on-failure", "2")
    assert (service["KillSignal"], service["TimeoutStopSec"]) == ("SIGTERM", "60")
    assert sections(text)["Unit"]["StartLimitIntervalSec"] == "0"


def test_a_service_is_started_when_its_worker_says_so_however_long_that_takes(tmp_path: Path) -> None:
    text = units(fleet_of(tmp_path), "/opt/pole", "pole")["pole-lab-miner-1.service"]
    service = sections(text)["Service"]
    assert (service["Type"], service["TimeoutStartSec"]) == ("notify", "infinity")
    assert "AF_UNIX" in service["RestrictAddressFamilies"].split()


@given(st.lists(PRINTABLE, min_size=1))
def test_arguments_arrive_as_they_were_written(words: list[str]) -> None:
    assert words_of(" ".join(map(argument, words))) == words


@given(PRINTABLE)
def test_a_variable_arrives_as_it_was_written(value: str) -> None:
    # What a shell makes of it is what systemd makes of it.
    if "!" not in value:
        shown = subprocess.run(
            ["sh", "-c", f'v={variable(value)}; printf %s "$v"'], capture_output=True, check=True, env={}
        )
        assert shown.stdout.decode() == value


def test_a_path_that_no_unit_can_have_is_refused() -> None:
    assert path_of("/a b/100%") == "/a b/100%%"
    for path in ("/a\\b", "/a "):
        with pytest.raises(InputError, match="cannot stand in a unit"):
            path_of(path)


def names_of(files: Iterable[str], kind: str) -> list[str]:
    return [name for name in files if name.endswith(kind)]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
@pytest.mark.parametrize("option", ["--withdraw", '100% "x" \\ $HOME ; \' é'])
def test_systemd_takes_them(tmp_path: Path, option: str) -> None:
    fleet = fleet_of(tmp_path, option)
    fleet = replace(fleet, workers=(*fleet.workers[1:], replace(fleet.workers[0], home=tmp_path / "a $b%")))
    files = units(fleet, sys.executable, "root")
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *names_of(files, ".service"), *names_of(files, ".target")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in (checked.stdout + checked.stderr).splitlines() if "pole-lab" in line]
    assert (ours, checked.returncode) == ([], 0)


def test_a_word_of_a_list_keeps_its_dollars() -> None:
    assert quoted_word("/a $b") == '"/a $b"'
