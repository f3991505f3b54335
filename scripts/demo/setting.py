"""From nothing to workers that run: chain, IPFS, contracts, wallets, money, seats, processes."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scripts.demo.cast import hand_out, make_cast
from scripts.demo.fleet import Fleet
from scripts.demo.network import PARAMETERS, Ground, fund, make_wallets, take_seats
from scripts.demo.play import Stage
from scripts.demo.story import Story

from pole.adapters.ethereum.chain_reader import ChainReader, open_chain_reader

WALLET_WEI: Final = 20 * 10**18
POOL: Final = "5"


@dataclass(frozen=True, slots=True)
class Setting:
    """A stage with its ground, a reader of the chain, and everybody's name by address."""

    ground: Ground
    stage: Stage
    reader: ChainReader
    names: Mapping[str, str]


def set_up(
    story: Story,
    ground: Ground,
    at_end: ExitStack,
    counts: Mapping[str, int],
    *,
    stays: bool,
    parameters: Path = PARAMETERS,
) -> Setting:
    """Make a setting; `at_end` takes it down again, but for the devnet where it `stays`."""
    story.report("demo", f"starting a chain at {ground.place.rpc} and IPFS at {ground.place.ipfs}")
    if not stays:
        at_end.callback(ground.down)
    ground.up()
    story.report("demo", "deploying the contracts (brownie run deploy), making wallets (pole wallet new)")
    cast = make_cast(ground.folder, **counts)
    fleet = at_end.enter_context(Fleet(ground.folder / "logs", story.hear))
    stage = Stage(ground.place, fleet, story, cast)
    with ThreadPoolExecutor(1) as beside:
        deploying = beside.submit(ground.deploy, parameters)
        addresses = make_wallets(cast, ground.place)
        deploying.result()
        hand_out(ground.place.deployment, cast)
        story.report(
            "demo", f"deployed; made {len(cast)} wallets, each an encrypted keystore in a home of its own"
        )
        funding = beside.submit(fund, addresses.values(), ground.place, WALLET_WEI)
        endowing = beside.submit(ground.endow, POOL)
        for worker in cast:
            if worker.role != "verifier":
                stage.start(worker)
        funding.result()
        _seat_verifiers(stage)
        endowing.result()
    story.report("demo", f"endowed the system pool with {POOL} ETH (brownie run fund)")
    reader = open_chain_reader(ground.place.rpc, ground.place.deployment)
    return Setting(ground, stage, reader, {address: name for name, address in addresses.items()})


def _seat_verifiers(stage: Stage) -> None:
    verifiers = stage.of_role("verifier")
    take_seats(verifiers, stage.place)
    stage.story.report("demo", f"{len(verifiers)} verifiers have staked their seats (pole verifier stake)")
    for worker in verifiers:
        stage.start(worker)
    stage.story.report("demo", f"started {len(stage.cast)} worker processes")
