"""The demonstration's pages: `pole explore` as a process of its own, to the end of the rounds or longer."""

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import requests
from scripts.demo.cast import POLE
from scripts.demo.network import Ground, is_free
from scripts.demo.play import PlayError

PORT: Final = 8600
PATIENCE: Final = 10.0


@dataclass(frozen=True, slots=True)
class Pages:
    """A process that serves pages at a URL, and what it says."""

    process: "subprocess.Popen[bytes]"
    url: str
    log: Path

    def newest_height(self) -> int:
        """Return the height of the newest PoLe block that they show; raises PlayError where they do not."""
        asked = requests.Session()
        # A proxy of the environment's knows nothing of this machine.
        asked.trust_env = False
        try:
            lines = asked.get(f"{self.url}/blocks.json", timeout=PATIENCE).json()["data"]["lines"]
            return max((int(line["height"]) for line in lines), default=0)
        except (requests.RequestException, ValueError, KeyError) as error:
            raise PlayError(f"The pages at {self.url} do not answer ({error!r}): see {self.log}.") from error

    def are_served(self) -> bool:
        """Return whether somebody listens at the URL."""
        return not is_free(int(self.url.rpartition(":")[2]))

    def end(self) -> None:
        """Stop the process."""
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def show_pages(ground: Ground, port: int, homes: Iterable[Path]) -> Pages:
    """Start the pages of a network at a port, with what its workers keep in their data folders."""
    log = ground.folder / "logs" / "explorer.log"
    environment = dict(os.environ) | {
        "POLE_HOME": str(ground.folder / "explorer"),
        "POLE_RPC": ground.place.rpc,
        "POLE_DEPLOYMENT": str(ground.place.deployment),
    }
    with log.open("wb") as said:
        process = subprocess.Popen(
            [str(POLE), "explore", "--port", str(port), *(f"--data-folder={home}" for home in homes)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Pages(process, f"http://127.0.0.1:{port}", log)
