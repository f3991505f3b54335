"""What long measurements say while they go on: on the standard error, now and then."""

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

# The mining processes of Table 1 import this and should not load torch.
if TYPE_CHECKING:
    from pole.learning.training.training_run import Progress

LOG: Final = logging.getLogger("experiments")
SECONDS_BETWEEN: Final = 10.0
MEGABYTE: Final = 1e6

Say = Callable[[str], None]


def now_and_then(clock: Callable[[], float] = time.monotonic) -> Say:
    """Return a function that says what it is given, unless it said something in the last ten seconds."""
    told_at = clock()

    def say(sentence: str) -> None:
        nonlocal told_at
        if clock() - told_at >= SECONDS_BETWEEN:
            told_at = clock()
            LOG.info("  %s", sentence)

    return say


def of_training(epochs: int | None, say: Say) -> "Callable[[Progress], None]":
    """Return a listener to a training of so many epochs, None where nobody knows how many."""

    def listen(progress: "Progress") -> None:
        so_far = f"loss {progress.loss:.3f}, {progress.seconds:.0f} s"
        if epochs is None:
            say(f"epoch {progress.epoch}: {so_far}")
        else:
            left = progress.seconds / progress.epoch * (epochs - progress.epoch)
            say(f"epoch {progress.epoch} of {epochs}: {so_far}, about {left:.0f} s left")

    return listen


def of_download(say: Say) -> Callable[[str, int, int], None]:
    """Return a listener to a download: how many bytes of a file are here, of how many."""
    return lambda name, here, size: say(f"{name}: {here / MEGABYTE:.1f} of {size / MEGABYTE:.1f} MB")
