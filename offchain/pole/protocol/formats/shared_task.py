"""The one task that a sharing of a master secret serves: every file of the sharing names all of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pole.protocol.formats.canonical_json import (
    Document,
    check_fields,
    read_address,
    read_hex,
    read_whole,
    write_document,
)

MAX_NUMBER: Final = 2**64 - 1
MAX_KEYS: Final = 2**32 - 1
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,19}")
_NUMBERS: Final = ("chainId", "taskId", "keys")
_FIELDS: Final = ("chainId", "taskList", "taskId", "owner", "specificationDigest", "keys")


@dataclass(frozen=True, slots=True)
class SharedTask:
    """What holders of a sharing make keys for, and nothing else.

    The chain, the task list on it (EIP-55 address), the task, its owner (EIP-55 address), the keccak-256 of
    the model specification, and `key_count`, the number W·L of functional keys that a round of it has.
    """

    chain_id: int
    task_list: str
    task_id: int
    owner: str
    specification_digest: bytes
    key_count: int

    def __str__(self) -> str:
        """Return the task as a person would name it."""
        return (
            f"task {self.task_id} of {self.owner} in the task list {self.task_list} on chain {self.chain_id}"
        )


def task_document(task: SharedTask) -> Document:
    """Return the fields of a task as a JSON object has them."""
    return {
        "chainId": task.chain_id,
        "keys": task.key_count,
        "owner": task.owner,
        "specificationDigest": f"0x{task.specification_digest.hex()}",
        "taskId": task.task_id,
        "taskList": task.task_list,
    }


def read_task(value: object) -> SharedTask:
    """Return the task that a JSON object names; raises IntegrityError with the field that is malformed."""
    document = check_fields(value, _FIELDS, "task")
    return SharedTask(
        chain_id=read_whole(document, "chainId", minimum=1, maximum=MAX_NUMBER),
        task_list=read_address(document, "taskList"),
        task_id=read_whole(document, "taskId", minimum=1, maximum=MAX_NUMBER),
        owner=read_address(document, "owner"),
        specification_digest=read_hex(document, "specificationDigest", length=32),
        key_count=read_whole(document, "keys", minimum=1, maximum=MAX_KEYS),
    )


def task_metadata(task: SharedTask) -> dict[str, str]:
    """Return the fields of a task as a tensor file's metadata have them: text."""
    return {name: str(value) for name, value in task_document(task).items()}


def read_task_metadata(metadata: Mapping[str, str]) -> SharedTask:
    """Return the task that a tensor file's metadata name, beside what else they have.

    Raises IntegrityError where one of its fields is missing or malformed.
    """
    document: dict[str, object] = {name: metadata[name] for name in _FIELDS if name in metadata}
    for name in _NUMBERS:
        if name in metadata and _NUMBER.fullmatch(metadata[name]):
            document[name] = int(metadata[name])
    return read_task(document)


def task_text(task: SharedTask) -> str:
    """Return the one line that seals and signatures bind: canonical JSON of every field."""
    return write_document(task_document(task)).decode()
