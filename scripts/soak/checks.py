"""What must hold after all faults: each promise with what breaks it."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.soak.network import Network

from pole.adapters.ethereum.history_source import read_history
from pole.adapters.storage.journal import SendState
from pole.errors import PoleError
from pole.protocol.replay.earnings.miner import miner_rows
from pole.protocol.replay.earnings.places import Row
from pole.protocol.replay.earnings.verifier import verifier_rows
from pole.protocol.replay.history import replayed_rounds, verify_history


@dataclass(frozen=True, slots=True)
class Promise:
    """A sentence that must hold, and what breaks it."""

    sentence: str
    broken: tuple[str, ...]


def check(network: Network, descriptors: dict[str, list[int]]) -> tuple[Promise, ...]:
    """Return every promise."""
    return (
        Promise("the chain verifies from its first block", tuple(_verified(network))),
        Promise("the reservoir holds what its books say, to the wei", tuple(_ether(network))),
        Promise("nobody lost a bond or a part of a stake", tuple(_losses(network))),
        Promise("nothing was done twice", tuple(_doubled(network))),
        Promise("no worker ended but by a kill", tuple(f"{name} ({code})" for name, code in network.ended)),
        Promise("no descriptor is leaked", tuple(_leaks(descriptors))),
    )


def _verified(network: Network) -> Iterator[str]:
    try:
        verify_history(read_history(network.reader))
    except PoleError as error:
        yield str(error)


def _ether(network: Network) -> Iterator[str]:
    address = network.reader.contracts["RewardReservoir"].address
    held, books = network.reader.balance_of(address), int(network.reader.view("RewardReservoir", "total"))
    if held != books:
        yield f"{held} wei, and {books} in the books"


def _losses(network: Network) -> Iterator[str]:
    history = read_history(network.reader)
    parameters, rounds = history.around.parameters, list(replayed_rounds(history))
    for worker in network.cast:
        address = network.addresses[worker.name]
        mined = miner_rows(rounds, address, parameters)
        judged = verifier_rows(rounds, address, parameters, history.around.books)
        rows: list[Row] = [*mined, *judged]
        for row in rows:
            if row.lost:
                yield f"{worker.name} lost {row.lost} wei in round {row.place.round_id}"


def _doubled(network: Network) -> Iterator[str]:
    for worker in network.cast:
        for journal in worker.home.rglob("journal.sqlite"):
            for intent, count in _done(journal):
                yield f"{worker.name} sent {intent} {count} times"


def _done(journal: Path) -> list[tuple[str, int]]:
    with sqlite3.connect(f"file:{journal}?mode=ro", uri=True) as connection:
        return connection.execute(
            "SELECT intent, COUNT(*) FROM transactions WHERE state = ? GROUP BY intent HAVING COUNT(*) > 1",
            (SendState.DONE.value,),
        ).fetchall()


def _leaks(descriptors: dict[str, list[int]]) -> Iterator[str]:
    """A process that leaks has more with every round: each sample of the last half is above all before."""
    for name, counts in descriptors.items():
        half = len(counts) // 2
        if half >= 3 and min(counts[half:]) > max(counts[:half]) + half:
            yield f"{name} has {counts[-1]}, had {counts[0]}"
