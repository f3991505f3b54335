"""The tables and the chart of docs/network.md."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from itertools import product
from statistics import median
from typing import Any, Final

from scripts.economics.gas import GAS_PRICES, GWEI
from scripts.economics.tables import ETHER, table
from scripts.network.kinds import GAS_LIMITS, KINDS, Kind, Network, read_networks
from scripts.network.lanes import CALLED, DAY, Load, Outcome, simulate
from scripts.network.limits import (
    FULL_BLOCKS,
    NODE_REQUESTS,
    PARTS,
    PROCESSOR,
    Full,
    capacity,
    first_to_break,
    limits,
)
from scripts.network.roles import Costs, Day, costs, requests_a_second
from scripts.network.rounds import ABSENT, BYTES_A_SECOND, Times, times_of
from scripts.network.units import Units, read_units
from scripts.pages.charts import Axes, lines

from pole.protocol.ballots import committee_fee

SEED: Final = 2007
TASKS: Final = (10, 100, 1_000, 10_000)
LANES: Final = (1, 4, 16)
MINERS: Final = (100, 1_000, 10_000)
VERIFIERS: Final = (50, 500, 5_000)
USUAL: Final = (1_000, 500)
"""Miners and verifiers where a table has no other number of them."""
OVERLOAD: Final = 1.5
"""Times what lanes can take, of a load that shows what they do."""
ARRIVALS: Final = 1_000
ROUNDS: Final = 20
LONGEST: Final = 30.0
"""A lane's rounds and the tasks that are simulated at the least, but no more than so many days."""
POLLS: Final = {"devnet": 1.0, "sepolia": 12.0}
"""Seconds between two looks of a worker: the default, and docs/operations.md for blocks of 12 seconds."""
DRAWN: Final = (10, 20, 40, 80, 160, 320)


@dataclass(frozen=True, eq=False)
class Scene:
    """A kind of task on a network, its units, and the seed of what is simulated."""

    network: Network
    kind: Kind
    times: Times
    units: Units
    seed: int

    @property
    def title(self) -> str:
        """Return the name of network and kind."""
        return f"{self.network.name}, {self.kind.name}"

    def load(self, lanes: int, tasks_a_day: float, miners: int = USUAL[0], groups: int = 1) -> Load:
        """Return a load of so many days that enough tasks come, and enough rounds end."""
        minimum = ROUNDS * self.times.shortest(self.network.parameters.chain.max_solutions) / DAY
        return Load(lanes, tasks_a_day, miners, max(minimum, min(LONGEST, ARRIVALS / tasks_a_day)), groups)

    def outcome(self, load: Load) -> Outcome:
        """Return what becomes of the tasks of a load, simulated once."""
        return _simulated(self, load)

    def full(self, lanes: int) -> Full:
        """Return what full lanes do."""
        tasks = OVERLOAD * capacity(self.times, lanes)
        chosen, apart = (self.load(lanes, tasks, groups=groups) for groups in (1, lanes))
        return Full(self.outcome(chosen), self.outcome(apart))

    def costs(self, load: Load, verifiers: int = USUAL[1]) -> Costs:
        """Return what a day of a load costs."""
        return costs(self.network, self.kind, self.units, load, self.outcome(load), verifiers)

    def limits(self, lanes: int, verifiers: int = USUAL[1]) -> dict[str, float]:
        """Return the tasks a day that each part can take."""
        full = self.full(lanes)
        of_day = self.costs(self.load(lanes, OVERLOAD * capacity(self.times, lanes), groups=lanes), verifiers)
        return limits(self.times, self.units, full, of_day, verifiers)


def scenes(seed: int = SEED, units: Units | None = None) -> tuple[Scene, ...]:
    """Return every kind of task on every network."""
    measured = units or read_units()
    pairs = product(read_networks(), KINDS)
    return tuple(Scene(net, kind, times_of(net, kind, measured), measured, seed) for net, kind in pairs)


def tables(found: tuple[Scene, ...]) -> dict[str, str]:
    """Return every table of the page, in Markdown."""
    return {
        "rounds": rounds_table(found),
        "limits": limits_table(found),
        "first": first_table(found),
        "waiting": waiting_table(found),
        "roles": roles_table(found),
        "people": people_table(found),
        "money": money_table(found),
        "remedies": remedies_table(found),
        "units": units_table(found[0].units),
        "assumed": assumed_table(),
    }


