"""Fetching within the time that a phase leaves: what is missing blocks no worker until it is too late."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pole.errors import UnreachableError
from pole.roles.loop import Pace
from pole.roles.ports import Store

LONGEST_PAUSE: Final = Pace().longest
LAST_TRY: Final = 2.0
PART: Final = 2


@dataclass(slots=True)
class PatientStore:
    """A store whose every fetch takes at most half of the time that is left, or two seconds.

    So a step that ends with the first file that is missing is over in time to be repeated. When no time is
    left, a file that was missing before is not asked for again.
    """

    store: Store
    clock: Callable[[], float]
    _until: float = field(default=math.inf, init=False)
    _missed: set[str] = field(default_factory=set, init=False)

    @contextmanager
    def until(self, seconds: float) -> Iterator[None]:
        """Bound the fetches inside: so many seconds from now none is under way but for a last try."""
        self._until = self.clock() + seconds
        try:
            yield
        finally:
            self._until = math.inf

    def add(self, path: Path) -> str:
        """See Store."""
        return self.store.add(path)

    def cid_of(self, path: Path) -> str:
        """See Store."""
        return self.store.cid_of(path)

    def fetch(self, cid: str, path: Path, *, max_bytes: int, within: float | None = None) -> None:
        """See Store."""
        left = self._until - self.clock()
        if left <= 0 and cid in self._missed:
            raise UnreachableError(f"{cid} was not to be had while there was time.")
        if left < math.inf:
            within = max(LAST_TRY, left / PART)
        try:
            self.store.fetch(cid, path, max_bytes=max_bytes, within=within)
        except UnreachableError:
            self._missed.add(cid)
            raise
