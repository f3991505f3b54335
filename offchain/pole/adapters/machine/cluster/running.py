"""What workers run: the works that they know by name, on bytes."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Final

from pole.errors import InputError
from pole.quoting import reason
from pole.roles.ports import ShardResult, WorkShard

WORKS: Final[Mapping[str, str]] = {
    "encryption": "pole.roles.publishing.encryption_shards:encrypt_rows",
    "decryption": "pole.roles.receiving.decryption_shards:decrypt_rows",
    "attack": "pole.roles.keys.attack_shards:mount",
    "trial": "pole.roles.training.trial_shards:try_out",
    "evaluation": "pole.roles.judging.evaluation_shards:evaluate_rows",
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


def works_of(module: str | None) -> dict[str, str]:
    """Return PoLe's works, and those that a module has in its own WORKS.

    Raises InputError where there is no such module, or it has none.
    """
    if module is None:
        return dict(WORKS)
    try:
        return {**WORKS, **import_module(module).WORKS}
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise InputError(
            f"The module {module!r} has no works ({reason(error)}): name one with a table WORKS, from a "
            "folder in which it can be imported."
        ) from error


def run_shard(shard: WorkShard) -> ShardResult:
    """Do a shard on this worker; raises ShardFailure, which shows nothing of what is in it."""
    from distributed import get_worker

    worker = get_worker()
    address, works = worker.address, getattr(worker, "works", WORKS)
    if shard.work not in works:
        raise ShardFailure(address, f"it does not know the work {shard.work!r}, which needs --works")
    try:
        return ShardResult(work_named(shard.work, works)(shard.content), address)
    except Exception as error:
        raise ShardFailure(address, f"{type(error).__name__}: {error}") from error
