"""Attack the contracts as an outsider can, and print which promises hold.

    python -m scripts.attack
    python -m scripts.attack --rpc http://127.0.0.1:8546 --deployment deployments/devnet.json

It knows the contracts' ABIs and addresses, and what the interfaces and docs/protocol.md say; on the chain it
uses nothing of the package. Every attack begins with the contracts as they were found and is played to the
end of its round; then everybody leaves with all their money, and the chain is put back as it was. What
everybody gained must be what the protocol says, to the wei. The exit code is 1 when a promise is broken.

Without --rpc a ganache is started and the contracts are deployed to it.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from scripts.attack.attacks import ATTACKS, Attack
from scripts.attack.play import ETHER, end
from scripts.attack.world import Broken, World
from tests.integration import deploying
from web3 import HTTPProvider, Web3

from pole.adapters.ethereum.connection import connect
from pole.adapters.machine.devnet import DevnetSettings, free_port, programs_folder, start_chain, stop_devnet

COLUMNS = "{:47} {:30} {:7} {}"


def main() -> None:
    options = _options()
    if options.rpc:
        sys.exit(attack(Web3(HTTPProvider(options.rpc)), options.deployment))
    with own_chain() as (w3, deployment):
        sys.exit(attack(w3, deployment))


def attack(
    w3: Web3,
    deployment: Path,
    *,
    attacks: Sequence[Attack] = ATTACKS,
    show: Callable[[str], None] = print,
) -> int:
    """Mount every attack; return 1 when a promise is broken, else 0."""
    world = World(w3, json.loads(deployment.read_text())["contracts"])
    _require_idle(world)
    show(COLUMNS.format("promise", "attack", "", "gains in ether"))
    broken = 0
    for each in attacks:
        try:
            told, verdict = _shown(mounted(world, each)), "kept"
        except Broken as reason:
            told, verdict = str(reason), "BROKEN"
            broken += 1
        show(COLUMNS.format(each.promise, each.title, verdict, told))
    show(f"\n{len(attacks) - broken} promises kept, {broken} broken")
    return int(broken > 0)


def mounted(world: World, each: Attack) -> dict[str, int]:
    """Mount one attack on contracts with seats taken, and let everybody leave.

    Return who gained what; raises Broken.
    """
    before = world.snapshot()
    try:
        pool = world.pool()
        for verifier in world.verifiers:
            world.send(verifier, world.committee.functions.stake(), world.seats.seatStake)
        expected = each.mount(world)
        end(world)
        gains = left(world, pool)
        expected = {role: gain for role, gain in expected.items() if gain != 0}
        if gains != expected:
            raise Broken(f"gained: {_shown(gains)}; promised: {_shown(expected)}")
        return gains
    finally:
        world.revert(before)


def left(world: World, pool: int) -> dict[str, int]:
    """Let everybody take all that is theirs; return the gains. Raises Broken when anything stays behind."""
    everybody = {world.attacker: "attacker", world.data_node: "data node", world.stranger: "stranger"}
    everybody |= dict.fromkeys(world.miners, "miner") | dict.fromkeys(world.verifiers, "verifiers")
    everybody |= dict.fromkeys(world.crowd, "attacker")
    for person in everybody:
        if world.committee.functions.stakeOf(person).call()[1]:
            world.send(person, world.committee.functions.unstake())
    world.wait(world.seats.unbondingTime)
    for person in everybody:
        if world.committee.functions.stakeOf(person).call()[0] > 0:
            world.send(person, world.committee.functions.reclaim())
        world.withdraw(person)
    total = world.reservoir.functions.total().call()
    if total != world.pool():
        raise Broken(f"{total - world.pool()} wei are nobody's")
    gains = world.gains(everybody)
    gains |= {
        "pool": world.pool() - pool,
        "nobody": world.w3.eth.get_balance(world.reservoir.address) - total,
    }
    return {role: gain for role, gain in gains.items() if gain != 0}


def _require_idle(world: World) -> None:
    """Raises SystemExit when others are at work, whose money would be mixed with that of the attacks."""
    if world.committee.functions.seatCount().call()[0] or world.tasks.functions.waiting().call():
        raise SystemExit("Seats are taken or tasks wait: attack a fresh deployment, or leave --rpc out.")


def _shown(gains: dict[str, int]) -> str:
    return (
        ", ".join(f"{role} {gain / ETHER:+.9g}" for role, gain in sorted(gains.items())) or "nobody anything"
    )


@contextmanager
def own_chain() -> Iterator[tuple[Web3, Path]]:
    """Start a ganache with the contracts on it."""
    with tempfile.TemporaryDirectory() as folder:
        settings = DevnetSettings(Path(folder), programs_folder(), rpc_port=free_port(), block_time=0)
        try:
            start_chain(settings)
            w3 = connect(settings.rpc)
            deploying.deploy(w3, Path(folder) / "deployment.json")
            yield w3, Path(folder) / "deployment.json"
        finally:
            stop_devnet(settings.folder)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rpc", help="a development chain to attack instead of starting one")
    parser.add_argument("--deployment", type=Path, help="what is deployed there (deployments/<chain>.json)")
    options = parser.parse_args()
    if (options.rpc is None) != (options.deployment is None):
        parser.error("--rpc and --deployment go together")
    return options


if __name__ == "__main__":
    main()
