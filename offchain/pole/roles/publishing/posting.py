"""Posting a task: prepared once, paid for once, even if the command is killed and run again."""

import hashlib
from collections.abc import Callable

import numpy as np

from pole.protocol.encoding.tasks import terms_hash
from pole.protocol.state import TaskFiles
from pole.roles.memory import DataNodeMemory
from pole.roles.ports import Chain, Journal
from pole.roles.publishing.preparation import TaskRequest, Workshop, prepare_task


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
    memory, digest = DataNodeMemory(journal), request_digest(request)
    files = memory.prepared(digest)
    if files is None:
        files = prepare_task(request, workshop)
        memory.keep_prepared(digest, files)
    reserve(files)
    task_id = chain.post_task(request.terms, files, intent=memory.post_intent(files.mpk_digest))
    memory.forget_prepared(digest)
    return task_id


def prepared_files(request: TaskRequest, journal: Journal) -> TaskFiles | None:
    """Return the files of a request that was prepared and not yet posted, None when there are none."""
    return DataNodeMemory(journal).prepared(request_digest(request))


def request_digest(request: TaskRequest) -> bytes:
    """Return what two requests have in common that ask for the same: data, specification and terms."""
    dataset = request.dataset
    digest = hashlib.sha256(request.specification.digest() + terms_hash(request.terms))
    for array in (dataset.x_train, dataset.y_train, dataset.x_test, dataset.y_test):
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.digest()
