"""What workers run: the works that they know by name, on bytes."""

from collections.abc import Callable, Mapping
from typing import Final

from pole.roles.ports import ShardResult, WorkShard
from pole.roles.publishing import encryption_shards
from pole.roles.receiving import decryption_shards

WORKS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    encryption_shards.WORK: encryption_shards.encrypt_rows,
    decryption_shards.WORK: decryption_shards.decrypt_rows,
}


class ShardFailure(Exception):
    """A shard failed on a worker, in one sentence: its arguments are the worker's address and why."""

    def __init__(self, worker: str, reason: str) -> None:
        super().__init__(worker, reason)
        self.worker = worker
        self.reason = reason


def run_shard(shard: WorkShard) -> ShardResult:
    """Do a shard on this worker; raises ShardFailure, which shows nothing of what is in it."""
    from distributed import get_worker

    address = get_worker().address
    try:
        return ShardResult(WORKS[shard.work](shard.content), address)
    except Exception as error:
        raise ShardFailure(address, f"{type(error).__name__}: {error}") from error
