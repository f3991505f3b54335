"""Posting a task: prepared once, paid for once, even if the command is killed and run again."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict

import numpy as np

from pole.protocol.encoding.tasks import terms_hash
from pole.protocol.state import TaskFiles
from pole.roles.ports import Chain, Journal
from pole.roles.publishing.preparation import TaskRequest, Workshop, prepare_task

NOTHING = b""


def post_task(
    request: TaskRequest,
    workshop: Workshop,
    chain: Chain,
    journal: Journal,
    *,
    reserve: Callable[[TaskFiles], None],
) -> int:
    """Prepare a task, post and fund it; return its id. `reserve` sees its files before anything is spent.

    The same request again, after this was interrupted, takes up what was prepared and sends nothing twice;
    after it succeeded, it makes a new task under a new master key. Raises what `prepare_task` raises, and
    FundsError when the wallet cannot pay: what was prepared then waits for the next try.
    """
    key = _journal_key(request)
    files = prepared_files(request, journal)
    if files is None:
        files = prepare_task(request, workshop)
        journal.put(key, _write_files(files))
    reserve(files)
    task_id = chain.post_task(request.terms, files, intent=f"post/{files.mpk_digest.hex()}")
    journal.put(key, NOTHING)
    return task_id


def prepared_files(request: TaskRequest, journal: Journal) -> TaskFiles | None:
    """Return the files of a request that was prepared and not yet posted, None when there are none."""
    kept = journal.get(_journal_key(request))
    return _read_files(kept) if kept else None


def request_digest(request: TaskRequest) -> bytes:
    """Return what two requests have in common that ask for the same: data, specification and terms."""
    dataset = request.dataset
    digest = hashlib.sha256(request.specification.digest() + terms_hash(request.terms))
    for array in (dataset.x_train, dataset.y_train, dataset.x_test, dataset.y_test):
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.digest()


def _journal_key(request: TaskRequest) -> str:
    return f"task/{request_digest(request).hex()}"


def _write_files(files: TaskFiles) -> bytes:
    fields = asdict(files).items()
    return json.dumps({k: value.hex() if isinstance(value, bytes) else value for k, value in fields}).encode()


def _read_files(kept: bytes) -> TaskFiles:
    fields = json.loads(kept)
    return TaskFiles(
        spec_cid=fields["spec_cid"],
        spec_digest=bytes.fromhex(fields["spec_digest"]),
        train_cid=fields["train_cid"],
        train_digest=bytes.fromhex(fields["train_digest"]),
        test_digest=bytes.fromhex(fields["test_digest"]),
        mpk_digest=bytes.fromhex(fields["mpk_digest"]),
    )
