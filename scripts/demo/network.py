"""The ground the workers stand on: a chain, IPFS, deployed contracts, wallets with money and seats."""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from scripts.demo.cast import POLE, Place, Worker

from pole.adapters.ethereum.connection import connect
from pole.adapters.machine.devnet import CHAIN_ID, ChainProgram, free_port
from pole.adapters.sending import faucet
from pole.adapters.storage.file_lock import file_lock
from pole.errors import PoleError

REPOSITORY: Final = Path(__file__).resolve().parents[2]
PARAMETERS: Final = Path(__file__).with_name("parameters.json")
RPC_PORT, IPFS_PORT, SWARM_PORT = 8546, 5001, 4001
AT_ONCE: Final = os.cpu_count() or 2

Report = Callable[[str], None]


class StepError(PoleError):
    """A command of the demonstration failed."""


@dataclass(frozen=True, slots=True)
class Ground:
    """A devnet in a folder of its own, and what is deployed on it."""

    folder: Path
    place: Place
    ports: tuple[int, int, int]
    block_time: float
    chain: ChainProgram = ChainProgram.GANACHE

    def up(self) -> None:
        """Start the chain and the IPFS daemon."""
        rpc, ipfs, swarm = self.ports
        ports = ("--rpc-port", str(rpc), "--ipfs-port", str(ipfs), "--swarm-port", str(swarm))
        kind = ("--chain", self.chain.value, "--block-time", f"{self.block_time:g}")
        pole(["devnet", "up", *ports, *kind], self._environment())

    def down(self) -> None:
        """Stop them."""
        pole(["devnet", "down"], self._environment())

    def deploy(self, parameters: Path = PARAMETERS) -> None:
        """Deploy the contracts by the brownie script, which writes the deployment file."""
        self._brownie(["deploy"], {"POLE_PARAMETERS": str(parameters)})

    def endow(self, ether: str) -> None:
        """Endow the system pool by the brownie script."""
        self._brownie(["fund", "main", ether], {})

    def _environment(self) -> dict[str, str]:
        return dict(os.environ) | {"POLE_HOME": str(self.folder / "devnet")}

    def _brownie(self, script: Sequence[str], extra: Mapping[str, str]) -> None:
        home = self._brownie_home()
        chosen = REPOSITORY / ".brownie-home" / "solc-folder"
        if not chosen.is_file():
            raise StepError("The Solidity compiler is not set up yet: run `make setup`.")
        environment = dict(os.environ) | {
            "HOME": str(home),
            "SOLCX_BINARY_PATH": chosen.read_text().strip(),
            "PATH": f"{REPOSITORY / 'devnet' / 'node_modules' / '.bin'}{os.pathsep}{os.environ['PATH']}",
            "POLE_DEPLOYMENT": str(self.place.deployment),
            "POLE_DEVNET": self.place.rpc,
        }
        command = [str(POLE.with_name("brownie")), "run", *script, "--network", "devnet"]
        # Brownie keeps in the project what it deployed on a chain of this number: of another network that
        # would stop it, and what two write at a time each reads half.
        with file_lock(REPOSITORY / "build" / "brownie.lock"):
            shutil.rmtree(REPOSITORY / "build" / "deployments" / str(CHAIN_ID), ignore_errors=True)
            step(command, environment | dict(extra))

    def _brownie_home(self) -> Path:
        """Return a home for brownie, which runs beside others then."""
        home = self.folder / "brownie"
        networks = home / ".brownie" / "network-config.yaml"
        if not networks.exists():
            networks.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / "devnet" / "network-config.yaml", networks)
        return home


def parameters_with(folder: Path, **changes: Mapping[str, int | str]) -> Path:
    """Write the demonstration's parameters, changed by group, to a file in `folder`; return it."""
    content = json.loads(PARAMETERS.read_text())
    for group, values in changes.items():
        content[group] |= values
    path = folder / "parameters.json"
    path.write_text(json.dumps(content))
    return path


def prepare_ground(folder: Path, *, block_time: float, ports: tuple[int, int, int]) -> Ground:
    """Return the ground in a new folder; nothing runs yet."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    rpc, ipfs, _ = ports
    place = Place(f"http://127.0.0.1:{rpc}", f"/ip4/127.0.0.1/tcp/{ipfs}", folder / "deployment.json")
    return Ground(folder, place, ports, block_time)


def usual_ports() -> tuple[int, int, int]:
    """Return the usual ports of the RPC, the IPFS API and the swarm, or free ones where they are taken."""
    return usual_port(RPC_PORT), usual_port(IPFS_PORT), usual_port(SWARM_PORT)


def usual_port(port: int) -> int:
    """Return a port where nobody listens on it, else a free one."""
    return port if is_free(port) else free_port()


def free_ports() -> tuple[int, int, int]:
    """Return three ports that nobody listens on."""
    return free_port(), free_port(), free_port()


def make_wallets(cast: Iterable[Worker], place: Place) -> dict[str, str]:
    """Make everybody's wallet; return the addresses by name."""

    def make(worker: Worker) -> tuple[str, str]:
        made = pole(["wallet", "new", worker.name, "--light", "--json"], worker.environment(place))
        return worker.name, json.loads(made)["address"]

    return dict(_side_by_side(make, cast))


def fund(addresses: Iterable[str], place: Place, amount: int) -> None:
    """Send everybody some wei from the development chain's own account."""
    w3 = connect(place.rpc)
    for address in addresses:
        faucet.fund(w3, address, amount)


def take_seats(verifiers: Iterable[Worker], place: Place) -> None:
    """Stake a seat for every verifier."""

    def stake(worker: Worker) -> None:
        pole(["verifier", "stake", "--wallet", worker.name], worker.environment(place))

    _side_by_side(stake, verifiers)


def pole(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """Run a `pole` command to its end and return what it printed; raises StepError when it fails."""
    return step([str(POLE), *arguments], environment)


def step(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """Run a command to its end and return what it printed; raises StepError with the end of its output."""
    done = subprocess.run(
        command,
        env=dict(environment),
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,
        check=False,
    )
    if done.returncode:
        said = (done.stdout[-2000:] + done.stderr[-2000:]).strip()
        raise StepError(f"`{' '.join(command)}` failed with exit code {done.returncode}:\n{said}")
    return done.stdout


def _side_by_side(work: Callable[[Worker], Any], workers: Iterable[Worker]) -> list[Any]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(work, workers))


def is_free(port: int) -> bool:
    """Return whether nobody listens on a port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0
