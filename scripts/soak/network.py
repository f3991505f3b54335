"""The network that is hurt: a devnet, workers each behind a way of its own, a stranger who challenges."""

import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from rich.console import Console
from scripts.demo.cast import Worker, hand_out, make_cast
from scripts.demo.fleet import Fleet
from scripts.demo.network import (
    REPOSITORY,
    Ground,
    free_ports,
    fund,
    make_wallets,
    parameters_with,
    prepare_ground,
    take_seats,
)
from scripts.demo.setting import POOL, WALLET_WEI
from scripts.demo.story import Story
from scripts.soak.proxy import Way, opened

from pole.adapters.ethereum.chain_reader import ChainReader, open_chain_reader
from pole.adapters.machine.devnet import ChainProgram
from pole.adapters.machine.process import running_process

FOLDER: Final = REPOSITORY / "build" / "soak"
CAST: Final = {"data_nodes": 2, "miners": 3, "verifiers": 5}
IDLE: Final = {
    "idleTimeLimit": 40,
    "idleTrainCount": 2000,
    "idleTestCount": 500,
    "idleTrainAccuracy": 8500,
    "idleTestAccuracy": 0,
}
IDLE_AFTER: Final = "15"
KILLED: Final = -signal.SIGKILL


@dataclass(slots=True)
class Network:
    """What runs; `killed` are workers that a fault ended, who are started again."""

    ground: Ground
    fleet: Fleet
    story: Story
    cast: Sequence[Worker]
    addresses: Mapping[str, str]
    ways: Mapping[str, Way]
    reader: ChainReader
    ended: list[tuple[str, int]] = field(default_factory=list)

    def start(self, worker: Worker) -> None:
        """Start a worker behind its way."""
        idle = ("--idle", IDLE_AFTER) if worker.name == "miner-1" else ()
        lanes = ("--lanes", "4") if worker.role == "miner" else ()
        place = replace(self.ground.place, rpc=self.ways[worker.name].url)
        command = worker.run_command("--poll", "0.5", *idle, *lanes)
        self.fleet.start(worker.name, command, worker.environment(place), REPOSITORY)

    def start_again(self) -> None:
        """Start again who was killed; whoever ended otherwise is noted."""
        for name, code in self.fleet.ended().items():
            if code != KILLED:
                self.ended.append((name, code))
            self.fleet.kill(name)
            self.start(next(worker for worker in self.cast if worker.name == name))

    def pid(self, name: str) -> int:
        """Return the process of a worker."""
        return self.fleet.pid(name)

    def node(self) -> int:
        """Return the process of the Ethereum node."""
        process = running_process(self.ground.folder / "devnet" / "devnet" / "chain.json")
        assert process is not None, "the Ethereum node runs"
        return process.pid

    @property
    def ipfs_record(self) -> Path:
        """Return the file that names the process of the IPFS daemon."""
        return self.ground.folder / "devnet" / "devnet" / "ipfs.json"


def set_up(at_end: ExitStack, seed: int, lanes: int, chain: ChainProgram) -> Network:
    """Start a network; `at_end` takes it down again."""
    ground = replace(prepare_ground(FOLDER, block_time=1, ports=free_ports()), chain=chain)
    at_end.callback(ground.down)
    ground.up()
    parameters = parameters_with(FOLDER, committee={"lanes": lanes, "penalty": "0.125"}, taskList=IDLE)
    ground.deploy(parameters)
    cast = make_cast(ground.folder, **CAST)
    addresses = make_wallets(cast, ground.place)
    hand_out(ground.place.deployment, cast)
    fund(addresses.values(), ground.place, WALLET_WEI)
    ground.endow(POOL)
    story = Story(Console(quiet=True))
    fleet = at_end.enter_context(Fleet(ground.folder / "logs", story.hear))
    ways: dict[str, Way] = {}
    reader = open_chain_reader(ground.place.rpc, ground.place.deployment)
    network = Network(ground, fleet, story, cast, addresses, ways, reader)
    for number, worker in enumerate(cast):
        chance = Random(seed + number)  # noqa: S311 - nothing secret
        way = Way(ground.place.rpc, chance, partial(_kill, network, worker.name))
        ways[worker.name] = at_end.enter_context(opened(way))
    take_seats([worker for worker in cast if worker.role == "verifier"], ground.place)
    for worker in cast:
        network.start(worker)
    return network


def _kill(network: Network, name: str) -> None:
    os.killpg(network.pid(name), signal.SIGKILL)
