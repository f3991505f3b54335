"""The chain's history out of its events.

What `protocol.history` verifies, and the bodies that are pinned on IPFS.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pole.adapters.ethereum.chain_reader import ChainReader
from pole.adapters.ethereum.connection import in_one_request
from pole.adapters.ethereum.decoding import (
    read_blocks,
    to_posted_task,
    to_record,
    to_round,
    to_vote,
)
from pole.adapters.ethereum.events.event_index import Event, Snapshot
from pole.adapters.node.node import NoSuchBlockError
from pole.adapters.node.questions import Question, Values, block, transaction
from pole.errors import InputError, IntegrityError, UnreachableError
from pole.protocol.encoding.ethereum_headers import encode_header, mix_of
from pole.protocol.encoding.records import (
    Payouts,
    SolutionRevealed,
    VoteLeaked,
    VoteRevealed,
    decode_record,
)
from pole.protocol.formats.block_body import BlockBody, write_body
from pole.protocol.formats.leaked_vote import LeakedVote
from pole.protocol.replay.history import History
from pole.protocol.replay.surroundings import Books, Member, RoundClock, Surroundings
from pole.protocol.state import Block, RecordKind, Vote

# Requests that travel together: more of them and some nodes refuse the batch.
BATCH = 50


def read_history(reader: ChainReader) -> History:
    """Return everything that was recorded since the deployment, read from events and calldata.

    Raises IntegrityError when the newest block of the events is not the one the contract names.
    """
    events = reader.index.snapshot()
    blocks = read_blocks(events)
    if not blocks:
        raise IntegrityError(
            "The node shows no genesis block of the deployment: it does not keep old logs, use another."
        )
    _check_tip(reader, blocks[-1])
    tasks = [to_posted_task(event.arguments) for event in events.get("TaskPosted", ())]
    return History(
        around=_surroundings(reader, events),
        blocks=blocks,
        records=tuple(to_record(event.arguments) for event in events.get("Recorded", ())),
        tasks={task.task_id: task for task in tasks},
    )


def block_body(reader: ChainReader, height: int) -> bytes:
    """Return the body of the block at `height` as the file that is pinned on IPFS (docs/formats.md).

    Raises InputError when there is no such block.
    """
    events = reader.index.snapshot()
    if not 1 <= height < len(events.get("BlockAppended", ())):
        raise InputError(f"There is no block with a body at height {height}.")
    records = tuple(
        to_record(event.arguments)
        for event in events.get("Recorded", ())
        if event.arguments["height"] == height
    )
    deployment = reader.deployment
    return write_body(BlockBody(deployment.chain_id, deployment.chain.address, height, records))


def in_batches(reader: ChainReader, questions: Sequence[Question[Any]]) -> list[Any]:
    """Return the answers to many questions, some fifty a request."""
    parts = [questions[start : start + BATCH] for start in range(0, len(questions), BATCH)]
    return [result for part in parts for result in in_one_request(reader.node, part)]


def _surroundings(reader: ChainReader, events: Snapshot) -> Surroundings:
    deployment = reader.deployment
    openings = _openings(reader, events)
    return Surroundings(
        chain_id=deployment.chain_id,
        chain_address=deployment.chain.address,
        committee_address=deployment.contracts["VerifierCommittee"].address,
        parameters=deployment.parameters,
        votes=votes_of(events),
        solution_salts=openings.solution_salts,
        vote_salts=openings.vote_salts,
        leaks=openings.leaks,
        clocks=clocks_of(reader, _ends(events)),
        books=books_of(events),
        mix=partial(_mix, reader),
    )


def votes_of(events: Snapshot) -> dict[Member, tuple[Vote, ...]]:
    """Return the votes that were revealed."""
    told = (event.arguments for event in events.get("VoteRevealed", ()))
    return {
        (arguments["ballotId"], arguments["verifier"]): tuple(map(to_vote, arguments["votes"]))
        for arguments in told
    }


def _ends(events: Snapshot) -> dict[int, int]:
    """Return the Ethereum block in which each round that ended did."""
    return {
        data.round_id: event.block
        for event in events.get("Recorded", ())
        if event.arguments["kind"] == RecordKind.PAYOUTS
        and isinstance(data := decode_record(to_record(event.arguments)), Payouts)
    }


def clocks_of(reader: ChainReader, ended: Mapping[int, int]) -> dict[int, RoundClock]:
    """Return what the contracts and the Ethereum blocks tell of the time of rounds that ended in a block."""
    chain = reader.contracts["PoLeChain"]
    rounds = in_batches(reader, [chain.call("round", round_id) for round_id in ended])
    numbers = list(dict.fromkeys(ended.values()))
    blocks = in_batches(reader, [block(number) for number in numbers])
    times = {number: each["timestamp"] for number, each in zip(numbers, blocks, strict=True)}
    found = {}
    for round_id, raw in zip(ended, rounds, strict=True):
        standing = to_round(round_id, raw)
        found[round_id] = RoundClock(standing.opened_at, times[ended[round_id]], standing.closed_early)
    return found


def books_of(events: Snapshot) -> Books:
    """Return what the committee's events say that members earned and lost."""
    penalties: dict[Member, tuple[int, ...]] = {}
    leaks: dict[Member, int] = {}
    leaking = _leaking(events)
    for event in events.get("Slashed", ()):
        member, amount = _member(event), event.arguments["amount"]
        # No settlement can come in the transaction that leaks a vote: a ballot's reveals lie in between.
        if (member, event.transaction) in leaking:
            leaks[member] = amount
        else:
            penalties[member] = (*penalties.get(member, ()), amount)
    return Books(
        rewards={_member(event): event.arguments["amount"] for event in events.get("Rewarded", ())},
        penalties=penalties,
        strikes={_member(event): event.arguments["strikes"] for event in events.get("Struck", ())},
        leaks=leaks,
    )


