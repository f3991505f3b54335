"""Blocks of the real system: chain, IPFS, contracts, data nodes, miners and verifiers as processes."""

import json
import os
from collections import defaultdict
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from rich.console import Console
from scripts.demo.network import free_ports, parameters_with, prepare_ground
from scripts.demo.play import rounds_ended
from scripts.demo.setting import Setting, set_up
from scripts.demo.story import Story
from scripts.demo.tasks import Task, post_tasks

from experiments.problems.networks import CSML_4, small_cnn
from experiments.running.environment import REPOSITORY
from experiments.running.progress import now_and_then
from pole.adapters.ethereum.chain_log import LoggedBlock, read_chain_log
from pole.learning.data.datasets import data_directory, load, subset

CAST: Final = {"data_nodes": 5, "miners": 3, "verifiers": 4}
PATIENCE: Final = 300.0
SHAPE: Final = (1, 28, 28)
PARTS: Final = ("opening and keys", "decrypting", "training", "waiting for solutions", "judging")


@dataclass(frozen=True, slots=True)
class Play:
    """Blocks to make, the MNIST samples of each task to train and to test, and how many of each role play."""

    blocks: int
    samples: tuple[int, int]
    cast: Mapping[str, int] = field(default_factory=lambda: CAST)
    folder: Path = REPOSITORY / "build" / "experiment-blocks"


def block_times(play: Play) -> Mapping[str, list[float]]:
    """Return the seconds between blocks, and of each block the seconds that each part of it took.

    One round more is played than there are blocks asked for: the first is where time begins. Nobody works
    while tasks are encrypted and posted. Raises PoleError where a round gives no block.
    """
    ground = prepare_ground(play.folder, block_time=1, ports=free_ports())
    story = Story(Console(quiet=True))
    with ExitStack() as at_end:
        # One round after the other, as in the paper: with several lanes, blocks come at the pace of all.
        parameters = parameters_with(ground.folder, committee={"lanes": 1})
        setting = set_up(story, ground, at_end, play.cast, stays=False, parameters=parameters)
        _post_all(setting, play)
        rounds, say = play.blocks + 1, now_and_then()

        def all_over() -> bool:
            ended = rounds_ended(setting.reader)
            say(f"{ended} of {rounds} rounds are over")
            return ended >= rounds

        setting.stage.wait_for(f"{rounds} rounds to end", all_over, patience=PATIENCE * rounds)
        blocks = read_chain_log(setting.reader).blocks
        setting.stage.fleet.stop()
    spoken = _spoken(setting.stage.fleet.logs)
    found: dict[str, list[float]] = defaultdict(list)
    for before, block in pairwise(blocks):
        found["interval"].append(block.header.timestamp - before.header.timestamp)
        parts = breakdown(spoken[block.header.round_id], before, block, setting.names)
        for part, seconds in zip(PARTS, parts, strict=True):
            found[part].append(round(seconds, 2))
    return found


def breakdown(
    events: Mapping[tuple[str, str], float],
    before: LoggedBlock,
    block: LoggedBlock,
    names: Mapping[str, str],
) -> tuple[float, ...]:
    """Return the seconds of each part of a block; `events` is when each worker first told of each."""
    winner = names[block.header.winner]
    times = [
        float(before.header.timestamp),
        _first(events, "keys-issued"),
        events[winner, "training"],
        events[winner, "committed"],
        _first(events, "closed"),
        float(block.header.timestamp),
    ]
    return tuple(later - earlier for earlier, later in pairwise(times))


def _first(events: Mapping[tuple[str, str], float], name: str) -> float:
    return min(when for (_, event), when in events.items() if event == name)


def _post_all(setting: Setting, play: Play) -> None:
    fleet, cast = setting.stage.fleet, setting.stage.cast
    for worker in cast:
        fleet.pause(worker.name)
    options = ("--train-accuracy", "97", "--allow-disclosure", "rank")
    specification = setting.ground.folder / "small-cnn.json"
    specification.write_bytes(small_cnn(SHAPE, CSML_4).canonical_bytes())
    data = str(_part_of_mnist(setting, play))
    task = Task(data, "MNIST", "4 filters of 3x3", "0.5", 240, options, specification)
    tasks = [task] * (play.blocks + 1)
    say = now_and_then()
    for _, number in post_tasks(tasks, setting.stage.of_role("data-node"), setting.ground.place):
        say(f"posted task {number} of {len(tasks)}")
    for worker in cast:
        fleet.resume(worker.name)


def _part_of_mnist(setting: Setting, play: Play) -> Path:
    """Write the samples of a task to a file: what posting measures and attacks is they alone."""
    part = subset(load("mnist", data_directory(os.environ, Path.cwd())), *play.samples, seed=0)
    path = setting.ground.folder / "mnist.npz"
    x_train, x_test = (each.reshape(-1, *SHAPE) for each in (part.x_train, part.x_test))
    np.savez(path, x_train=x_train, y_train=part.y_train, x_test=x_test, y_test=part.y_test)
    return path


def _spoken(logs: Path) -> Mapping[int, Mapping[tuple[str, str], float]]:
    """Return for each round when each worker first told of each event, in seconds of the epoch."""
    found: dict[int, dict[tuple[str, str], float]] = defaultdict(dict)
    for log in logs.glob("*.log"):
        for line in log.read_text().splitlines():
            entry = json.loads(line) if line.startswith("{") else {}
            number = entry.get("details", {}).get("round")
            if number is not None:
                when = datetime.fromisoformat(entry["time"]).timestamp()
                found[number].setdefault((log.stem, entry["event"]), when)
    return found
