"""Refusals that last: what no later block lets pass is said once, and not tried again."""

import logging
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from pole.errors import LastingRefusalError
from pole.protocol.state import Phase
from pole.roles.loop import Role
from pole.roles.ports import Moment

LOG: Final = logging.getLogger("pole.loop")

_Stand: TypeAlias = tuple[int, Phase, int]


@dataclass(slots=True)
class Heeding:
    """A role that leaves a lane alone after a refusal that lasts, until its round or phase changes."""

    role: Role
    _refused: dict[int, _Stand] = field(default_factory=dict, init=False)

    def step(self, moment: Moment) -> str | None:
        """See Role; a LastingRefusalError is logged, and every other error raised."""
        stand = (moment.round_id, moment.phase, moment.attempt)
        if self._refused.get(moment.lane) == stand:
            return None
        try:
            return self.role.step(moment)
        except LastingRefusalError as error:
            self._refused[moment.lane] = stand
            LOG.warning("%s It is not tried again.", error)
            return None
