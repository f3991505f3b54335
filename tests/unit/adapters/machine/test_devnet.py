import shutil
import socket
from pathlib import Path
from typing import Any

import pytest

from pole.adapters.machine import devnet
from pole.adapters.machine.devnet import (
    ChainProgram,
    DevnetSettings,
    devnet_state,
    free_port,
    start_chain,
    start_ipfs,
    stop_devnet,
)
from pole.errors import InputError

# ipfshttpclient's; pole silences it too, but pytest makes every warning an error again.
pytestmark = pytest.mark.filterwarnings("ignore:The 'strict' parameter:FutureWarning")


def settings(folder: Path, **ports: Any) -> DevnetSettings:
    return DevnetSettings(folder, folder, **ports)


def test_a_busy_port_names_the_option_that_chooses_another(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"Port {port}, meant for the chain, is busy.*--rpc-port"):
            start_chain(settings(tmp_path, rpc_port=port))
        with pytest.raises(InputError, match=f"Port {port}, meant for the IPFS API, is busy.*--ipfs-port"):
            start_ipfs(settings(tmp_path, ipfs_port=port))
        with pytest.raises(InputError, match=f"Port {port}, meant for IPFS's swarm, is busy.*--swarm-port"):
            start_ipfs(settings(tmp_path, ipfs_port=free_port(), swarm_port=port))


def test_a_missing_program_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(InputError, match=r"install Node\.js"):
        start_chain(settings(tmp_path, rpc_port=free_port()))


def test_an_anvil_that_is_not_there_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(InputError, match=r"install Foundry .*--chain ganache"):
        start_chain(settings(tmp_path, rpc_port=free_port(), chain=ChainProgram.ANVIL))


def test_packages_that_are_not_installed_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "devnet").mkdir()
    (tmp_path / "devnet" / "ipfs-daemon.mjs").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="run `make setup`"):
        devnet.programs_folder()


def test_nothing_runs_in_an_empty_folder(tmp_path: Path) -> None:
    assert stop_devnet(tmp_path) == []
    silent = devnet_state(tmp_path, rpc="http://127.0.0.1:1", ipfs="/ip4/127.0.0.1/tcp/1")
    assert [(service.name, service.answers, service.process) for service in silent] == [
        ("chain", False, None),
        ("ipfs", False, None),
    ]
