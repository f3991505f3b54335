"""What a data node does once its rounds have ended: keep the model that won, and say who won with what."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pole.errors import DiskError, InputError, IntegrityError, UnreachableError
from pole.roles.memory import DataNodeMemory
from pole.roles.models.collecting import Collector, report_collected
from pole.roles.models.result import RoundResult
from pole.roles.ports import Moment
from pole.roles.support.events import report
from pole.roles.support.waiting import PatientStore

LOG: Final = logging.getLogger("pole.data-node")
SECONDS_TO_FETCH: Final = 20.0
SECONDS_BETWEEN: Final = 60
"""Between two tries: other duties have deadlines, and asking for what is not there takes long."""


@dataclass(slots=True)
class WonModels:
    """The models of this data node's rounds, each kept once its round has ended.

    `result_of` returns how a round ended, None while that is not known. The rounds are in the journal until
    their models are kept, so a worker that was killed goes on.
    """

    memory: DataNodeMemory
    store: PatientStore
    collector: Collector
    result_of: Callable[[int], RoundResult | None]
    _tried_at: dict[int, int] = field(default_factory=dict, init=False)

    def expect(self, round_id: int) -> None:
        """Remember to keep the model of this round when it has ended."""
        awaited = self.memory.awaited_models()
        if round_id not in awaited:
            self.memory.keep_awaited_models([*awaited, round_id])

    def step(self, moment: Moment) -> str | None:
        """Keep the model of one round that has ended, or say that it has none."""
        awaited = self.memory.awaited_models()
        for round_id in awaited:
            if self._is_due(round_id, moment):
                self._tried_at[round_id] = moment.timestamp
                if self._collect(round_id):
                    self.memory.keep_awaited_models([each for each in awaited if each != round_id])
                    return "model kept"
        return None

    def _is_due(self, round_id: int, moment: Moment) -> bool:
        tried_at = self._tried_at.get(round_id)
        is_time = tried_at is None or moment.timestamp >= tried_at + SECONDS_BETWEEN
        return is_time and moment.has_ended(round_id)

    def _collect(self, round_id: int) -> bool:
        """Return whether nothing is left to do for a round's model."""
        try:
            result = self.result_of(round_id)
            if result is None:
                return False
            if result.block is None:
                _report_void(result)
                return True
            with self.store.until(SECONDS_TO_FETCH):
                report_collected(self.collector.collect(result))
        except (UnreachableError, DiskError, IntegrityError) as error:
            # A node that lags behind itself, or follows a reorganisation, is wrong for a while.
            LOG.warning("Round %d: its model cannot be kept now: %s Trying again.", round_id, error)
            return False
        except InputError as error:
            LOG.warning("Round %d: its model cannot be kept: %s", round_id, error)
        return True


def _report_void(result: RoundResult) -> None:
    sentence = (
        f"Round {result.round_id} on task {result.task.task_id} ended without a block "
        f"({result.void_reason.name}): there is no model, and what comes back is this wallet's credit."
    )
    report(
        LOG,
        "round-void",
        sentence,
        round=result.round_id,
        task=result.task.task_id,
        reason=result.void_reason.name,
    )
