"""The explorer's speed on a generated history: python -m benchmarks.explorer [--rounds 10000] [--clients 20].

Prints the events a second that the index takes, how long an index takes to open, and for each page the median
and the 95th percentile of the milliseconds that clients wait who ask side by side.
"""

import argparse
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import requests
import uvicorn
from sqlalchemy import func, select
from tests.unit.explore.chains import where
from tests.unit.explore.generated import GeneratedChain
from tests.unit.protocol.example_rounds import PARAMETERS

from pole.explore import schema
from pole.explore.database import open_database, sqlite_dsn
from pole.explore.index.following import EventDatabase
from pole.explore.server.app import application
from pole.explore.server.serving import listen, url_of

PATIENCE = 60


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--asks", type=int, default=10, help="times that each client asks for a page")
    parser.add_argument(
        "--index", type=Path, help="keep the index in this file, or use the one that is there"
    )
    given = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as folder:
        file = given.index or Path(folder) / "index.sqlite"
        chain = GeneratedChain(given.rounds)
        if not file.exists():
            print_indexing(file, chain)
        index = timed_opening(file)
        print_pages(index, chain, given.clients, given.asks)


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
    with index.engine.connect() as connection:
        newest = connection.execute(select(func.max(schema.rounds.c.round_id))).scalar_one()
        miner = connection.execute(select(schema.solutions.c.miner)).scalars().first()
        sent = connection.execute(select(schema.events.c.transaction)).scalars().first()
    assert sent is not None
    middle = newest // 2
    return [
        *("", "tasks", f"tasks/{middle}", "rounds", f"rounds/{middle}", "rounds?state=void", "blocks"),
        *(f"blocks/{middle // 2}", f"accounts/{miner}", f"transactions/0x{sent.hex()}", "search?q=7"),
    ]


def print_pages(index: EventDatabase, chain: GeneratedChain, clients: int, asks: int) -> None:
    listening = listen("127.0.0.1", 0)
    config = uvicorn.Config(application(index, chain.head, ()), log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    url, paths = url_of(listening), paths_of(index)
    stream = requests.get(f"{url}stream", stream=True, timeout=PATIENCE)
    try:
        print(f"{'page':<44} {'median ms':>10} {'p95 ms':>8}")
        for path in paths:
            waits = sorted(waits_of(clients, asks, f"{url}{path}"))
            slow = waits[int(0.95 * len(waits))]
            print(f"/{path[:42]:<43} {statistics.median(waits):>10.1f} {slow:>8.1f}")
    finally:
        stream.close()
        server.should_exit = True
        thread.join()


def waits_of(clients: int, asks: int, url: str) -> list[float]:
    """Return the milliseconds that each of all questions took, of clients that ask one after the other."""
    waits: list[float] = []

    def ask() -> None:
        with requests.Session() as session:
            session.trust_env = False
            for _ in range(asks):
                began = time.perf_counter()
                session.get(url, timeout=PATIENCE).raise_for_status()
                waits.append(1_000 * (time.perf_counter() - began))

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return waits


if __name__ == "__main__":
    main(sys.argv[1:])
