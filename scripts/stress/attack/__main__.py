"""Attack the contracts as an outsider can, and print which promises hold.

    python -m scripts.stress.attack
    python -m scripts.stress.attack --rpc http://127.0.0.1:8546 --deployment deployments/devnet.json

It knows the contracts' ABIs and addresses, and what the interfaces and docs/protocol.md say; on the chain it
uses nothing of the package. Every attack begins with the contracts as they were found, and seats taken, and
is played to the end of its round. Then everybody whose stake changed, and one verifier more, leaves with all
their money, and the chain is put back as it was. What everybody gained must be what the protocol says, to
the wei. The exit code is 1 when a promise is broken.

Without --rpc an anvil is started and the contracts are deployed to it, with devnet/parameters.json.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.stress.attack.attacks import ATTACKS, Attack
from scripts.stress.attack.play import ETHER, end
from scripts.stress.attack.world import Broken, World
from tests.integration import deploying
from web3 import HTTPProvider, Web3

from pole.adapters.ethereum.connection import connect
from pole.adapters.machine.devnet import (
    ChainProgram,
    DevnetSettings,
    free_port,
    programs_folder,
    start_chain,
    stop_devnet,
)
from pole.protocol.amounts import wei

SHORT_LIST = 16
COLUMNS = "{:58} {:38} {:7} {}"


def main() -> None:
    options = _options()
    chosen = [each for each in ATTACKS if options.only in each.title or options.only in each.promise]
    with ExitStack() as stack:
        if options.rpc:
            w3, deployment = Web3(HTTPProvider(options.rpc)), options.deployment
        else:
            w3, deployment = stack.enter_context(own_chain())
        sys.exit(attack(w3, deployment, attacks=chosen, report=as_json if options.json else as_table))


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an attack: who gained how many wei, or which promise is broken and how."""

    attack: Attack
    gains: Mapping[str, int]
    broken: str = ""


def attack(
    w3: Web3,
    deployment: Path,
    *,
    attacks: Sequence[Attack] = ATTACKS,
    report: Callable[[Iterator[Result]], list[Result]],
) -> int:
    """Mount every attack; return 1 when a promise is broken, else 0."""
    world = World(w3, json.loads(deployment.read_text())["contracts"])
    _require_idle(world)
    return int(any(result.broken for result in report(results(world, attacks))))


def results(world: World, attacks: Sequence[Attack]) -> Iterator[Result]:
    """Take the verifiers' seats, mount attacks one after the other, and put the chain back as it was."""
    before = world.snapshot()
    try:
        for verifier in world.verifiers:
            world.send(verifier, world.committee.functions.stake(), world.seats.seatStake)
        world.wait(world.seats.seatAge + 1)
        for each in attacks:
            try:
                yield Result(each, mounted(world, each))
            except Broken as reason:
                yield Result(each, {}, str(reason))
    finally:
        world.revert(before)


def as_table(found: Iterator[Result], show: Callable[[str], None] = print) -> list[Result]:
    """Print results as they come; return them."""
    show(COLUMNS.format("promise", "attack", "", "gains in ether"))
    told = []
    for result in found:
        told.append(result)
        verdict = "BROKEN" if result.broken else "kept"
        gains = result.broken or _shown(result.gains)
        show(COLUMNS.format(result.attack.promise, result.attack.title, verdict, gains))
    broken = sum(bool(result.broken) for result in told)
    show(f"\n{len(told) - broken} promises kept, {broken} broken")
    return told


def as_json(found: Iterator[Result]) -> list[Result]:
    """Print results as a JSON array, amounts as strings of wei; return them."""
    told = list(found)
    rows = [
        {
            "promise": result.attack.promise,
            "attack": result.attack.title,
            "broken": result.broken or None,
            "gains": {role: str(gain) for role, gain in sorted(result.gains.items())},
        }
        for result in told
    ]
    print(json.dumps(rows, indent=2))
    return told


