"""Checkpoints: what a training needs to go on after its process was killed, as bytes.

The file is read again by the machine that wrote it and by no other, with torch's loader for tensors alone,
which runs no code. Whoever keeps it must write it whole or not at all.
"""

import io
import pickle
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

import torch

from pole.errors import IntegrityError
from pole.learning.training.recipe import TrainingSettings
from pole.protocol.models.specification import ModelSpecification

VERSION: Final = 1
SECONDS_BETWEEN: Final = 20.0


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """Where a training keeps its checkpoints, and how many seconds it lets pass between two at least.

    `read` returns the newest one, None where there is none.
    """

    read: Callable[[], bytes | None]
    write: Callable[[bytes], None]
    seconds: float = SECONDS_BETWEEN


NO_CHECKPOINTS: Final = Checkpoints(lambda: None, lambda _: None, float("inf"))


def identity(specification: ModelSpecification, seed: bytes, settings: TrainingSettings, samples: int) -> str:
    """Return what a checkpoint must have been made for, to be gone on from."""
    return repr((VERSION, specification.digest().hex(), seed.hex(), asdict(settings), samples))


def pack(state: dict[str, Any], made_for: str) -> bytes:
    """Return a checkpoint's bytes; `state` is made of tensors, numbers, text, bytes, lists and dicts."""
    buffer = io.BytesIO()
    torch.save({"for": made_for, "state": state}, buffer)
    return buffer.getvalue()


def unpack(data: bytes, made_for: str) -> dict[str, Any] | None:
    """Return the state that `pack` was given, None where it is of another training.

    Raises IntegrityError where the bytes are no checkpoint.
    """
    try:
        found = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        made, state = found["for"], found["state"]
    except (RuntimeError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as error:
        raise IntegrityError(
            f"The checkpoint of this training is damaged ({type(error).__name__}); delete it to start anew."
        ) from error
    return dict(state) if made == made_for else None
