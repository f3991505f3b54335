"""The chain of PoLe blocks: records of the next body, headers, ommers."""

from dataclasses import replace
from fractions import Fraction
from math import ceil
from typing import Any

from tests.contracts.stateful.evm import Values
from tests.contracts.stateful.model.system import Call, Refused, System, need

from pole.protocol.encoding.abi import encode, header_tuple, ommer_tuple
from pole.protocol.encoding.headers import genesis_header, header_hash, ommers_hash
from pole.protocol.encoding.merkle_body import EMPTY_BODY, append, leaf, root
from pole.protocol.state import Header, Ommer, RecordKind

NAME = "Ledger"
OLDEST_OMMER = 6


def begin(system: System) -> None:
    """Append the genesis block."""
    _seal(system, genesis_header(system.clock.time), [])


def record(system: System, kind: RecordKind, types: list[str], values: list[Any]) -> None:
    data = encode(types, values)
    system.report(NAME, "Recorded", system.height + 1, system.body.count, int(kind), data)
    system.body = append(system.body, leaf(kind, data))


def ommer_for(system: System) -> Ommer | None:
    """Return the ommer kept, where it is not too old for the next block."""
    kept = system.ommer
    return kept if kept is not None and age(system, kept) <= OLDEST_OMMER else None


def age(system: System, ommer: Ommer) -> int:
    """Return how many heights the next block is above an ommer, for each lane."""
    return ceil(Fraction(system.height + 1 - ommer.height, system.lanes))


def refer(system: System, ommer: Ommer) -> Ommer:
    """Take the ommer out of its place and return it as the block shows it."""
    system.ommer = None
    return replace(ommer, referenced=True)


def add_block(
    system: System,
    round_id: int,
    task_id: int,
    winner: str,
    digest: bytes,
    counts: tuple[int, int],
    referenced: list[Ommer],
) -> int:
    """Append a block over the body; return its height."""
    header = Header(
        height=system.height + 1,
        parent_hash=system.hashes[-1],
        round_id=round_id,
        task_id=task_id,
        winner=winner,
        model_digest=digest,
        train_correct=counts[0],
        test_correct=counts[1],
        ommers_hash=ommers_hash(referenced),
        body_root=root(system.body),
        timestamp=system.clock.time,
    )
    system.body = EMPTY_BODY
    _seal(system, header, referenced)
    return header.height


def _seal(system: System, header: Header, referenced: list[Ommer]) -> None:
    system.hashes.append(header_hash(header))
    ommers = tuple(ommer_tuple(ommer) for ommer in referenced)
    system.report(NAME, "BlockAppended", header.height, system.hashes[-1], header_tuple(header), ommers)


# What strangers cannot do.


def record_for(_system: System, call: Call, kind: int, _data: bytes) -> Values:
    need(kind in list(RecordKind))
    raise Refused("NotRecorder", call.sender)


def append_for(_system: System, call: Call, *_arguments: object) -> Values:
    raise Refused("NotChain", call.sender)
