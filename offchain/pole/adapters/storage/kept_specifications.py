"""Specifications of tasks that this machine has already: whatever worker or command of it fetched or made."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pole.protocol.encoding.hashing import keccak256
from pole.protocol.models.specification import MAX_DOCUMENT_BYTES
from pole.protocol.state import PostedTask
from pole.roles.support.files import read_bounded


@dataclass(frozen=True, slots=True)
class KeptSpecifications:
    """The specifications in data folders; nothing is ever fetched for it."""

    homes: Sequence[Path]

    def find(self, task: PostedTask, round_id: int | None) -> bytes | None:
        """Return the file that a task names by its digest, None where it is not here.

        `round_id` is the round that took the task, None while it waits.
        """
        for path in self._places(task, round_id):
            try:
                content = read_bounded(path, MAX_DOCUMENT_BYTES)
            except OSError:
                continue
            if keccak256(content) == task.files.spec_digest:
                return content
        return None

    def _places(self, task: PostedTask, round_id: int | None) -> list[Path]:
        digest, mpk_digest = task.files.spec_digest.hex(), task.files.mpk_digest.hex()
        patterns = [
            f"files/{digest}",
            f"work/*/files/{digest}",
            f"work/*/tasks/{mpk_digest}/specification.json",
            f"work/*/rounds/{round_id}/files/{digest}",
            f"models/task-{task.task_id}*/specification.json",
        ]
        return [path for home in self.homes for pattern in patterns for path in sorted(home.glob(pattern))]