def lost(found: tuple[Scene, ...]) -> int:
    """Return how many tasks got lost in what is simulated for the page: none."""
    loads = product(found, LANES, TASKS)
    return sum(scene.outcome(scene.load(lanes, tasks)).lost for scene, lanes, tasks in loads)


def rounds_table(found: tuple[Scene, ...]) -> str:
    """Return how long a round takes, what lanes could take by that, and what they do."""
    rows = []
    for scene in found:
        shortest = scene.times.shortest(scene.network.parameters.chain.max_solutions)
        for lanes in LANES:
            full = scene.full(lanes)
            bound = capacity(scene.times, lanes)
            did = (full.apart.done_a_day, full.chosen.done_a_day)
            lost = full.chosen.void / max(full.chosen.void + full.chosen.done, 1)
            rows.append(
                [
                    scene.title,
                    str(lanes),
                    f"{shortest:,.0f} s",
                    f"{bound:,.0f}",
                    *map(_count, did),
                    f"{_percent(lost)}",
                ]
            )
    head = [
        "tasks",
        "lanes",
        "shortest round",
        "at the most",
        "miners in each lane",
        "as they choose",
        "void then",
    ]
    return table(head, rows)


def limits_table(found: tuple[Scene, ...]) -> str:
    """Return the tasks a day that each part can take, the least in bold."""
    rows = []
    for scene in found:
        for lanes in LANES:
            limit = scene.limits(lanes)
            minimum = min(limit.values())
            cells = [
                f"**{_count(limit[part])}**" if limit[part] == minimum else _count(limit[part])
                for part in PARTS
            ]
            rows.append([scene.title, str(lanes), *cells])
    return table(["tasks", "lanes", *PARTS], rows)


def first_table(found: tuple[Scene, ...]) -> str:
    """Return what breaks first for each number of tasks a day."""
    rows = []
    for scene in found:
        for lanes in LANES:
            limit = scene.limits(lanes)
            cells = [first_to_break(limit, scene.outcome(scene.load(lanes, n)), n) or "–" for n in TASKS]
            rows.append([scene.title, str(lanes), *cells])
    return table(["tasks", "lanes", *(f"{n:,} a day" for n in TASKS)], rows)


def waiting_table(found: tuple[Scene, ...]) -> str:
    """Return what becomes of tasks, and the median time until a round takes one."""
    rows = []
    for scene in found:
        for lanes in LANES:
            cells = [_fate(scene.outcome(scene.load(lanes, n))) for n in TASKS]
            rows.append([scene.title, str(lanes), *cells])
    return table(["tasks", "lanes", *(f"{n:,} a day" for n in TASKS)], rows)


def roles_table(found: tuple[Scene, ...]) -> str:
    """Return what a day costs by role, with four lanes, ten tasks a day and the usual number of people."""
    rows = []
    for scene in found:
        of_day = scene.costs(scene.load(4, TASKS[0]))
        requests = requests_a_second(scene.network, scene.units, POLLS[scene.network.name], of_day.events)
        roles = {
            "data node, a task": of_day.data_node,
            "miner, a day": of_day.miner,
            "verifier, a day": of_day.verifier,
        }
        for role, day in roles.items():
            rows.append([scene.title, role, *_day(scene, day), _bytes(of_day.read), f"{requests:.2g}"])
        rows.append([scene.title, "all keepers, a day", _gas(scene, of_day.keepers), "", "", "", "", ""])
        replay = ["", "", _seconds(of_day.replay), _bytes(of_day.read), ""]
        rows.append([scene.title, "who replays the chain, a day", "0", *replay])
    head = ["tasks", "role", "gas", "sent", "fetched", "one thread", "read of the node", "requests a second"]
    return table(head, rows)


def people_table(found: tuple[Scene, ...]) -> str:
    """Return what miners and verifiers cost together by their number: an hour's tasks, four lanes."""
    scene = next(each for each in found if each.title == "sepolia, hour")
    rows = []
    for miners, verifiers in product(MINERS, VERIFIERS):
        load = scene.load(4, TASKS[0], miners)
        of_day, outcome = scene.costs(load, verifiers), scene.outcome(load)
        requests = requests_a_second(scene.network, scene.units, POLLS[scene.network.name], of_day.events)
        fetched = (of_day.miner.fetched * miners + of_day.verifier.fetched * verifiers) * load.days
        rows.append(
            [
                f"{miners:,}",
                f"{verifiers:,}",
                _count(of_day.crowd),
                _count(of_day.commitments),
                _count(of_day.gas.total),
                _bytes(fetched / max(outcome.done, 1)),
                f"{of_day.seats:.2g}",
                _count(requests * (miners + verifiers)),
            ]
        )
    head = [
        "miners",
        "verifiers",
        "at work in a round",
        "commitments",
        "gas of a task",
        "fetched by all, a task",
    ]
    return table([*head, "seats a verifier and day", "requests a second, all"], rows)


