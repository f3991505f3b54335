"""What goes wrong when, and to whom: a pure function of a seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Final


class Fault(Enum):
    """What can go wrong."""

    KILLED = "killed at a random moment"
    KILLED_UNSIGNED = "killed before a transaction is in the journal"
    KILLED_UNSENT = "killed with a transaction in the journal that was not sent"
    KILLED_UNHEARD = "killed with a transaction sent and not answered"
    KILLED_UNNOTED = "killed with a receipt that was not noted"
    STOPPED = "stopped for a while"
    FULL_DISK = "no byte more on its disk"
    BAD_ANSWERS = "one answer in ten is none"
    LOST_ANSWER = "the answer to a transaction is lost"
    DOUBLED = "transactions reach the node twice"
    DELAYED = "transactions reach the node late"
    KNOWN = "the node says that it knows a transaction, and takes it"
    UNDERPRICED = "the node says that a transaction pays too little, and takes it"
    STALE = "the newest block is three blocks old"
    OTHER_CHAIN = "the node says that it is another chain"
    NO_IPFS = "the IPFS daemon is killed"
    NO_NODE = "the Ethereum node stops for a while"


OF_ALL: Final = frozenset({Fault.NO_IPFS, Fault.NO_NODE})
"""What hits everybody at once."""
LONGEST: Final = {Fault.STOPPED: 20.0, Fault.NO_NODE: 10.0, Fault.NO_IPFS: 6.0}
USUAL: Final = 15.0
"""Seconds that a fault lasts at most."""
PAUSES: Final = (1.0, 8.0)
"""Seconds between the beginnings of two faults."""
CHALLENGED: Final = 6
"""One round in so many has its tally challenged by a stranger, who has no reason to."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault, the worker it hits ("" for all), seconds since the one before began, and that it lasts."""

    fault: Fault
    worker: str
    after: float
    seconds: float


def plan(seed: int, workers: Sequence[str], count: int) -> tuple[Planned, ...]:
    """Return so many faults in turn; of any seventeen that begin a series each kind is there once."""
    random, kinds = _chance(seed), list(Fault)
    found: list[Planned] = []
    while len(found) < count:
        random.shuffle(kinds)
        for fault in kinds:
            worker = "" if fault in OF_ALL else random.choice(workers)
            longest = LONGEST.get(fault, USUAL)
            seconds = random.uniform(longest / 2, longest)
            found.append(Planned(fault, worker, random.uniform(*PAUSES), seconds))
    return tuple(found[:count])


def is_challenged(seed: int, round_id: int) -> bool:
    """Return whether a stranger challenges the tally of a round."""
    return _chance(seed, round_id).randrange(CHALLENGED) == 0


def bursts(seed: int, rounds: int, lanes: int) -> tuple[int, ...]:
    """Return in what portions so many tasks are posted; between them idle rounds find time."""
    random = _chance(seed, "bursts")
    found: list[int] = []
    while sum(found) < rounds:
        found.append(min(random.randint(1, 2 * lanes), rounds - sum(found)))
    return tuple(found)


def _chance(*seeds: int | str) -> Random:
    return Random("/".join(map(str, seeds)))  # noqa: S311 - nothing secret
