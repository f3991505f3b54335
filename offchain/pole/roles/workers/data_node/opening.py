"""What a data node looks at before it begins: whether the master secrets that its tasks need open."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from pole.errors import DiskError, InputError, IntegrityError
from pole.protocol.state import ENDED, Phase, PostedTask
from pole.roles.workers.data_node.data_node import LOG, DataNode

MAX_SECRETS: Final = 8
"""So many are opened: each takes 0.4 s and 128 MiB on purpose, and rounds have deadlines meanwhile."""


def require_secrets(node: DataNode) -> None:
    """Raise InputError where the master secret of a waiting task does not open under this wallet's password.

    The tasks of the highest value are looked at, whose rounds come first. It is told and no error while a
    round of this wallet is open, which has to be served, and where the secret is not here or cannot be read:
    another data folder of the wallet may serve that task.
    """
    is_serving = _is_serving(node)
    for task in islice(_waiting(node), MAX_SECRETS):
        try:
            node.open_secret(task.files.mpk_digest)
        except (InputError, IntegrityError, DiskError) as error:
            if isinstance(error, IntegrityError) and not is_serving:
                raise InputError(
                    f"The master secret of task {task.task_id} does not open: {error} Start with the "
                    "password that the wallet had when the task was posted; where nobody has it, take the "
                    f"task back with `pole task cancel {task.task_id}` and post it again."
                ) from error
            LOG.warning("Task %d cannot be served from here: %s", task.task_id, error)


def _is_serving(node: DataNode) -> bool:
    """Return whether a round of this wallet's is open."""
    chain = node.chain
    opened = [each.round_id for each in chain.moments() if each.phase not in (Phase.NONE, *ENDED)]
    return any(chain.round(round_id).data_node == chain.identity.address for round_id in opened)


def _waiting(node: DataNode) -> Iterator[PostedTask]:
    """Yield this wallet's waiting tasks whose secret it keeps, the one of the highest value first."""
    chain = node.chain
    waiting = chain.waiting_tasks() if chain.moments()[0].waiting else ()
    for task_id in [each.task_id for each in sorted(waiting, key=lambda each: each.value, reverse=True)]:
        task = chain.task(task_id)
        is_own = task.owner == chain.identity.address
        if is_own and not node.memory.has_dropped_secret(task.files.mpk_digest):
            yield task
