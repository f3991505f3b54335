"""The bytes, seconds and requests that one of each costs, as scripts/network/units.json records them.

`python -m scripts.network --measure` measures them anew; the file says on which machine, and when.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).with_name("units.json")


@dataclass(frozen=True, slots=True)
class KindUnits:
    """What a task of one kind takes: bytes, and seconds of one thread of a processor.

    `sample_bytes` and the three seconds are those of one sample; `task_bytes` are specification, master
    public key and manifests, `keys_bytes` the functional keys of a round, `model_bytes` one model.
    """

    sample_bytes: float
    task_bytes: int
    keys_bytes: int
    model_bytes: int
    encrypt_seconds: float
    decrypt_seconds: float
    evaluate_seconds: float


@dataclass(frozen=True, slots=True)
class Looks:
    """HTTP requests of one look at the chain: at the same block, at a new one, and after an event in that."""

    same_block: int
    new_block: int
    event: int


@dataclass(frozen=True, slots=True)
class Units:
    """All of them, and where and when they were measured."""

    machine: str
    date: str
    kinds: Mapping[str, KindUnits]
    looks: Looks
    log_bytes: int
    """Of an event without its data, as a node answers."""
    replay_seconds: float
    """Of a round in a history of them, by `pole chain verify` without its requests."""


def read_units(path: Path = FILE) -> Units:
    """Return what was recorded. Raises OSError where nothing was."""
    content = json.loads(path.read_text(encoding="utf-8"))
    kinds = {name: KindUnits(**values) for name, values in content.pop("kinds").items()}
    return Units(kinds=kinds, looks=Looks(**content.pop("looks")), **content)


def write_units(units: Units, path: Path = FILE) -> None:
    """Record what was measured."""
    path.write_text(json.dumps(asdict(units), indent=2) + "\n", encoding="utf-8")
