"""What workers report about themselves: events for people and machines alike, and progress of long work."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pole.protocol.formats.encrypted_set import Part

Detail = int | float | str | bool


def report(log: logging.Logger, event: str, sentence: str, **details: Detail) -> None:
    """Log an event at level INFO.

    `event` is its stable name, `sentence` is for people, `details` are for machines. Never pass a secret: no
    salt, key, password, or model that is not revealed.
    """
    log.info(sentence, extra={"event": event, "details": details})


def report_loss(log: logging.Logger, event: str, sentence: str, **details: Detail) -> None:
    """Log an event that costs money, at level WARNING; the rest is as with `report`."""
    log.warning(sentence, extra={"event": event, "details": details})


def trace(log: logging.Logger, event: str, sentence: str, **details: Detail) -> None:
    """Log an event that is counted and not read, at level DEBUG; the rest is as with `report`."""
    log.debug(sentence, extra={"event": event, "details": details})


SECONDS_BETWEEN: Final = 5.0


@dataclass(slots=True)
class Progress:
    """The samples of a set, counted as they are done; `verb` is "encrypted" or "decrypted".

    Logs the event "<verb>-so-far" at most every five seconds by `clock`, and never for the last sample:
    whoever counts says that the work is done.
    """

    log: logging.Logger
    verb: str
    part: "Part"
    total: int
    clock: Callable[[], float]
    _done: int = field(default=0, init=False)
    _began: float = field(init=False)
    _told: float = field(init=False)

    def __post_init__(self) -> None:
        self._began = self._told = self.clock()

    @property
    def seconds(self) -> float:
        """Return the seconds since the work began."""
        return self.clock() - self._began

    def skip(self, samples: int) -> None:
        """Leave out samples that were done before the work began, so that they do not count for its rate."""
        self.total -= samples

    def add(self, samples: int) -> None:
        """Count samples that are done."""
        self._done += samples
        now = self.clock()
        if self._done < self.total and now - self._told >= SECONDS_BETWEEN:
            self._told = now
            self._report(self._done / (now - self._began))

    def _report(self, rate: float) -> None:
        left = (self.total - self._done) / rate
        sentence = (
            f"{self.verb.capitalize()} {self._done} of {self.total} samples of the {self.part.value} set, "
            f"{rate:.0f} a second, {left:.0f} s left."
        )
        report(
            self.log,
            f"{self.verb}-so-far",
            sentence,
            part=self.part.value,
            samples=self._done,
            of=self.total,
            rate=round(rate, 1),
            left=round(left, 1),
        )
