"""What a data node looks at before it begins: whether the master secrets that its tasks need open."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from pole.errors import InputError, IntegrityError
from pole.protocol.state import Phase, PostedTask
from pole.roles.workers.data_node.data_node import LOG, DataNode

MAX_SECRETS: Final = 8
"""So many are opened: each takes 0.4 s and 128 MiB on purpose, and rounds have deadlines meanwhile."""


def require_secrets(node: DataNode) -> None:
    """Raise InputError where the master secret of a task does not open under this wallet's password.

    Looked at are tasks whose keys are still to be issued, those of open rounds first. A secret that is not
    here is told and no error: another data folder of the wallet may serve that task.
    """
    for task in islice(_tasks_without_keys(node), MAX_SECRETS):
        try:
            node.open_secret(task.files.mpk_digest)
        except IntegrityError as error:
            raise InputError(
                f"The master secret of task {task.task_id} does not open: {error} Start with the password "
                "that the wallet had when the task was posted; where nobody has it, take the task back with "
                f"`pole task cancel {task.task_id}` and post it again."
            ) from error
        except InputError as error:
            LOG.warning("Task %d cannot be served from here: %s", task.task_id, error)


def _tasks_without_keys(node: DataNode) -> Iterator[PostedTask]:
    """Yield this wallet's tasks whose keys are not posted, and are to be made of the secret that it keeps."""
    chain, moments = node.chain, node.chain.moments()
    begun = [chain.round(each.round_id) for each in moments if each.phase in (Phase.SEED, Phase.KEYS)]
    opened = [each.task_id for each in begun if each.data_node == chain.identity.address]
    waiting = [each.task_id for each in chain.waiting_tasks()] if moments[0].waiting else []
    for task_id in (*opened, *waiting):
        task = chain.task(task_id)
        is_own = task.owner == chain.identity.address
        if is_own and not node.memory.has_dropped_secret(task.files.mpk_digest):
            yield task
