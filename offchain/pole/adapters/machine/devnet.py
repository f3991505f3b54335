"""The development network.

A ganache or an anvil, and an IPFS daemon, on this machine's loopback, started and stopped by us.
"""

import contextlib
import random
import shutil
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from pole.adapters.ethereum.connection import open_node
from pole.adapters.machine.process import Process, running_process, start_process, stop_process
from pole.adapters.node.questions import chain_id
from pole.adapters.node.refusals import NodeRefusalError
from pole.adapters.storage.ipfs import IpfsPolicy, IpfsStore
from pole.adapters.storage.private_file import private_folder
from pole.errors import InputError, UnreachableError

CHAIN_ID = 1337
MNEMONIC = "test test test test test test test test test test test junk"
"""Known to everybody, as ganache's, anvil's and hardhat's: whatever these accounts hold is play money."""

# Below the ports that Linux, and IANA for all systems, give to outgoing connections.
_LISTENING = range(20_000, 32_768)
_TRIES = 50
_LINGER = 2.0


class ChainProgram(Enum):
    """What runs the chain. Each keeps data of its own."""

    GANACHE = "ganache"
    ANVIL = "anvil"


@dataclass(frozen=True, slots=True)
class DevnetSettings:
    """Where the network's data is and what it listens on.

    `block_time` is in seconds; 0 mines every transaction at once.
    """

    folder: Path
    programs: Path
    rpc_port: int = 8546
    ipfs_port: int = 5001
    swarm_port: int = 4001
    block_time: float = 1
    mnemonic: str = MNEMONIC
    accounts: int = 20
    chain: ChainProgram = ChainProgram.GANACHE

    @property
    def rpc(self) -> str:
        """Return the chain's URL."""
        return f"http://127.0.0.1:{self.rpc_port}"

    @property
    def ipfs(self) -> str:
        """Return the multiaddr of the daemon's API."""
        return f"/ip4/127.0.0.1/tcp/{self.ipfs_port}"


@dataclass(frozen=True, slots=True)
class ServiceState:
    """One part of the network.

    Its name, address, whether it answers, the process if it is ours, and its log.
    """

    name: str
    address: str
    answers: bool
    process: Process | None
    log: Path


def programs_folder() -> Path:
    """Return the folder `devnet` of the checkout: below the working folder, or beside the package.

    Raises InputError when it is nowhere, or its packages are not installed.
    """
    for candidate in (Path.cwd() / "devnet", Path(__file__).resolve().parents[4] / "devnet"):
        if (candidate / "ipfs-daemon.mjs").is_file():
            if not (candidate / "node_modules").is_dir():
                raise InputError(f"The packages of {candidate} are not installed: run `make setup`.")
            return candidate
    raise InputError(
        "The folder `devnet` with ganache and the IPFS daemon is not here: run this in a checkout of PoLe."
    )


def start_chain(settings: DevnetSettings, *, wait: Callable[[float], None] = time.sleep) -> Process | None:
    """Start the chain and wait until it answers; return None when ours runs there already.

    Raises InputError when the port is busy or a program is missing, UnreachableError when it does not come
    up.
    """
    record = settings.folder / "chain.json"
    notes = {"address": settings.rpc, "program": settings.chain.value}
    if _is_ours(record, notes) and chain_answers(settings.rpc):
        return None
    stop_process(record)
    _require_free(settings.rpc_port, "the chain", "--rpc-port")
    command = _ganache(settings) if settings.chain is ChainProgram.GANACHE else _anvil(settings)
    process = start_process(command, record=record, log=settings.folder / "chain.log", notes=notes)
    _await_service(lambda: chain_answers(settings.rpc), record, "chain", settings.folder / "chain.log", wait)
    return process


def start_ipfs(settings: DevnetSettings, *, wait: Callable[[float], None] = time.sleep) -> Process | None:
    """Start the IPFS daemon and wait until it answers; return None when one answers there already.

    That may be ours or the user's.

    Raises InputError when the port is busy with something else, UnreachableError when it does not come up.
    """
    record = settings.folder / "ipfs.json"
    notes = {"address": settings.ipfs}
    _is_ours(record, notes)
    if ipfs_answers(settings.ipfs):
        return None
    stop_process(record)
    _require_free(settings.ipfs_port, "the IPFS API", "--ipfs-port")
    _require_free(settings.swarm_port, "IPFS's swarm", "--swarm-port")
    process = start_process(
        [
            _program("node"),
            str(settings.programs / "ipfs-daemon.mjs"),
            *("--repo", str(settings.folder / "ipfs")),
            *("--api-port", str(settings.ipfs_port)),
            *("--swarm-port", str(settings.swarm_port)),
        ],
        record=record,
        log=settings.folder / "ipfs.log",
        notes=notes,
    )
    _await_service(
        lambda: ipfs_answers(settings.ipfs), record, "IPFS daemon", settings.folder / "ipfs.log", wait
    )
    return process


def stop_devnet(folder: Path) -> list[str]:
    """Stop what we started under `folder`; return the names of what ran. Data stays."""
    return [name for name in ("chain", "ipfs") if stop_process(folder / f"{name}.json")]


def wipe_devnet(folder: Path) -> None:
    """Delete the data of a stopped network.

    The next start begins a new chain and an empty IPFS repository.
    """
    for name in ("chain", "anvil", "ipfs"):
        shutil.rmtree(folder / name, ignore_errors=True)


