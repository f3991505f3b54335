"""What workers run: the works that they know by name, on bytes."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Final

from pole.roles.ports import ShardResult, WorkShard

WORKS: Final[Mapping[str, str]] = {
    "encryption": "pole.roles.publishing.encryption_shards:encrypt_rows",
    "decryption": "pole.roles.receiving.decryption_shards:decrypt_rows",
    "evaluation": "pole.roles.judging.evaluation_shards:read_features",
}
"""The function of each work, imported when a worker first does it: some need torch, and hundreds of MiB."""


class ShardFailure(Exception):
    """A shard failed on a worker, in one sentence: its arguments are the worker's address and why."""

    def __init__(self, worker: str, reason: str) -> None:
        super().__init__(worker, reason)
        self.worker = worker
        self.reason = reason


def work_named(name: str, works: Mapping[str, str] = WORKS) -> Callable[[bytes], bytes]:
    """Return the function of a work; raises KeyError for a name that is not among the works."""
    module, _, function = works[name].partition(":")
    work: Callable[[bytes], bytes] = getattr(import_module(module), function)
    return work


def run_shard(shard: WorkShard) -> ShardResult:
    """Do a shard on this worker; raises ShardFailure, which shows nothing of what is in it."""
    from distributed import get_worker

    address = get_worker().address
    try:
        return ShardResult(work_named(shard.work)(shard.content), address)
    except Exception as error:
        raise ShardFailure(address, f"{type(error).__name__}: {error}") from error
