"""Rounds of real processes with faults on all sides: python -m scripts.soak --rounds 10 --seed 1.

What goes wrong when is a function of the seed; how the processes race is not. Clocks are not set wrong: no
worker reads one that can be, all time is the chain's or that since the start of the machine.
"""

import json
import math
import platform
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from threading import Thread, Timer
from typing import Any, Final

import click
from scripts.demo.cast import Worker
from scripts.demo.network import StepError
from scripts.demo.play import rounds_ended
from scripts.demo.tasks import Task, post_tasks
from scripts.soak.checks import Promise, check
from scripts.soak.faults import Undo, begin
from scripts.soak.network import Network, set_up
from scripts.soak.plan import Planned, bursts, is_challenged, plan

from pole.adapters.ethereum.chain_log import read_chain_log
from pole.adapters.machine.devnet import ChainProgram
from pole.errors import UnreachableError
from pole.protocol.state import Phase

TICK: Final = 0.2
SAMPLE: Final = 20.0
PATIENCE: Final = 300.0
"""Seconds in which a round of some lane must end."""
MANY: Final = 100_000
OPTIONS: Final = ("--train-accuracy", "80", "--allow-disclosure", "rank")
TASK: Final = Task("iris", "Iris", "8 query vectors", "1", 60, OPTIONS)


@dataclass(slots=True)
class Soak:
    """A run: the network, what is planned, what began, and what was measured."""

    network: Network
    seed: int
    planned: tuple[Planned, ...]
    began: list[Planned] = field(default_factory=list)
    undoing: list[tuple[Timer, Undo]] = field(default_factory=list)
    challenged: set[int] = field(default_factory=set)
    memory: dict[str, list[int]] = field(default_factory=dict)
    descriptors: dict[str, list[int]] = field(default_factory=dict)
    next_at: float = 0.0
    sampled_at: float = 0.0

    def tick(self) -> None:
        """Do what is due: faults begin and end, who was killed starts again, a stranger challenges."""
        now = time.monotonic()
        self.network.start_again()
        self.undoing = [each for each in self.undoing if each[0].is_alive()]
        if now >= self.next_at:
            self._begin(self.planned[len(self.began)])
            self.next_at = now + self.planned[len(self.began)].after
        if now >= self.sampled_at + SAMPLE:
            self.sampled_at = now
            self._sample()
        with suppress(UnreachableError):
            self._challenge()

    def calm(self) -> None:
        """End every fault, and begin no more."""
        self.next_at = math.inf
        for timer, undo in self.undoing:
            timer.cancel()
            undo()
        self.undoing.clear()
        self.network.start_again()

    def _begin(self, fault: Planned) -> None:
        """Let a fault begin; a clock of its own ends it, for what watches may wait for a node that stands."""
        undo = begin(self.network, fault)
        timer = Timer(fault.seconds, undo)
        timer.daemon = True
        timer.start()
        self.undoing.append((timer, undo))
        self.began.append(fault)

    def _sample(self) -> None:
        for worker in self.network.cast:
            folder = Path("/proc") / str(self.network.pid(worker.name))
            try:
                resident = int((folder / "statm").read_text().split()[1]) * 4096
                count = sum(1 for _ in (folder / "fd").iterdir())
            except OSError:
                # It was killed just now.
                continue
            self.memory.setdefault(worker.name, []).append(resident)
            self.descriptors.setdefault(worker.name, []).append(count)

    def _challenge(self) -> None:
        reader = self.network.reader
        for moment in reader.moments():
            if moment.phase is not Phase.CHALLENGE or moment.ballot_id in self.challenged:
                continue
            if moment.attempt or not is_challenged(self.seed, moment.round_id):
                continue
            self.challenged.add(moment.ballot_id)
            bond = reader.view("PoLeChain", "challengeBond", moment.round_id, moment.attempt)
            stranger = reader.w3.eth.accounts[-1]
            challenge = reader.contracts["PoLeChain"].functions.challenge(moment.round_id)
            challenge.transact({"from": stranger, "value": bond, "gas": 1_000_000})


