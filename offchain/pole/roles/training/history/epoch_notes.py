"""What a user's training code says of its epochs, checked, and put together with the scores of its models."""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pole.roles.support.events import trace
from pole.roles.training.history.trainings import LARGEST, Check

LOG: Final = logging.getLogger("pole.training")


@dataclass(frozen=True, slots=True)
class Epoch:
    """An epoch's number from 1, its mean loss, which need not be finite, and the learning rate, if known."""

    number: int
    loss: float
    learning_rate: float | None


def read_epoch(told: bytes) -> Epoch | None:
    """Return the epoch that the user's process sent, None for what is none."""
    try:
        number, loss, rate = json.loads(told)
    except (ValueError, TypeError, RecursionError):
        return None
    if type(number) is not int or not 0 < number <= LARGEST or type(loss) is not float:
        return None
    return Epoch(number, loss, rate if type(rate) is float else None)


@dataclass(slots=True)
class EpochNotes:
    """Notes how a training goes by what its code says; where it says nothing its reports count as epochs.

    `clock` tells seconds of any epoch, and the training begins with the notes.
    """

    clock: Callable[[], float]
    note: Callable[[Check], None]
    samples: int
    _begun: float = field(init=False)
    _noted_at: float = field(init=False)
    _newest: Epoch | None = field(default=None, init=False)
    _reports: int = field(default=0, init=False)
    _correct: int | None = field(default=None, init=False)
    _speed: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._begun = self._noted_at = self.clock()

    def take(self, told: bytes) -> None:
        """Note an epoch that was sent; what is none, or none after the last one, is left out."""
        found = read_epoch(told)
        if found is None or (self._newest is not None and found.number <= self._newest.number):
            return
        now = self.clock()
        took, self._noted_at = now - self._noted_at, now
        self._newest, self._speed = found, self.samples / took if took > 0 else None
        self._note()
        sentence = f"Epoch {found.number}: loss {found.loss:.4g}."
        trace(LOG, "epoch", sentence, epoch=found.number, loss=found.loss, seconds=took)

    def score(self, correct: int) -> None:
        """Note that the best model so far gets so many samples right."""
        self._reports += 1
        self._correct = correct
        self._note()

    def _note(self) -> None:
        newest = self._newest
        check = Check(
            epoch=self._reports if newest is None else newest.number,
            loss=None if newest is None else newest.loss,
            correct=self._correct,
            learning_rate=None if newest is None else newest.learning_rate,
            seconds=self.clock() - self._begun,
            samples_per_second=self._speed,
        )
        self.note(check)
