"""Telling long work that its phase is over."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pole.errors import RefusedError, UnreachableError
from pole.protocol.state import Phase
from pole.roles.ports import Chain

LOG: Final = logging.getLogger("pole.miner")


@dataclass(slots=True)
class RoundWatch:
    """Tells work when its round is in none of `phases` any more; looks at the chain once a second at most."""

    chain: Chain
    round_id: int
    clock: Callable[[], float]
    stopping: Callable[[], bool]
    phases: frozenset[Phase] = frozenset({Phase.TRAINING})
    _looked_at: float = field(default=float("-inf"), init=False)
    _over: bool = field(default=False, init=False)

    def over(self) -> bool:
        """Return whether the phases are over, as far as is known, or the process is to end."""
        now = self.clock()
        if not self._over and now - self._looked_at >= 1.0:
            self._looked_at = now
            self._over = self._look()
        return self._over or self.stopping()

    def _look(self) -> bool:
        try:
            moment = self.chain.moment()
        except (UnreachableError, RefusedError) as error:
            # The deadline still ends the work when the chain does not answer, or with another round's state.
            LOG.debug("the chain does not answer during long work: %s", error)
            return False
        return moment.round_id != self.round_id or moment.phase not in self.phases
