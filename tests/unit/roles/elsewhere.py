"""A cluster of plain Python: shards are done in this process, by workers that may lie or be away."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pole.adapters.machine.cluster.running import work_named
from pole.errors import ShardError, UnreachableError
from pole.roles.ports import ShardResult, WorkShard


def honest(result: bytes) -> bytes:
    return result


@dataclass
class FakeShards:
    """A cluster that notes what it was sent; it is gone after `lasts` shards, None for never."""

    workers: int = 2
    lasts: int | None = None
    fails: bool = False
    answer: Callable[[bytes], bytes] = honest
    sent: list[WorkShard] = field(default_factory=list)

    def at_once(self) -> int:
        if self.lasts == 0:
            raise UnreachableError("The scheduler does not answer.")
        return self.workers

    def run(self, shard: WorkShard) -> ShardResult:
        if self.lasts is not None and len(self.sent) >= self.lasts:
            raise UnreachableError("The scheduler does not answer.")
        self.sent.append(shard)
        if self.fails:
            raise ShardError(f"The shard {shard.name} was given up.")
        return ShardResult(self.answer(work_named(shard.work)(shard.content)), "worker-1")
