"""How a round ended, as the chain tells it: its task and seed, and the block with the records in its body."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from pole.errors import InputError
from pole.protocol.encoding.records import RecordData, SolutionRevealed, decode_record
from pole.protocol.state import Header, PostedTask, Record, VoidReason

Kind = TypeVar("Kind", bound=RecordData)


@dataclass(frozen=True, slots=True)
class WonBlock:
    """A block under the hash that the contract has for it, and the records in its body."""

    header: Header
    hash: bytes
    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Revealed:
    """A solution that was revealed, the block in whose body that is recorded, and the record's index."""

    solution: SolutionRevealed
    block: WonBlock
    index: int


@dataclass(frozen=True, slots=True)
class RoundResult:
    """A round that has ended on a chain of PoLe: with a block, or void for a reason.

    `earlier` are the blocks of other rounds, from other lanes, that were appended while it was open: its
    records are in their bodies and in that of its own block.
    """

    chain_id: int
    contract: str
    round_id: int
    task: PostedTask
    seed: bytes
    block: WonBlock | None
    void_reason: VoidReason
    earlier: tuple[WonBlock, ...] = ()

    def won_block(self) -> WonBlock:
        """Return the round's block; raises InputError, which says why, where it ended without one."""
        if self.block is None:
            raise InputError(
                f"Round {self.round_id} on task {self.task.task_id} ended without a block "
                f"({self.void_reason.name}): nobody won, so there is no model. Post the task again."
            )
        return self.block

    def ranked(self) -> tuple[Revealed, ...]:
        """Return the revealed solutions: the winner's, then the others by the score that they claim."""
        block = self.won_block()
        found = [
            Revealed(data, body, record.index)
            for body, record, data in self._decoded()
            if isinstance(data, SolutionRevealed) and data.round_id == self.round_id
        ]
        return tuple(sorted(found, key=lambda each: _rank(each.solution, block.header)))

    def told(self, kind: type[Kind]) -> tuple[Kind, ...]:
        """Return what the records of a kind say of this round, in order."""
        return tuple(
            data
            for _, _, data in self._decoded()
            if isinstance(data, kind) and getattr(data, "round_id", None) == self.round_id
        )

    def _decoded(self) -> Iterator[tuple[WonBlock, Record, RecordData]]:
        for body in (*self.earlier, self.won_block()):
            for record in body.records:
                yield body, record, decode_record(record)


def _rank(solution: SolutionRevealed, header: Header) -> tuple[bool, int, int]:
    is_other = (solution.miner, solution.model_digest) != (header.winner, header.model_digest)
    return is_other, -solution.claimed_test_correct, -solution.claimed_train_correct
