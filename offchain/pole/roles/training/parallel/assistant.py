"""A machine that helps another one's miner: its ranks follow, its own watch starts and ends them."""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from multiprocessing import connection as connections
from pathlib import Path
from typing import Any, Final

import torch

from pole.errors import IntegrityError
from pole.learning.parallel.meeting import Endpoint, join
from pole.quoting import reason
from pole.roles.training.learner import LearnerError
from pole.roles.training.parallel.machines import Plan, answer, read_plan
from pole.roles.training.parallel.rank import Rank, await_processes, fresh_folder, running_ranks
from pole.roles.training.parallel.rank_process import Failed, Place

LOG: Final = logging.getLogger("pole.training")
LOOK: Final = 0.2
SECONDS_BETWEEN_TRIES: Final = 2.0
PLAN_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Assistant:
    """What this machine offers: a process on each of the devices, with `threads` of the processor in all.

    `folder` is for the logs of its ranks.
    """

    endpoint: Endpoint
    devices: Sequence[torch.device]
    threads: int
    folder: Path

    def run(self, stopping: Callable[[], bool]) -> None:
        """Help with one training after another until `stopping()`; a miner that is away is waited for."""
        # A miner takes a machine for lost that says nothing while it loads torch.
        await_processes()
        told = False
        while not stopping():
            try:
                store = join(self.endpoint)
                LOG.info("Joined the miner at %s:%d.", self.endpoint.host, self.endpoint.port)
                told = False
                with ExitStack() as ranks:
                    _Service(self, store, ranks).until(stopping)
            except RuntimeError as error:
                # torch has many names for a connection that failed, all of this kind.
                if not told:
                    LOG.warning("The miner is away, and waited for: %s.", reason(error))
                told = True
                time.sleep(SECONDS_BETWEEN_TRIES)


@dataclass(slots=True)
class _Service:
    """One connection to a miner's store."""

    assistant: Assistant
    store: Any
    ranks: ExitStack
    _number: int = 0
    _call: int = 0
    _running: list[Rank] = field(default_factory=list)

    def until(self, stopping: Callable[[], bool]) -> None:
        self._call = int(self.store.add("call", 0))
        self._number = int(self.store.add("assistants", 1))
        beats = 0
        while not stopping():
            beats += 1
            self.store.set(f"beat/{self._number}", str(beats))
            call = int(self.store.add("call", 0))
            if call != self._call:
                self._call = call
                self._begin()
            self._watch()

    def _begin(self) -> None:
        """End the ranks of another training, and begin those of this one that are given to this machine."""
        self.ranks.close()
        self._running = []
        assistant, number = self.assistant, self._number
        self.store.set(
            f"answer/{self._call}/{number}", answer(len(assistant.devices), assistant.devices[0].type)
        )
        try:
            plan = self._plan()
        except IntegrityError as error:
            self._give_up(str(error))
            return
        if plan is None or number not in plan.parts:
            return
        if plan.device != assistant.devices[0].type:
            self._give_up(f"it trains on {assistant.devices[0].type}, not on {plan.device}: use --device")
            return
        first, count = plan.parts[number]
        folder = fresh_folder(assistant.folder / "assistant.ranks")
        places = [
            Place(
                rank=first + index,
                ranks=plan.ranks,
                device=device,
                threads=max(1, assistant.threads // count),
                meeting=Endpoint(assistant.endpoint.host, assistant.endpoint.port, f"ranks/{self._call}"),
                log=folder / f"{first + index}.log",
            )
            for index, device in enumerate(assistant.devices[:count])
        ]
        try:
            self._running = self.ranks.enter_context(running_ranks(places, None))
        except LearnerError as error:
            self._give_up(str(error))
            return
        LOG.info("Helping with ranks %d to %d of %d.", first, first + count - 1, plan.ranks)

    def _plan(self) -> Plan | None:
        """Return who has which ranks, None where another training is called; raises IntegrityError without.

        The miner has to be told: it waits for ranks that it has given.
        """
        key, until = f"plan/{self._call}", time.monotonic() + PLAN_SECONDS
        while not self.store.check([key]):
            if int(self.store.add("call", 0)) != self._call:
                return None
            if time.monotonic() > until:
                raise IntegrityError(f"The miner has given no ranks within {PLAN_SECONDS:g} s of its call.")
            time.sleep(LOOK / 10)
        return read_plan(self.store.get(key))

    def _watch(self) -> None:
        """Wait a moment; where a rank has ended before the others, say so to the miner and end them all."""
        if not self._running:
            time.sleep(LOOK)
            return
        for ready in connections.wait([rank.connection for rank in self._running], LOOK):
            rank = next(each for each in self._running if each.connection is ready)
            message = rank.message()
            ended = message is None and rank.exit_code() == 0
            if ended or self.store.check([f"over/{self._call}"]):
                # The training has ended, or the miner has ended its ranks: the others end too.
                self.ranks.close()
                self._running = []
            else:
                self._give_up(rank.why(message if isinstance(message, Failed) else None))
            return

    def _give_up(self, why: str) -> None:
        LOG.warning("%s", why)
        self.store.set(f"fault/{self._call}/{self._number}", why)
        self.ranks.close()
        self._running = []
