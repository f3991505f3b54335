"""The explorer's speed on a generated history.

    python -m benchmarks.chain.explorer [--rounds 10000] [--clients 20]

Prints the events a second that the index takes, and how long an index takes to open. For each page it prints
the milliseconds of processor that an answer takes to make, and the median and the 95th percentile of those
that clients wait who ask side by side. Then it prints the server's memory, and what a node alone would take.
The server is a process of its own, whose chain has a block a second, so that answers are made anew.
"""

import argparse
import math
import multiprocessing
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from http.client import HTTPConnection
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import func, select
from tests.unit.explore.chains import where
from tests.unit.explore.generated import GeneratedChain
from tests.unit.protocol.example_rounds import PARAMETERS

from benchmarks.chain.explorer_node import print_node
from benchmarks.common.resident import highest, processor
from pole.adapters.history.pages import BlockMark
from pole.errors import PoleError
from pole.explore import schema
from pole.explore.database import open_database, sqlite_dsn
from pole.explore.index.following import EventDatabase
from pole.explore.server.app import application
from pole.explore.server.serving import listen, serve, url_of

PATIENCE = 60
ALONE = 20
"""Times that a page is asked for by one alone, each time made anew."""


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=4.0, help="that clients ask for each page")
    parser.add_argument(
        "--index", type=Path, help="keep the index in this file, or use the one that is there"
    )
    given = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as folder:
        file = given.index or Path(folder) / "index.sqlite"
        if not file.exists():
            print_indexing(file, GeneratedChain(given.rounds))
        index = timed_opening(file)
        with index.engine.connect() as connection:
            events = connection.execute(select(func.count()).select_from(schema.events)).scalar_one()
        with served(file) as (url, process):
            print_pages(url, process, paths_of(index), given.clients, given.seconds)
            print(f"the server's process had {highest(process) / 2**20:,.0f} MiB in memory at most")
    print_node(events)


def print_indexing(file: Path, chain: GeneratedChain) -> None:
    began = time.perf_counter()
    events = sum(
        len(chain.page(first, min(first + 1_999, chain.head().number)).events)
        for first in range(chain.first_block, chain.head().number + 1, 2_000)
    )
    made = time.perf_counter() - began
    index = EventDatabase(open_database(sqlite_dsn(file)), where(PARAMETERS))
    began = time.perf_counter()
    index.catch_up(chain)
    taken = time.perf_counter() - began
    rates = (events / taken, events / (taken - made))
    print(f"{events:,} events: {rates[0]:,.0f} a second, {rates[1]:,.0f} without their making")
    print(f"{file.stat().st_size / 2**20:,.0f} MiB")


def timed_opening(file: Path) -> EventDatabase:
    began = time.perf_counter()
    index = EventDatabase(open_database(sqlite_dsn(file)), where(PARAMETERS))
    index.newest()
    print(f"opened in {1_000 * (time.perf_counter() - began):.0f} ms")
    return index


def paths_of(index: EventDatabase) -> list[str]:
    """Return every page, those of one thing for one in the middle."""
    with index.engine.connect() as connection:
        newest = connection.execute(select(func.max(schema.rounds.c.round_id))).scalar_one()
        height = connection.execute(select(func.max(schema.pole_blocks.c.height))).scalar_one() // 2
        miner = connection.execute(select(schema.solutions.c.miner)).scalars().first()
        sent = connection.execute(select(schema.events.c.transaction)).scalars().first()
    assert sent is not None
    middle = newest // 2
    return [
        *("", "tasks", f"tasks/{middle}", "rounds", f"rounds/{middle}", "rounds?state=void", "blocks"),
        *(f"blocks/{height}", f"blocks/{height}/records/1", f"accounts/{miner}"),
        *(f"transactions/0x{sent.hex()}", "miners?days=90", "verifiers?days=90", "economics?days=365"),
        *("search?q=7", f"search?q=0x{sent.hex()}", "search?q=bafymodel"),
    ]


@contextmanager
def served(file: Path) -> Iterator[tuple[str, int]]:
    """Serve an index in a process of its own; yield its URL and the process's id."""
    spawning = multiprocessing.get_context("spawn")
    here, there = spawning.Pipe()
    process = spawning.Process(target=serve_index, args=(file, there))
    process.start()
    assert process.pid is not None
    try:
        yield here.recv(), process.pid
    finally:
        process.terminate()
        process.join()


def serve_index(file: Path, pipe: Connection) -> None:
    index = EventDatabase(open_database(sqlite_dsn(file)), where(PARAMETERS))
    head, began = index.newest(), time.monotonic()
    assert head is not None

    def look() -> BlockMark:
        passed = int(time.monotonic() - began)
        return replace(head, number=head.number + passed, time=head.time + passed)

    listening = listen("127.0.0.1", 0)
    serve(application(index, look, ()), listening, lambda: pipe.send(url_of(listening)))


def print_pages(url: str, process: int, paths: list[str], clients: int, seconds: float) -> None:
    print(f"{'page':<36} {'made ms':>8} {'median ms':>10} {'p95 ms':>8} {'answers':>8}")
    with closing(_connected(url)) as stream:
        stream.request("GET", "/stream")
        for path in paths:
            made = made_anew(f"{url}{path}", process)
            waits = sorted(waits_of(clients, seconds, f"{url}{path}"))
            usual, slow = statistics.median(waits), waits[math.ceil(0.95 * len(waits)) - 1]
            print(f"/{path[:34]:<35} {made:>8.1f} {usual:>10.1f} {slow:>8.1f} {len(waits):>8,}", flush=True)


def made_anew(url: str, process: int) -> float:
    """Return the milliseconds of processor of an answer that is not kept, in the mean.

    Each question has a part that none had before. The first, which may read much from disk, does not count.
    """
    with closing(_connected(url)) as connection:
        for number in range(ALONE + 1):
            if number == 1:
                before = processor(process)
            _asked(connection, f"{url}{'&' if '?' in url else '?'}anew={number}")
    return 1_000 * (processor(process) - before) / ALONE


def waits_of(clients: int, seconds: float, url: str) -> list[float]:
    """Return the milliseconds that each of all questions took, of clients that ask one after the other."""
    waits: list[float] = []
    end = time.monotonic() + seconds

    def ask() -> None:
        with closing(_connected(url)) as connection:
            while time.monotonic() < end:
                waits.append(_asked(connection, url))

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return waits


def _connected(url: str) -> HTTPConnection:
    return HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)


def _asked(connection: HTTPConnection, url: str) -> float:
    parts = urlsplit(url)
    began = time.perf_counter()
    connection.request("GET", f"{parts.path}?{parts.query}")
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise PoleError(f"{url} answered with {answer.status}.")
    return 1_000 * (time.perf_counter() - began)


if __name__ == "__main__":
    main(sys.argv[1:])