@click.command(epilog="Example: python -m scripts.soak --rounds 10 --seed 1 --json build/soak.json")
@click.option("--rounds", type=click.IntRange(1), default=10, show_default=True, help="Tasks to be trained.")
@click.option("--minutes", type=click.FloatRange(1), help="Stop posting tasks after so long.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--lanes", type=click.IntRange(1, 4), default=2, show_default=True)
@click.option("--chain", type=click.Choice([each.value for each in ChainProgram]), default="ganache")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the outcome to this file.")
def main(
    *, rounds: int, minutes: float | None, seed: int, lanes: int, chain: str, json_file: Path | None
) -> None:
    """Play rounds while things go wrong, and check at the end that nothing was lost.

    The exit code is 1 where a promise was broken.
    """
    print(f"{platform.processor() or platform.machine()}, {datetime.now(UTC):%Y-%m-%d}, {chain}, seed {seed}")
    with ExitStack() as at_end:
        network = set_up(at_end, seed, lanes, ChainProgram(chain))
        soak = Soak(network, seed, plan(seed, [worker.name for worker in network.cast], MANY))
        until = time.monotonic() + 60 * minutes if minutes else float("inf")
        started, posted = time.monotonic(), 0
        for burst in bursts(seed, rounds, lanes):
            if time.monotonic() > until:
                break
            _play(soak, burst)
            posted += burst
        soak.calm()
        _wait(soak)
        promises = check(network, soak.descriptors)
        outcome = _outcome(soak, promises, posted, time.monotonic() - started)
    _show(outcome, promises)
    if json_file is not None:
        json_file.write_text(json.dumps(outcome, indent=2) + "\n")
    sys.exit(1 if any(promise.broken for promise in promises) else 0)


def _play(soak: Soak, burst: int) -> None:
    """Post some tasks, and let everything happen until their rounds have ended."""
    network = soak.network
    owners = cycle(worker for worker in network.cast if worker.role == "data-node")
    failed: list[BaseException] = []

    def post() -> None:
        try:
            for _ in range(burst):
                _post_one(network, next(owners))
        except Exception as error:  # noqa: BLE001 - it is raised by who waits
            failed.append(error)

    posting = Thread(target=post)
    posting.start()
    while posting.is_alive():
        soak.tick()
        time.sleep(TICK)
    for error in failed:
        raise error
    _wait(soak)


def _post_one(network: Network, owner: Worker) -> None:
    """Post a task, again where the network is down: one that was broken off may then be there twice."""
    while True:
        try:
            list(post_tasks([TASK], [owner], network.ground.place))
        except StepError as error:
            print(f"posting again: {str(error).splitlines()[-1]}", file=sys.stderr)
        else:
            return


def _wait(soak: Soak) -> None:
    """Let everything happen until the rounds of all tasks have ended."""
    ended, since = -1, time.monotonic()
    while True:
        soak.tick()
        with suppress(UnreachableError):
            now_ended, left = rounds_ended(soak.network.reader), _tasks_left(soak.network)
            if now_ended != ended:
                ended, since = now_ended, time.monotonic()
                print(f"{ended} rounds ended, {len(soak.began)} faults", file=sys.stderr, flush=True)
            if not left:
                return
        if time.monotonic() > since + PATIENCE:
            raise SystemExit(f"No round ended for {PATIENCE:.0f} s: see {soak.network.fleet.logs}.")
        time.sleep(TICK)


def _tasks_left(network: Network) -> int:
    """Return how many tasks wait or are in a round."""
    moments = network.reader.moments()
    in_rounds = [m for m in moments if m.round_id and not m.has_ended(m.round_id)]
    return moments[0].waiting + sum(not network.reader.round(m.round_id).is_idle for m in in_rounds)


def _outcome(soak: Soak, promises: tuple[Promise, ...], posted: int, seconds: float) -> dict[str, Any]:
    log = read_chain_log(soak.network.reader)
    tasks = [block for block in log.blocks if block.header.task_id]
    kinds = [fault.fault.value for fault in soak.began]
    return {
        "tasks": posted,
        "seconds": round(seconds),
        "blocks": len(tasks),
        "idleBlocks": len(log.blocks) - len(tasks),
        "void": {str(number): reason.name for number, reason in log.void_rounds.items()},
        "challenges": len(soak.challenged),
        "faults": {kind: kinds.count(kind) for kind in sorted(set(kinds))},
        "mebibytes": {
            name: [round(values[0] / 2**20), round(values[-1] / 2**20)]
            for name, values in soak.memory.items()
        },
        "broken": {promise.sentence: list(promise.broken) for promise in promises if promise.broken},
    }


def _show(outcome: dict[str, Any], promises: tuple[Promise, ...]) -> None:
    print(
        f"{outcome['tasks']} tasks in {outcome['seconds']} s: {outcome['blocks']} blocks, "
        f"{outcome['idleBlocks']} of idle rounds, {len(outcome['void'])} void rounds, "
        f"{outcome['challenges']} challenges, {sum(outcome['faults'].values())} faults:"
    )
    for kind, count in outcome["faults"].items():
        print(f"  {count:4}  {kind}")
    for number, reason in outcome["void"].items():
        print(f"  round {number} is void: {reason}")
    for name, (first, last) in outcome["mebibytes"].items():
        print(f"  {name}: {first} MiB at the first sample, {last} at the last")
    for promise in promises:
        print(f"{'BROKEN' if promise.broken else 'kept  '}  {promise.sentence}")
        for what in promise.broken:
            print(f"          {what}")


if __name__ == "__main__":
    main()