def money_table(found: tuple[Scene, ...]) -> str:
    """Return what a task's gas costs beside its reward, where a hundred miners and few lanes are there."""
    rows = []
    for scene in found:
        gas = scene.costs(scene.load(4, TASKS[0], MINERS[0])).gas
        reward, chain = scene.kind.reward, scene.network.parameters.chain
        share = committee_fee(reward, chain) / gas.seats
        for price in GAS_PRICES:
            wei = price * GWEI
            rows.append(
                [
                    scene.title,
                    _ether(reward),
                    f"{price} gwei",
                    *(_ether(each * wei) for each in (gas.data_node, gas.miners, gas.keepers)),
                    f"{_ether(gas.verifier * wei)} of {_ether(share)}",
                    f"{_percent(gas.total * wei / reward)}",
                ]
            )
    head = ["tasks", "reward", "gas price", "data node", "all miners", "keepers", "a seat, of its pay"]
    return table([*head, "all gas, of the reward"], rows)


def remedies_table(found: tuple[Scene, ...]) -> str:
    """Return what other rules for miners and verifiers would do, for an hour's tasks."""
    rows = []
    for scene in (each for each in found if each.kind.name == "hour"):
        for lanes in LANES[1:]:
            tasks, limit = OVERLOAD * capacity(scene.times, lanes), scene.limits(lanes)
            chosen = scene.costs(scene.load(lanes, tasks))
            set_bytes = scene.kind.samples * scene.units.kinds[scene.kind.name].sample_bytes
            places = scene.network.parameters.chain.max_solutions
            now_then = (
                (chosen.crowd * set_bytes, places * set_bytes),
                (limit[PROCESSOR], judged_when_drawn(scene)),
            )
            rows.append(
                [
                    scene.title,
                    str(lanes),
                    " → ".join(map(_count, now_then[1])),
                    " → ".join(map(_bytes, now_then[0])),
                ]
            )
    head = ["tasks", "lanes", "tasks a day: verifiers prepare when drawn"]
    return table([*head, "fetched by miners, a task: as many as places"], rows)


def judged_when_drawn(scene: Scene) -> float:
    """Return the tasks a day that verifiers could judge who prepare only what they are drawn for."""
    one, places = scene.units.kinds[scene.kind.name], scene.network.parameters.chain.max_solutions
    seconds = scene.kind.samples * (one.decrypt_seconds + places * one.evaluate_seconds)
    return DAY * USUAL[1] / scene.times.seats / seconds


def assumed_table() -> str:
    """Return what nobody measured."""
    rows = [
        ["everybody's way to its peers", f"{8 * BYTES_A_SECOND // 10**6} Mbit/s in either direction"],
        ["miners that never reveal; members that never vote, or never reveal", f"{_percent(ABSENT)} each"],
        ["miners that answer a round's call before they see that one has come", str(CALLED)],
        ["an Ethereum node answers", f"{NODE_REQUESTS:,} requests a second"],
        ["gas of a block", ", ".join(f"{name} {limit:,}" for name, limit in GAS_LIMITS.items())],
        ["gas that keeps its price", f"{_percent(FULL_BLOCKS)} of all"],
        ["a worker looks every", ", ".join(f"{name} {poll:g} s" for name, poll in POLLS.items())],
    ]
    rows += [
        [
            f"a task of kind {each.name}",
            f"`examples/{each.example}.json`, {each.train_count:,} + {each.test_count:,} samples, training "
            f"{each.training:,} s of at most {each.time_limit:,} s, reward {_ether(each.reward)}",
        ]
        for each in KINDS
    ]
    return table(["what", "assumed"], rows)


