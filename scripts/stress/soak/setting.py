"""From nothing to a network whose every worker has a way to the node of its own."""

import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from scripts.demo.cast import Worker, hand_out, make_cast
from scripts.demo.fleet import Fleet
from scripts.demo.network import (
    PARAMETERS,
    Ground,
    fund,
    make_wallets,
    parameters_with,
    take_seats,
)
from scripts.stress.soak.crew.crew import Crew, Member
from scripts.stress.soak.node.proxy import faulty_node
from scripts.stress.soak.plan import DATA_NODES, MINERS, VERIFIERS

from pole.adapters.ethereum.chain_reader import ChainReader, open_chain_reader

LIAR: Final = "liar-1"
WALLET_WEI: Final = 20 * 10**18
ENDOWMENT: Final = 0.2
"""Ether of the pool, and of the data node's wallet, for a round."""
MINIMUM_ENDOWMENT: Final = 5
IDLE: Final = {
    "idleTimeLimit": 40,
    "idleTrainCount": 2000,
    "idleTestCount": 500,
    "idleTrainAccuracy": 8500,
    "idleTestAccuracy": 0,
}
CHALLENGE_WINDOW: Final = 8
COMPILER: Final = "gcc"
CLOCK_SOURCE: Final = Path(__file__).parent / "crew" / "shifted_clock.c"

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Setting:
    """The ground, the crew, the liar's wallet, a reader past all proxies, and everybody's address by name."""

    ground: Ground
    crew: Crew
    liar: Worker
    reader: ChainReader
    addresses: Mapping[str, str]


def set_up(ground: Ground, at_end: ExitStack, report: Report, *, lanes: int, rounds: int) -> Setting:
    """Make a setting for about so many rounds; `at_end` takes it down again."""
    report(f"starting {ground.chain.value} at {ground.place.rpc} and IPFS at {ground.place.ipfs}")
    at_end.callback(ground.down)
    ground.up()
    ground.deploy(parameters(ground.folder, lanes))
    counts = {"data_nodes": len(DATA_NODES), "miners": len(MINERS), "verifiers": len(VERIFIERS)}
    workers = make_cast(ground.folder, **counts)
    liar = _liar(ground.folder)
    addresses = make_wallets((*workers, liar), ground.place)
    hand_out(ground.place.deployment, (*workers, liar))
    each = max(MINIMUM_ENDOWMENT, round(ENDOWMENT * rounds))
    fund(addresses.values(), ground.place, WALLET_WEI)
    fund([addresses[name] for name in DATA_NODES], ground.place, 2 * each * 10**18)
    ground.endow(str(each))
    take_seats([worker for worker in workers if worker.role == "verifier"], ground.place)
    report(f"deployed; {len(workers)} workers and a liar have wallets, {len(VERIFIERS)} of them seats")
    port = ground.ports[0]
    members = {worker.name: Member(worker, at_end.enter_context(faulty_node(port))) for worker in workers}
    fleet = at_end.enter_context(Fleet(ground.folder / "logs", lambda *_: None))
    crew = Crew(ground.place, fleet, members, shifted_clock(ground.folder))
    return Setting(
        ground, crew, liar, open_chain_reader(ground.place.rpc, ground.place.deployment), addresses
    )


def parameters(folder: Path, lanes: int) -> Path:
    """Write the deployment's parameters: the demonstration's with idle rounds, and time for a challenge."""
    usual = json.loads(PARAMETERS.read_text())
    longer = CHALLENGE_WINDOW - usual["chain"]["challengeWindow"]
    changes: dict[str, Mapping[str, Any]] = {
        "taskList": IDLE | {"roundWindows": usual["taskList"]["roundWindows"] + longer},
        "committee": {"lanes": lanes, "penalty": "0.125"},
        "chain": {"challengeWindow": CHALLENGE_WINDOW},
    }
    return parameters_with(folder, **changes)


def shifted_clock(folder: Path) -> Path | None:
    """Compile the library that shifts a process's calendar; return None where there is no compiler."""
    if shutil.which(COMPILER) is None:
        return None
    library = folder / "shifted_clock.so"
    flags = ("-std=gnu11", "-O1", "-Wall", "-Werror", "-shared", "-fPIC")
    subprocess.run([COMPILER, *flags, str(CLOCK_SOURCE), "-o", str(library), "-ldl"], check=True)
    return library


def _liar(folder: Path) -> Worker:
    """Return a wallet's owner that no process runs for."""
    liar = Worker(LIAR, "miner", folder / LIAR)
    liar.home.mkdir(mode=0o700, parents=True)
    liar.password_file.touch(mode=0o600)
    liar.password_file.write_text("lies\n")
    return liar