def _member(event: Event) -> Member:
    return event.arguments["ballotId"], event.arguments["verifier"]


def _leaking(events: Snapshot) -> set[tuple[Member, str]]:
    """Return whose votes leaked, and in which transactions."""
    found = set()
    for event in events.get("Recorded", ()):
        if event.arguments["kind"] == RecordKind.VOTE_LEAKED:
            data = decode_record(to_record(event.arguments))
            if isinstance(data, VoteLeaked):
                found.add(((data.ballot_id, data.verifier), event.transaction))
    return found


def _mix(reader: ChainReader, number: int) -> bytes | None:
    """Return the mix in the header of an Ethereum block, None where the node has none of that number.

    Raises IntegrityError where the header does not give the block's hash.
    """
    try:
        found = reader.node.ask(block(number))
    except NoSuchBlockError:
        return None
    return mix_of(encode_header(found))


def _check_tip(reader: ChainReader, newest: Block) -> None:
    # At the height of the events, not the newest: a block may have been appended since they were read.
    named = bytes(reader.view("Ledger", "blockHash", newest.header.height))
    if named != newest.hash:
        raise IntegrityError(
            f"The contract's block at height {newest.header.height} is 0x{named.hex()}, but its event says "
            f"0x{newest.hash.hex()}: the node's logs are not to be trusted."
        )


@dataclass(frozen=True, slots=True)
class _Openings:
    """What the calls show that opened commitments, as Surroundings has it."""

    solution_salts: dict[Member, bytes]
    vote_salts: dict[Member, bytes]
    leaks: dict[Member, LeakedVote]


def _openings(reader: ChainReader, events: Snapshot) -> _Openings:
    """Return what opened commitments to solutions and votes.

    Only the calls themselves show it, so what came through another contract is not there.
    """
    kinds = (RecordKind.SOLUTION_REVEALED, RecordKind.VOTE_REVEALED, RecordKind.VOTE_LEAKED)
    recorded = [event for event in events.get("Recorded", ()) if event.arguments["kind"] in kinds]
    calls = in_batches(reader, [transaction(event.transaction) for event in recorded])
    found = _Openings({}, {}, {})
    for event, call in zip(recorded, calls, strict=True):
        data = decode_record(to_record(event.arguments))
        if isinstance(data, SolutionRevealed):
            arguments = _arguments(reader, "PoLeChain", "reveal", call)
            if arguments is not None:
                found.solution_salts[data.round_id, data.miner] = bytes(arguments["salt"])
        elif isinstance(data, VoteRevealed):
            arguments = _arguments(reader, "VerifierCommittee", "revealVote", call)
            if arguments is not None:
                found.vote_salts[data.ballot_id, data.verifier] = bytes(arguments["salt"])
        elif isinstance(data, VoteLeaked):
            arguments = _arguments(reader, "VerifierCommittee", "leak", call)
            if arguments is not None:
                votes = tuple(map(to_vote, arguments["votes"]))
                leaked = LeakedVote(data.verifier, votes, bytes(arguments["salt"]))
                found.leaks[data.ballot_id, data.verifier] = leaked
    return found


def _arguments(
    reader: ChainReader, contract: str, function: str, call: Values | None
) -> dict[str, Any] | None:
    if call is None:
        raise UnreachableError("The Ethereum node does not show a transaction whose events it shows.")
    target = reader.contracts[contract]
    return target.arguments(function, call["input"]) if call["to"] == target.address else None
