"""A data node's tasks that better ones pushed out of a full list: told once, settled like cancelled ones."""

import logging
from dataclasses import dataclass
from typing import Final

from pole.protocol.state import PostedTask
from pole.roles.keys.budget import KeyBudget
from pole.roles.ports import Chain, Journal
from pole.roles.support.events import tell
from pole.roles.workers.settlement import Settlement

LOG: Final = logging.getLogger("pole.data-node")
DONE: Final = b"done"


@dataclass(frozen=True, slots=True)
class ReplacedTasks:
    """Looks for replaced tasks of its wallet; what was done for one is noted in the journal."""

    chain: Chain
    journal: Journal
    budget: KeyBudget
    settlement: Settlement

    def settle(self) -> None:
        """Tell of each task that was replaced since, free what it had reserved, and fetch its escrow."""
        for task_id, by in self.chain.replaced_tasks().items():
            task = self.chain.task(task_id)
            key = f"replaced/{task_id}"
            if task.owner == self.chain.identity.address and self.journal.get(key) is None:
                self._settle(task, by)
                self.journal.put(key, DONE)

    def _settle(self, task: PostedTask, by: int) -> None:
        entry = self.budget.ledger.read(task.files.mpk_digest)
        if entry is not None and entry.given is None:
            self.budget.release(task.files.mpk_digest)
        sentence = (
            f"Task {task.task_id} was pushed out of the full list by task {by}, which is worth more: its "
            "reward and bond are this wallet's credit. To have it served, post it again with a higher reward."
        )
        tell(LOG, "task-replaced", sentence, task=task.task_id, by=by)
        self.settlement.withdraw(f"replaced-{task.task_id}", f"Task {task.task_id}")