def devnet_state(folder: Path, *, rpc: str, ipfs: str) -> list[ServiceState]:
    """Return what runs: ours where it was started, otherwise what answers at `rpc` and `ipfs`."""
    chain, daemon = running_process(folder / "chain.json"), running_process(folder / "ipfs.json")
    rpc = chain.notes["address"] if chain else rpc
    ipfs = daemon.notes["address"] if daemon else ipfs
    return [
        ServiceState("chain", rpc, chain_answers(rpc), chain, folder / "chain.log"),
        ServiceState("ipfs", ipfs, ipfs_answers(ipfs), daemon, folder / "ipfs.log"),
    ]


def chain_answers(rpc: str) -> bool:
    """Return whether an Ethereum node answers."""
    try:
        return open_node(rpc).ask(chain_id()) > 0
    except (UnreachableError, NodeRefusalError):
        return False


def ipfs_answers(address: str) -> bool:
    """Return whether an IPFS daemon answers."""
    try:
        policy = IpfsPolicy(connect_within=1, first_byte_within=3, attempts=1)
        return bool(IpfsStore(address, policy=policy).version())
    except UnreachableError:
        return False


def free_port() -> int:
    """Return a port that nobody listens on, and that no connection to elsewhere takes before somebody does.

    Raises InputError where there is none.
    """
    for port in random.SystemRandom().sample(_LISTENING, _TRIES):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise InputError("No port is free on this machine: end programs that listen (`ss -ltnp` tells).")


def _ganache(settings: DevnetSettings) -> list[str]:
    return [
        _program("node"),
        str(settings.programs / "node_modules" / "ganache" / "dist" / "node" / "cli.js"),
        *("--server.host", "127.0.0.1"),
        *("--server.port", str(settings.rpc_port)),
        *("--chain.chainId", str(CHAIN_ID)),
        *("--chain.networkId", str(CHAIN_ID)),
        *("--chain.hardfork", "shanghai"),
        *("--miner.blockTime", str(settings.block_time)),
        *("--miner.blockGasLimit", "30000000"),
        *("--wallet.mnemonic", settings.mnemonic),
        *("--wallet.totalAccounts", str(settings.accounts)),
        *("--wallet.defaultBalance", "10000"),
        *("--database.dbPath", str(settings.folder / "chain")),
        "--logging.quiet",
    ]


def _anvil(settings: DevnetSettings) -> list[str]:
    """Return the command of an anvil, with the rules of public chains, that is written down every second."""
    from_npm = settings.programs / "node_modules" / ".bin" / "anvil"
    program = shutil.which(from_npm) or shutil.which("anvil")
    if program is None:
        raise InputError(
            "anvil is not installed, and npm has none for this machine: install Foundry (getfoundry.sh), or "
            "use --chain ganache."
        )
    kept = private_folder(settings.folder / "anvil")
    return [
        *(program, "--silent", "--host", "127.0.0.1", "--port", str(settings.rpc_port)),
        *("--chain-id", str(CHAIN_ID), "--hardfork", "osaka", "--gas-limit", "30000000"),
        *(("--block-time", str(settings.block_time)) if settings.block_time else ()),
        *("--mnemonic", settings.mnemonic, "--accounts", str(settings.accounts), "--balance", "10000"),
        *("--state", str(kept / "state.json"), "--state-interval", "1", "--cache-path", str(kept)),
    ]


def _is_ours(record: Path, notes: Mapping[str, str]) -> bool:
    process = running_process(record)
    if process is not None and process.notes != notes:
        raise InputError(
            f"This data folder's network runs already ({', '.join(process.notes.values())}): stop it with "
            "`pole devnet down`, or start another under another --home."
        )
    return process is not None


def _require_free(port: int, purpose: str, option: str) -> None:
    """Wait a moment for a port, which a program that has just ended may hold; raise InputError without it."""
    until = time.monotonic() + _LINGER
    while (error := _bind_error(port)) is not None:
        if time.monotonic() > until:
            raise InputError(
                f"Port {port}, meant for {purpose}, is busy: stop what listens there (`ss -ltnp` tells), or "
                f"choose another with {option}."
            ) from error
        time.sleep(0.05)


def _bind_error(port: int) -> OSError | None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return error
    return None


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise InputError(f"{name} is not installed: install Node.js 20 or later, then run `make setup`.")
    return found


def _await_service(
    answers: Callable[[], bool],
    record: Path,
    name: str,
    log: Path,
    wait: Callable[[float], None],
    *,
    patience: float = 60,
) -> None:
    try:
        _poll(answers, record, f"The {name}", log, wait, deadline=time.monotonic() + patience)
    except BaseException:
        # Also on Ctrl-C: what does not serve yet is of no use to anybody.
        stop_process(record)
        raise


def _poll(
    answers: Callable[[], bool],
    record: Path,
    subject: str,
    log: Path,
    wait: Callable[[float], None],
    *,
    deadline: float,
) -> None:
    while not answers():
        if running_process(record) is None:
            raise UnreachableError(
                f"{subject} ended while it started: its log {log} says why, and `pole devnet up --fresh` "
                "begins anew."
            )
        if time.monotonic() > deadline:
            raise UnreachableError(f"{subject} does not come up: its log {log} may say why.")
        wait(0.1)
