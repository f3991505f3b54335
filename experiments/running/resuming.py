"""Long trainings of an experiment that go on where they were interrupted."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from pole.learning.training.checkpoint import SECONDS_BETWEEN, Checkpoints
from pole.roles.support.files import read_with_digest, with_digest, write_durably


class Notes:
    """What was noted of each epoch of a training, and its checkpoints, in a folder.

    Epochs that were trained after the last checkpoint are trained again, and noted anew.
    """

    def __init__(self, folder: Path, *, seconds: float = SECONDS_BETWEEN) -> None:
        self.folder, self.seconds = folder, seconds
        kept = read_with_digest(folder / "notes")
        self.by_epoch: dict[int, Sequence[float]] = (
            {} if kept is None else {int(epoch): numbers for epoch, numbers in json.loads(kept).items()}
        )

    def note(self, epoch: int, numbers: Sequence[float]) -> None:
        """Note the numbers of an epoch, counted from 1."""
        self.by_epoch[epoch] = numbers

    def until(self, epochs: int) -> list[list[float]]:
        """Return what was noted of the first epochs, each with its number in front."""
        return [[epoch, *self.by_epoch[epoch]] for epoch in range(1, epochs + 1)]

    def checkpoints(self) -> Checkpoints:
        """Return where the training keeps its checkpoints; the notes are kept with each, and before it."""
        path = self.folder / "checkpoint"

        def write(state: bytes) -> None:
            write_durably(self.folder / "notes", with_digest(json.dumps(self.by_epoch).encode()))
            write_durably(path, with_digest(state))

        return Checkpoints(lambda: read_with_digest(path), write, self.seconds)


def folder_name(*parts: object) -> str:
    """Return a name for a folder that tells what it is for."""
    return re.sub(r"[^A-Za-z0-9]+", "-", " ".join(map(str, parts))).strip("-")
