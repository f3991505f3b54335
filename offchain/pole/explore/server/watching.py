"""The index kept up with the chain while pages are served, and whoever waits for news of it told."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import Final

from pole.adapters.history.pages import BlockMark
from pole.errors import PoleError

log: Final = logging.getLogger(__name__)

BEAT: Final = 15.0
"""Seconds after which a stream says that it is there though there is no news."""


class Pulse:
    """The newest block that was read, and the complaint where reading failed, told to all who wait."""

    def __init__(self) -> None:
        self.head: BlockMark | None = None
        self.complaint = ""
        self._changed = asyncio.Condition()

    async def set(self, head: BlockMark | None, complaint: str) -> None:
        """Tell what the last look found, where that is new."""
        if (head, complaint) == (self.head, self.complaint):
            return
        async with self._changed:
            self.head, self.complaint = head, complaint
            self._changed.notify_all()

    async def changes(self) -> AsyncIterator[BlockMark | None]:
        """Yield the newest block at once and each time that anything changed, and None for a beat."""
        seen: tuple[BlockMark | None, str] | None = None
        while True:
            try:
                async with asyncio.timeout(BEAT), self._changed:
                    while seen == (self.head, self.complaint):
                        await self._changed.wait()
                    seen = (self.head, self.complaint)
                yield self.head
            except TimeoutError:
                yield None


async def keep_up(look: Callable[[], BlockMark], pulse: Pulse, pause: float) -> None:
    """Look again and again, a pause of seconds after each, until cancelled.

    A node that is away, or a database that is busy, is complained of once and asked again.
    """
    while True:
        try:
            head = await asyncio.to_thread(look)
        except PoleError as error:
            if str(error) != pulse.complaint:
                log.warning("%s", error)
            await pulse.set(pulse.head, str(error))
        else:
            await pulse.set(head, "")
        await asyncio.sleep(pause)


@contextlib.asynccontextmanager
async def kept_up(look: Callable[[], BlockMark], pulse: Pulse, pause: float) -> AsyncIterator[None]:
    """Keep up with the chain while the context is open."""
    task = asyncio.create_task(keep_up(look, pulse, pause))
    task.add_done_callback(lambda done: _note_end(done, pulse))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def _note_end(task: "asyncio.Task[None]", pulse: Pulse) -> None:
    """Say on all pages, and in the log, that nothing new is read where a fault of ours ended the reading."""
    error = None if task.cancelled() else task.exception()
    if error is not None:
        log.error("Reading has ended by a fault in pole: start it again, and report this.", exc_info=error)
        pulse.complaint = f"reading has ended by a fault in pole ({type(error).__name__}): start it again"
