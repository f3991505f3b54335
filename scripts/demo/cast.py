"""Who takes part: each worker with a name, a role, a home and a password of its own."""

import os
import secrets
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROLES: Final = ("data-node", "miner", "verifier")
NAMES: Final = {"data-node": "data", "miner": "miner", "verifier": "verifier"}
POLE: Final = Path(sys.executable).parent / "pole"
ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class Place:
    """The network everybody meets on: its RPC URL, the IPFS API's multiaddr, the deployment file."""

    rpc: str
    ipfs: str
    deployment: Path


@dataclass(frozen=True, slots=True)
class Worker:
    """One participant; `home` is its alone."""

    name: str
    role: str
    home: Path

    @property
    def password_file(self) -> Path:
        """Return the file that holds the password of its wallet."""
        return self.home / "password"

    def environment(self, place: Place) -> dict[str, str]:
        """Return the environment of its commands: nothing in it points into another worker's home."""
        own = {
            "POLE_HOME": str(self.home),
            "POLE_PASSWORD_FILE": str(self.password_file),
            "POLE_RPC": place.rpc,
            "POLE_IPFS": place.ipfs,
            "POLE_DEPLOYMENT": str(self.home / "deployment.json"),
        }
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("POLE_") or name == "POLE_DATA"
        }
        return kept | ONE_THREAD | own

    def run_command(self, *options: str) -> list[str]:
        """Return the command that starts it."""
        return [str(POLE), self.role, "run", "--wallet", self.name, "--json-log", "--withdraw", *options]


def make_cast(folder: Path, *, data_nodes: int, miners: int, verifiers: int) -> tuple[Worker, ...]:
    """Return the workers, each with a home under `folder` and a password in it that nobody else reads."""
    counts = dict(zip(ROLES, (data_nodes, miners, verifiers), strict=True))
    cast = tuple(
        Worker(f"{NAMES[role]}-{number}", role, folder / f"{NAMES[role]}-{number}")
        for role, count in counts.items()
        for number in range(1, count + 1)
    )
    for worker in cast:
        worker.home.mkdir(mode=0o700, parents=True)
        worker.password_file.touch(mode=0o600)
        worker.password_file.write_text(secrets.token_urlsafe(16) + "\n")
    return cast


def hand_out(deployment: Path, cast: tuple[Worker, ...]) -> None:
    """Give everybody a copy of the deployment file, as it would be published."""
    for worker in cast:
        shutil.copy(deployment, worker.home / "deployment.json")
