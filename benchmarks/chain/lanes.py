"""How many tasks an hour a network gets done by lanes: python -m benchmarks.chain.lanes --lanes 1 --lanes 4.

Starts a devnet with 3 data nodes, 6 miners and 7 verifiers as processes for each number of lanes, posts the
same tasks on Iris while nobody works, and measures from the opening of the first round to the end of the
last. `--training SECONDS` keeps submissions open for so long: a task of a minute's training, without its
load. Requests are counted on their way to the node.
"""

import json
import platform
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from statistics import median
from threading import Lock, Thread
from typing import Any, Final

import click
import requests
from rich.console import Console
from scripts.demo.network import REPOSITORY, Ground, free_ports, parameters_with, prepare_ground
from scripts.demo.play import rounds_ended
from scripts.demo.setting import Setting, set_up
from scripts.demo.story import Story
from scripts.demo.tasks import Task, post_tasks

from pole.adapters.ethereum.chain_log import read_chain_log

CAST: Final = {"data_nodes": 3, "miners": 6, "verifiers": 7}
PATIENCE: Final = 200.0
JSON: Final = {"Content-Type": "application/json"}


@dataclass(slots=True)
class Node:
    """A way to the node that counts the requests that take it by what they ask; a batch is one request."""

    url: str
    asked: Counter[str] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock)

    @property
    def requests(self) -> int:
        """Return how many requests took this way."""
        return self.asked.total()

    def note(self, body: bytes) -> None:
        """Count a request under its methods."""
        content = json.loads(body)
        methods = [each["method"] for each in (content if isinstance(content, list) else [content])]
        with self._lock:
            self.asked[" + ".join(dict.fromkeys(methods))] += 1


@dataclass(frozen=True, slots=True)
class Measured:
    """What one number of lanes gave: seconds and requests from first opening to last end, blocks' times."""

    lanes: int
    seconds: float
    requests: int
    blocks: tuple[int, ...]
    void: int

    def row(self, tasks: int) -> str:
        """Return the line of the table."""
        gaps = [later - earlier for earlier, later in pairwise(sorted(self.blocks))]
        rate = self.requests / self.seconds / sum(CAST.values())
        return (
            f"| {self.lanes} | {tasks} | {self.seconds:.0f} | {3600 * tasks / self.seconds:.0f} | "
            f"{median(gaps) if gaps else 0:g} | {self.void} | {rate:.1f} |"
        )


@click.command(epilog="Example: python -m benchmarks.chain.lanes --lanes 1 --lanes 4 --tasks 12")
@click.option("--lanes", "counts", multiple=True, type=click.IntRange(1, 16), default=(1, 2, 4))
@click.option("--tasks", type=click.IntRange(1), default=12, show_default=True)
@click.option(
    "--training", type=click.IntRange(1), default=6, show_default=True, help="Seconds, at the least."
)
def main(*, counts: tuple[int, ...], tasks: int, training: int) -> None:
    """Print tasks an hour, the time between blocks and requests a worker and second, by lanes."""
    print(f"{(platform.node() and platform.processor()) or platform.machine()}, {datetime.now(UTC):%Y-%m-%d}")
    print(
        "| lanes | tasks | seconds | tasks an hour | median s between blocks | void | requests/(worker·s) |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for lanes in counts:
        print(measure(lanes, tasks, training).row(tasks), flush=True)


def measure(lanes: int, tasks: int, training: int) -> Measured:
    """Play the tasks in so many lanes."""
    folder = REPOSITORY / "build" / "benchmark-lanes"
    ground = prepare_ground(folder, block_time=1, ports=free_ports())
    with ExitStack() as at_end:
        node = at_end.enter_context(counted(ground.place.rpc))
        ground = replace(ground, place=replace(ground.place, rpc=node.url))
        setting = set_up(
            Story(Console(quiet=True)),
            ground,
            at_end,
            CAST,
            stays=False,
            parameters=_parameters(folder, lanes),
        )
        _post(setting, ground, tasks, training)
        setting.stage.wait_for("a round", lambda: _openings(setting) > 0, patience=PATIENCE)
        before = node.requests
        setting.stage.wait_for(
            "the rounds to end", lambda: rounds_ended(setting.reader) >= tasks, patience=PATIENCE * tasks
        )
        asked = node.requests - before
        log = read_chain_log(setting.reader)
        opened = min(_opened(setting, block.header.round_id) for block in log.blocks)
    ended = max(block.header.timestamp for block in log.blocks)
    times = tuple(block.header.timestamp for block in log.blocks)
    return Measured(lanes, float(ended - opened), asked, times, len(log.void_rounds))


@contextmanager
def counted(target: str) -> Iterator[Node]:
    """Stand between the workers and the node at `target`, and count."""

    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            node.note(body)
            told = requests.post(target, data=body, headers=JSON, timeout=PATIENCE).content
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
    node = Node(f"http://127.0.0.1:{server.server_address[1]}")
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield node
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _parameters(folder: Path, lanes: int) -> Path:
    return parameters_with(folder, committee={"lanes": lanes, "penalty": "0.125"})


def _post(setting: Setting, ground: Ground, tasks: int, training: int) -> None:
    """Post the tasks while nobody works, so that all lanes begin with a full list."""
    fleet, cast = setting.stage.fleet, setting.stage.cast
    for worker in cast:
        fleet.pause(worker.name)
    options = ("--train-accuracy", "80", "--allow-disclosure", "rank", "--min-time", str(training))
    task = Task("iris", "Iris", "8 query vectors", "1", 60 + training, options)
    for _ in post_tasks([task] * tasks, setting.stage.of_role("data-node"), ground.place):
        pass
    for worker in cast:
        fleet.resume(worker.name)


def _openings(setting: Setting) -> int:
    return sum(moment.round_id > 0 for moment in setting.reader.moments())


def _opened(setting: Setting, round_id: int) -> int:
    return setting.reader.round(round_id).opened_at


if __name__ == "__main__":
    main()
