"""A proof-of-work chain of mining processes: SHA-256, blocks sent to each other, difficulty retargeted.

Every process mines on the longest chain it knows, checks each block that it is sent, and sends what it finds.
It tries so many hashes a second and no more, a small part of what a core can do: how even the intervals are
does not depend on the rate, and what else the machine does does not change it.
"""

import hashlib
import multiprocessing
import queue
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from multiprocessing.queues import Queue
from typing import Final

from experiments.running.progress import now_and_then

LARGEST: Final = 2**256 - 1
WINDOW: Final = 10
"""Blocks between two retargetings; Bitcoin's rule, scaled from 2016."""
LIMIT: Final = 4
RATE: Final = 2_000
"""Hashes a second of a process."""
AT_ONCE: Final = 50
"""Hashes between two looks at what others sent."""


@dataclass(frozen=True)
class Block:
    """A block: its digest, as a number, must be at most its target. `time` is in nanoseconds."""

    height: int
    parent: bytes
    time: int
    target: int
    miner: int
    nonce: int

    @cached_property
    def digest(self) -> bytes:
        """Return the double SHA-256 of the header."""
        return digest_of(self.prefix(), self.nonce)

    def prefix(self) -> bytes:
        """Return the header without its nonce."""
        numbers = (
            self.height.to_bytes(8, "big"),
            self.time.to_bytes(8, "big"),
            self.miner.to_bytes(8, "big"),
        )
        return self.parent + self.target.to_bytes(32, "big") + b"".join(numbers)


def digest_of(prefix: bytes, nonce: int) -> bytes:
    """Return the double SHA-256 of a header."""
    return hashlib.sha256(hashlib.sha256(prefix + nonce.to_bytes(8, "big")).digest()).digest()


def next_target(chain: Sequence[Block], expected: float) -> int:
    """Return the target of the block after a chain, for `expected` seconds a block."""
    last = chain[-1]
    if last.height == 0 or last.height % WINDOW:
        return last.target
    seconds = (last.time - chain[last.height - WINDOW].time) / 1e9
    factor = min(max(seconds / (WINDOW * expected), 1 / LIMIT), LIMIT)
    return min(int(last.target * factor), LARGEST)


def is_valid(block: Block, chain: Sequence[Block], expected: float) -> bool:
    """Return whether a block may follow a chain."""
    last = chain[-1]
    return (
        (block.height, block.parent) == (last.height + 1, last.digest)
        and block.time >= last.time
        and block.target == next_target(chain, expected)
        and int.from_bytes(block.digest, "big") <= block.target
    )


@dataclass(slots=True)
class Node:
    """A process's view: every chain tip it knows by digest, and the longest chain."""

    expected: float
    chain: list[Block]
    tips: dict[bytes, list[Block]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tips[self.chain[-1].digest] = self.chain

    def take(self, block: Block) -> None:
        """Take a block in, where it is valid and its parent known; the longest chain wins, ties the first."""
        chain = self.tips.get(block.parent)
        if chain is None or not is_valid(block, chain, self.expected):
            return
        longer = [*chain, block]
        self.tips[block.digest] = longer
        if len(longer) > len(self.chain):
            self.chain = longer


def mine(
    number: int,
    inboxes: "Sequence[Queue[Block]]",
    genesis: Block,
    expected: float,
    count: int,
    done: "Queue[list[Block]]",
) -> None:
    """Mine until the longest chain has `count` blocks above the genesis block, then hand it over."""
    # Ctrl-C goes to the process that waits for the chain, which ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    node, nonce, begun = Node(expected, [genesis]), 0, time.monotonic()
    while node.chain[-1].height < count:
        block, nonce = search(node.chain, number, nonce, expected)
        time.sleep(max(0.0, begun + nonce / RATE - time.monotonic()))
        if block is not None:
            node.take(block)
            for other, inbox in enumerate(inboxes):
                if other != number:
                    inbox.put(block)
        for received in waiting(inboxes[number]):
            node.take(received)
    done.put(node.chain)


def search(chain: Sequence[Block], miner: int, nonce: int, expected: float) -> tuple[Block | None, int]:
    """Try some nonces on a chain; return a block if one fits, and the nonce to go on from."""
    last, target = chain[-1], next_target(chain, expected)
    candidate = Block(last.height + 1, last.digest, time.time_ns(), target, miner, 0)
    prefix = candidate.prefix()
    limit = target.to_bytes(32, "big")
    for tried in range(nonce, nonce + AT_ONCE):
        if digest_of(prefix, tried) <= limit:
            return replace(candidate, nonce=tried), tried + 1
    return None, nonce + AT_ONCE


def waiting(inbox: "Queue[Block]") -> list[Block]:
    """Return what has arrived."""
    found = []
    while True:
        try:
            found.append(inbox.get_nowait())
        except queue.Empty:
            return found


def _outcome(done: "Queue[list[Block]]", expected: str) -> list[Block]:
    """Wait for the chain, and say how long that took so far."""
    say, begun = now_and_then(), time.monotonic()
    while True:
        try:
            return done.get(timeout=1)
        except queue.Empty:
            say(f"mined for {time.monotonic() - begun:.0f} s, of {expected}")


def grow(miners: int, count: int, expected: float) -> list[Block]:
    """Return a chain of `count` blocks that so many processes mined at `expected` seconds a block."""
    target = min(int(LARGEST / (miners * RATE * expected)), LARGEST)
    genesis = Block(0, bytes(32), time.time_ns(), target, 0, 0)
    context = multiprocessing.get_context("spawn")
    inboxes: list[Queue[Block]] = [context.Queue() for _ in range(miners)]
    done: Queue[list[Block]] = context.Queue()
    processes = [
        context.Process(target=mine, args=(number, inboxes, genesis, expected, count, done), daemon=True)
        for number in range(miners)
    ]
    try:
        for process in processes:
            process.start()
        return _outcome(done, f"about {count * expected:.0f} s")
    finally:
        for process in processes:
            process.terminate()
            process.join()