def units_table(units: Units) -> str:
    """Return what was measured of each kind of task."""
    head = [
        "task",
        "a sample",
        "other files",
        "keys",
        "a model",
        "encrypting a sample",
        "decrypting",
        "judging it",
    ]
    rows = []
    for name, one in units.kinds.items():
        sizes = (one.sample_bytes, one.task_bytes, one.keys_bytes, one.model_bytes)
        times = (one.encrypt_seconds, one.decrypt_seconds, one.evaluate_seconds)
        rows.append([name, *map(_bytes, sizes), *(f"{1000 * each:.3g} ms" for each in times)])
    looks = units.looks
    said = (
        f"Measured on {units.date}: {units.machine}. A look at the chain is {looks.same_block} request, at a "
        f"new block {looks.new_block}, after an event {looks.event}."
    )
    return f"{table(head, rows)}\n\n" + said.replace(". ", ".\n")


def chart(found: tuple[Scene, ...]) -> str:
    """Return the picture of the page: blocks by tasks posted, an hour's training, blocks of 12 seconds."""
    scene = next(each for each in found if each.title == "sepolia, hour")
    axes = Axes(
        "An hour's tasks in lanes, blocks of 12 seconds",
        "tasks posted a day",
        "tasks a day that end in a block",
        y_bottom=0,
    )
    curves = {}
    for lanes in LANES:
        for name, groups in (("as they choose", 1), ("apart", lanes)):
            if lanes > 1 or groups == 1:
                loads = [scene.load(lanes, n, groups=groups) for n in DRAWN]
                label = f"{lanes} lanes, {name}" if lanes > 1 else "1 lane"
                curves[label] = [(each.tasks_a_day, scene.outcome(each).done_a_day) for each in loads]
    return lines(axes, curves)


def cells(found: tuple[Scene, ...]) -> Iterator[dict[str, Any]]:
    """Yield every combination of tasks, miners, verifiers, lanes and networks, for --json."""
    for scene, lanes, verifiers in product(found, LANES, VERIFIERS):
        limit = scene.limits(lanes, verifiers)
        for tasks, miners in product(TASKS, MINERS):
            load = scene.load(lanes, tasks, miners)
            outcome = scene.outcome(load)
            yield {
                "network": scene.network.name,
                "kind": scene.kind.name,
                "lanes": lanes,
                "tasksADay": tasks,
                "miners": miners,
                "verifiers": verifiers,
                "breaksFirst": first_to_break(limit, outcome, tasks),
                "days": load.days,
                "outcome": _numbers(outcome),
                "costs": asdict(scene.costs(load, verifiers)),
            }


@cache
def _simulated(scene: Scene, load: Load) -> Outcome:
    return simulate(scene.times, load, scene.seed)


def _numbers(outcome: Outcome) -> dict[str, Any]:
    content = asdict(outcome)
    waits = content.pop("waits")
    return content | {"medianWait": median(waits) if waits else None}


def _fate(outcome: Outcome) -> str:
    arrived = max(outcome.arrived, 1)
    parts = [f"{_percent(outcome.done / arrived)} done"]
    parts += [
        f"{_percent(n / arrived)} {name}"
        for n, name in ((outcome.void, "void"), (outcome.dropped, "out"))
        if n
    ]
    waits = outcome.waits
    return f"{', '.join(parts)}; {_seconds(median(waits))}" if waits else ", ".join(parts)


def _gas(scene: Scene, gas: float) -> str:
    return f"{gas:,.0f} ({gas / scene.network.gas_limit:.2g} blocks)"


def _day(scene: Scene, day: Day) -> list[str]:
    return [_gas(scene, day.gas), _bytes(day.sent), _bytes(day.fetched), _seconds(day.seconds)]


def _percent(part: float) -> str:
    return f"{100 * part:.0f} %"


def _count(number: float) -> str:
    if number == float("inf"):
        return "–"
    return f"{number:,.0f}" if number >= 9.95 else f"{number:.2g}"


def _bytes(number: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:,.3g} TB" if number < 1000 else f"{number:,.0f} TB"


def _seconds(seconds: float) -> str:
    for unit, size in (("s", 60.0), ("min", 60.0), ("h", 48.0)):
        if seconds < size:
            return f"{seconds:.2g} {unit}" if seconds < 100 else f"{seconds:.0f} {unit}"
        seconds /= 24 if unit == "h" else 60
    return f"{seconds:.2g} d"


def _ether(wei: float) -> str:
    return f"{wei / ETHER:.3g} ETH"
