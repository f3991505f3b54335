"""The PoLe blocks with what a reader wants to know of each: who won, how well, for how much, at what cost."""

from collections import defaultdict
from dataclasses import dataclass

from pole.adapters.ethereum.chain_reader import ChainReader
from pole.adapters.ethereum.decoding import read_blocks, to_posted_task, to_record
from pole.adapters.ethereum.events.event_index import Event
from pole.adapters.ethereum.history_source import in_batches
from pole.adapters.node.questions import receipt
from pole.errors import UnreachableError
from pole.protocol.encoding.records import (
    CommitteeDrawn,
    Payouts,
    RoundVoided,
    TestSeedDrawn,
    TestSetReleased,
    decode_record,
)
from pole.protocol.idle.task import IDLE_TASK_ID, idle_task
from pole.protocol.state import Header, Ommer, Payout, PayoutReason, TaskTerms, VoidReason

_WINNERS = {PayoutReason.TASK_REWARD, PayoutReason.BLOCK_REWARD, PayoutReason.OMMER_INCLUSION}


@dataclass(frozen=True, slots=True)
class LoggedBlock:
    """A PoLe block, its task's terms, whether a test set was released, payouts and ommers referenced.

    `committees` are the seats of each committee that judged, in turn: the last one decided. `gas_used` is
    that of all Ethereum transactions whose records are in its body.
    """

    header: Header
    hash: bytes
    terms: TaskTerms
    released: bool
    committees: tuple[int, ...]
    payouts: tuple[Payout, ...]
    ommers: tuple[Ommer, ...]
    gas_used: int

    @property
    def train_total(self) -> int:
        """Return how many training samples the committee evaluated."""
        return self.terms.train_count

    @property
    def test_total(self) -> int:
        """Return how many test samples the committee evaluated."""
        return self.terms.test_count if self.released else 0

    @property
    def winner_reward(self) -> int:
        """Return what the winner got for winning, in wei; its bond is not in it."""
        return sum(
            payout.amount
            for payout in self.payouts
            if payout.payee == self.header.winner and payout.reason in _WINNERS
        )


@dataclass(frozen=True, slots=True)
class ChainLog:
    """The blocks above the genesis block, lowest first, and why each void round ended."""

    blocks: tuple[LoggedBlock, ...]
    void_rounds: dict[int, VoidReason]


def read_chain_log(reader: ChainReader) -> ChainLog:
    """Return the log of the whole chain."""
    events = reader.index.snapshot()
    recorded = events.get("Recorded", ())
    tasks = {
        task.task_id: task
        for task in (to_posted_task(event.arguments) for event in events.get("TaskPosted", ()))
    }
    tasks[IDLE_TASK_ID] = idle_task(reader.deployment.parameters)
    contents = [decode_record(to_record(event.arguments)) for event in recorded]
    payouts = {each.round_id: each.payouts for each in contents if isinstance(each, Payouts)}
    released = {each.round_id for each in contents if isinstance(each, TestSetReleased | TestSeedDrawn)}
    committees: dict[int, list[int]] = defaultdict(list)
    for each in contents:
        if isinstance(each, CommitteeDrawn):
            committees[each.round_id].append(len(each.members))
    gas = _gas_by_height(reader, recorded)
    blocks = tuple(
        LoggedBlock(
            header=block.header,
            hash=block.hash,
            terms=tasks[block.header.task_id].terms,
            released=block.header.round_id in released,
            committees=tuple(committees[block.header.round_id]),
            payouts=payouts[block.header.round_id],
            ommers=block.ommers,
            gas_used=gas[block.header.height],
        )
        for block in read_blocks(events)[1:]
    )
    voided = {each.round_id: each.reason for each in contents if isinstance(each, RoundVoided)}
    return ChainLog(blocks, voided)


def _gas_by_height(reader: ChainReader, recorded: tuple[Event, ...]) -> dict[int, int]:
    heights = {event.transaction: event.arguments["height"] for event in recorded}
    receipts = in_batches(reader, [receipt(transaction) for transaction in heights])
    gas: dict[int, int] = defaultdict(int)
    for height, found in zip(heights.values(), receipts, strict=True):
        if found is None:
            raise UnreachableError("The Ethereum node does not show a transaction whose events it shows.")
        gas[height] += found["gasUsed"]
    return gas