def mounted(world: World, each: Attack) -> dict[str, int]:
    """Mount one attack on contracts with seats taken, and let people leave.

    Return who gained what; raises Broken.
    """
    before = world.snapshot()
    try:
        pool = world.pool()
        expected = Counter(each.mount(world))
        for lane in range(world.seats.lanes):
            end(world, lane)
        for owner, rent in world.rents.items():
            expected[world.roles[owner]] -= rent
            expected["pool"] += rent
        gains = left(world, pool)
        expected = Counter({role: gain for role, gain in expected.items() if gain != 0})
        if gains != expected:
            raise Broken(f"gained: {_shown(gains)}; promised: {_shown(expected)}")
        return gains
    finally:
        world.revert(before)


def left(world: World, pool: int) -> dict[str, int]:
    """Let people take what is theirs; return the gains. Raises Broken when anything is nobody's.

    Who has just the stake that it began with may keep its seat, but for one verifier.
    """
    stakes = world.asked({person: world.committee.functions.stakeOf(person) for person in world.roles})
    began = dict.fromkeys(world.verifiers, world.seats.seatStake)
    leaving = {world.verifiers[0]} | {each for each in stakes if stakes[each][0] != began.get(each, 0)}
    for person in leaving:
        if stakes[person][1]:
            world.send(person, world.committee.functions.unstake())
    world.wait(world.seats.seatAge + 1)
    for person in leaving:
        if stakes[person][0] > 0:
            world.send(person, world.committee.functions.reclaim())
    for person, credit in world.asked(
        {person: world.reservoir.functions.creditOf(person) for person in world.roles}
    ).items():
        if credit > 0:
            world.withdraw(person)
    kept = sum(stakes[person][0] for person in world.roles if person not in leaving)
    total = world.reservoir.functions.total().call()
    if total != world.pool() + kept:
        raise Broken(f"{total - world.pool() - kept} wei are nobody's")
    gains = Counter(world.gains())
    for person in leaving & began.keys():
        gains[world.roles[person]] -= began[person]
    gains["pool"] = world.pool() - pool
    gains["nobody"] = world.w3.eth.get_balance(world.reservoir.address) - total
    return {role: gain for role, gain in gains.items() if gain != 0}


def _require_idle(world: World) -> None:
    """Raises SystemExit when others are at work, whose money would be mixed with that of the attacks."""
    if world.committee.functions.seatsAt(world.now()).call() or world.tasks.functions.waiting().call():
        raise SystemExit("Seats are taken or tasks wait: attack a fresh deployment, or leave --rpc out.")


def _shown(gains: Mapping[str, int]) -> str:
    return (
        ", ".join(f"{role} {gain / ETHER:+.9g}" for role, gain in sorted(gains.items())) or "nobody anything"
    )


@contextmanager
def own_chain() -> Iterator[tuple[Web3, Path]]:
    """Start an anvil with the contracts on it."""
    with tempfile.TemporaryDirectory() as folder:
        settings = DevnetSettings(
            Path(folder), programs_folder(), rpc_port=free_port(), block_time=0, chain=ChainProgram.ANVIL
        )
        try:
            start_chain(settings)
            w3 = connect(settings.rpc)
            deploying.deploy(w3, Path(folder) / "deployment.json", parameters())
            yield w3, Path(folder) / "deployment.json"
        finally:
            stop_devnet(settings.folder)


def parameters() -> dict[str, dict[str, int]]:
    """Return the devnet's parameters with a short list of tasks, amounts in wei."""
    content = json.loads((programs_folder() / "parameters.json").read_text())
    chosen = {
        group: {name: wei(value) if isinstance(value, str) else value for name, value in values.items()}
        for group, values in content.items()
    }
    # A list that is filled in no time.
    chosen["taskList"]["maxTasks"] = SHORT_LIST
    return chosen


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rpc", help="a development chain to attack instead of starting one")
    parser.add_argument("--deployment", type=Path, help="what is deployed there (deployments/<chain>.json)")
    parser.add_argument("--only", default="", help="mount the attacks whose title or promise has these words")
    parser.add_argument("--json", action="store_true", help="print what came of them as JSON")
    options = parser.parse_args()
    if (options.rpc is None) != (options.deployment is None):
        parser.error("--rpc and --deployment go together")
    return options


if __name__ == "__main__":
    main()
