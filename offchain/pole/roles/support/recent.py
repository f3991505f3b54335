"""What happened last: a worker runs for months, and remembers no more than it can be asked for."""

from collections.abc import Hashable
from typing import Final, Generic, TypeVar

RECENT: Final = 1024
"""Far more than the rounds that are open at a time, or what any of them has of files and transactions."""

T = TypeVar("T", bound=Hashable)


class Recent(Generic[T]):
    """The last different values that were added, `maximum` at most."""

    def __init__(self, maximum: int = RECENT) -> None:
        self._maximum = maximum
        self._values: dict[T, None] = {}

    def add(self, value: T) -> None:
        """Make a value the newest; the oldest of too many is forgotten."""
        self._values.pop(value, None)
        self._values[value] = None
        if len(self._values) > self._maximum:
            del self._values[next(iter(self._values))]

    def __contains__(self, value: object) -> bool:
        """Return whether a value is among them."""
        return value in self._values
