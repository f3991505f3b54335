"""What becomes of a worker that ended: started again after a pause, or left alone."""

from dataclasses import dataclass
from typing import Final

from pole.errors import InputError

STAYS_DOWN: Final = frozenset({0, InputError.exit_code})
"""Exit codes after which no worker is started again: it had come to its end, or its configuration is bad."""


@dataclass(frozen=True, slots=True)
class Restarts:
    """Seconds before a worker is started again: `first`, doubled by each failure in a row, `longest` at most.

    A worker that ran for `steady` seconds begins a new row.
    """

    first: float = 1.0
    longest: float = 300.0
    steady: float = 60.0

    def failures(self, before: int, ran_for: float) -> int:
        """Return how many failures are in a row, of a worker that had so many and has ended again."""
        return 1 if ran_for >= self.steady else before + 1

    def pause(self, failures: int) -> float:
        """Return the seconds to wait after so many failures in a row, of which there is one at least."""
        return float(min(self.first * 2 ** min(failures - 1, 32), self.longest))
