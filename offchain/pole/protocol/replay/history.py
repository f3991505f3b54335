"""Verifying a whole PoLe chain: what happened must follow from what was recorded, by the rules.

A pure function over what a node read from the chain's events. It trusts none of the contracts' arithmetic:
header links, body roots, seeds, the choice of tasks, what was judged, tallies, winners, ommers and payouts
are computed anew. It takes from the chain what only the chain knows: senders, clocks, the hashes of
Ethereum blocks, the seats that could be drawn, and the pool's balance.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pole.errors import InputError, IntegrityError
from pole.protocol.encoding.headers import genesis_header, header_hash
from pole.protocol.replay.blocks import replay_block
from pole.protocol.replay.bodies import replay_body
from pole.protocol.replay.proofs import InclusionProof, proof_of, verify_proof
from pole.protocol.replay.standing import Replay, ReplayedRound, audit_open_round
from pole.protocol.replay.surroundings import Surroundings
from pole.protocol.state import Block, PostedTask, Record, RecordKind

__all__ = [
    "Block",
    "History",
    "HistoryReport",
    "InclusionProof",
    "Surroundings",
    "prove",
    "replayed_rounds",
    "verify_history",
    "verify_proof",
]


@dataclass(frozen=True, slots=True)
class History:
    """All that was recorded since the deployment.

    `blocks` begin with the genesis block at height 0; `records` are all records by height and index, those
    of the unfinished body too; `tasks` by id.
    """

    around: Surroundings
    blocks: tuple[Block, ...]
    records: tuple[Record, ...]
    tasks: Mapping[int, PostedTask]


@dataclass(frozen=True, slots=True)
class HistoryReport:
    """What was verified: the newest block, and how much led to it."""

    height: int
    head: bytes
    records: int
    rounds: int
    void_rounds: int
    votes: int
    challenges: int
    openings: int
    """Commitments whose opening was checked, salts being known for as many."""


def verify_history(history: History) -> HistoryReport:
    """Return a report when every record and block follows from the rules.

    Raises IntegrityError, with height and record or round, at the first that does not.

    Costs about twenty hashes a record.
    """
    replay = _replayed(history)
    opened = (history.around.solution_salts, history.around.vote_salts, history.around.leaks)
    return HistoryReport(
        height=replay.height,
        head=replay.head,
        records=len(history.records),
        rounds=replay.rounds,
        void_rounds=replay.void_rounds,
        votes=len(history.around.votes),
        challenges=sum(record.kind is RecordKind.TALLY_CHALLENGED for record in history.records),
        openings=sum(len(each) for each in opened),
    )


def replayed_rounds(history: History) -> tuple[ReplayedRound, ...]:
    """Return every round: those that ended, in that order, then those that are open, by number.

    Raises what `verify_history` raises, and costs as much.
    """
    replay = _replayed(history)
    still_open = [audit_open_round(replay, round_id) for round_id in sorted(replay.open_rounds)]
    return (*replay.ended, *still_open)


def _replayed(history: History) -> Replay:
    bodies = _bodies(history)
    genesis = _check_genesis(history.blocks[0])
    replay = Replay(
        around=history.around,
        tasks=history.tasks,
        head=genesis.hash,
        timestamp=genesis.header.timestamp,
    )
    for block, body in zip(history.blocks[1:], bodies, strict=False):
        replay_body(replay, body)
        replay_block(replay, block)
    replay_body(replay, bodies[-1])
    if replay.settling is not None:
        raise IntegrityError(
            f"Height {replay.height + 1}: round {replay.settling} was paid out, but did not end."
        )
    for round_id in replay.open_rounds:
        audit_open_round(replay, round_id)
    return replay


def prove(history: History, height: int, index: int) -> InclusionProof:
    """Return the proof that record `index` is in the block at `height`; raises InputError without one."""
    if not 1 <= height < len(history.blocks):
        newest = len(history.blocks) - 1
        raise InputError(f"There is no block with records at height {height}; the newest is at {newest}.")
    return proof_of(history.blocks[height].header, _bodies(history)[height - 1], index)


def _check_genesis(block: Block) -> Block:
    expected = genesis_header(block.header.timestamp)
    if block.header != expected or block.hash != header_hash(expected) or block.ommers:
        raise IntegrityError("Height 0: the genesis block is not empty but for its time.")
    return block


def _bodies(history: History) -> list[list[Record]]:
    """Return the records of each height from 1 on, the unfinished body last."""
    if not history.blocks:
        raise IntegrityError("Height 0: there is no genesis block.")
    bodies: list[list[Record]] = [[] for _ in history.blocks]
    for record in history.records:
        if not 1 <= record.height <= len(bodies) or record.index != len(bodies[record.height - 1]):
            raise IntegrityError(
                f"Height {record.height}: record {record.index} is out of order; one before it is missing."
            )
        bodies[record.height - 1].append(record)
    return bodies
