"""Plays the rounds: lets faults begin where their round has come, and watches what happens."""

import heapq
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Final

from scripts.stress.soak.crew.crew import KILLED, End
from scripts.stress.soak.faults import UNTIL_ROUND_ENDS, Injector
from scripts.stress.soak.liar import Liar
from scripts.stress.soak.plan import Fault, RoundPlan
from scripts.stress.soak.posting import Posting
from scripts.stress.soak.setting import Report, Setting

from pole.errors import PoleError
from pole.protocol.idle.task import IDLE_TASK_ID
from pole.protocol.state import ENDED, Phase
from pole.roles.ports import Moment

PACE: Final = 0.1
LOOK_EVERY: Final = 0.4
QUIET: Final = 6.0
"""Seconds for withdrawals and pins after the last round."""
STUCK: Final = 900.0
"""Seconds without any change of phase after which the rounds stand still."""

Seen = tuple[Sequence[Moment], Mapping[int, int]]
"""Where the lanes stand, and the tasks of rounds that were not known before."""


@dataclass(slots=True)
class Incident:
    """A fault as it happened in a round: when it began and ended, by the calendar, and whether it took hold.

    Both are None where the round was over first.
    """

    fault: Fault
    round_id: int
    began: float | None = None
    ended: float | None = None
    held: bool = False


@dataclass(slots=True)
class PlayedRound:
    """A round as it was seen, with its plan, None where it opened beside the plan.

    Times are seconds of the calendar.
    """

    round_id: int
    task_id: int
    plan: RoundPlan | None
    opened: float
    phase: Phase = Phase.NONE
    ended: float | None = None
    incidents: list[Incident] = field(default_factory=list)


@dataclass(slots=True)
class Conductor:
    """Plays what is posted to the end of the last round; everything but looks is done by one thread."""

    setting: Setting
    posting: Posting
    liar: Liar
    report: Report
    pool: ThreadPoolExecutor
    rounds: dict[int, PlayedRound] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    is_stuck: bool = False
    _injector: Injector = field(init=False)
    _due: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _numbers: "count[int]" = field(default_factory=count)
    _look: Future[Seen] | None = None
    _look_after: float = 0.0
    _lying: Future[None] | None = None
    _changed: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._injector = Injector(self.setting.ground, self.setting.crew, self._beside)

    def play(self) -> None:
        """Play until all is played, or stands still; then let everything that is at fault be right again."""
        while not (self.posting.is_done and all(each.ended for each in self.rounds.values())):
            if time.monotonic() - self._changed > STUCK:
                self.is_stuck = True
                break
            self._turn()
            time.sleep(PACE)
        self._settle()

    def _turn(self) -> None:
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            heapq.heappop(self._due)[2]()
        for end in self.setting.crew.revive():
            self._report_end(end)
        self._see()
        self.posting.step(sum(each.task_id != IDLE_TASK_ID for each in self._open()))

    def _settle(self) -> None:
        """End what lasts, and give the workers time for what comes after a round."""
        for each in self.rounds.values():
            self._end_all(each)
        while self._due:
            heapq.heappop(self._due)[2]()
        until = time.monotonic() + QUIET
        while time.monotonic() < until or self.setting.crew.is_waiting():
            self.setting.crew.revive()
            time.sleep(PACE)
        self.setting.crew.look()

    def _open(self) -> list[PlayedRound]:
        return [each for each in self.rounds.values() if each.ended is None]

    def _see(self) -> None:
        """Take the answer of the last look, if it is there, and look again: the chain may be away."""
        now = time.monotonic()
        if self._look is None:
            if now >= self._look_after:
                self._look, self._look_after = self.pool.submit(self._read), now + LOOK_EVERY
        elif self._look.done():
            look, self._look = self._look, None
            error = look.exception()
            if error is None:
                self._take_in(*look.result())
            elif not isinstance(error, PoleError):
                raise error

    def _read(self) -> Seen:
        reader = self.setting.reader
        moments = reader.moments()
        fresh = {each.round_id for each in moments} - self.rounds.keys() - {0}
        return moments, {round_id: reader.round(round_id).task_id for round_id in fresh}

    def _take_in(self, moments: Sequence[Moment], tasks: Mapping[int, int]) -> None:
        for round_id, task_id in sorted(tasks.items()):
            plan = self.posting.opened(idle=task_id == IDLE_TASK_ID)
            self.rounds[round_id] = PlayedRound(round_id, task_id, plan, time.time())
        for moment in moments:
            if moment.round_id:
                self._follow(self.rounds[moment.round_id], moment)
            for each in self._open():
                if moment.has_ended(each.round_id):
                    self._end(each)

    def _follow(self, played: PlayedRound, moment: Moment) -> None:
        if played.ended is not None:
            return
        if moment.phase is not played.phase:
            self._changed, played.phase = time.monotonic(), moment.phase
        if moment.phase in ENDED or played.plan is None:
            return
        known = {id(incident.fault) for incident in played.incidents}
        for fault in played.plan.faults:
            if fault.phase <= moment.phase and id(fault) not in known:
                incident = Incident(fault, played.round_id)
                played.incidents.append(incident)
                self._at(fault.delay, partial(self._begin, played, incident))
        if played.plan.lies and (self._lying is None or self._lying.done()):
            if self._lying is not None:
                self._lying.result()
            self._lying = self.pool.submit(self._lie, moment)

    def _begin(self, played: PlayedRound, incident: Incident) -> None:
        if played.ended is not None:
            return
        incident.began, incident.held = time.time(), self._injector.begin(incident.fault)
        if not incident.held:
            incident.ended = incident.began
        elif incident.fault.kind not in UNTIL_ROUND_ENDS:
            self._at(incident.fault.seconds, lambda: self._finish(incident))

    def _finish(self, incident: Incident) -> None:
        if incident.began is not None and incident.ended is None:
            incident.held = self._injector.end(incident.fault)
            incident.ended = time.time()

    def _end_all(self, played: PlayedRound) -> None:
        for incident in played.incidents:
            self._finish(incident)

    def _end(self, played: PlayedRound) -> None:
        played.ended, self._changed = time.time(), time.monotonic()
        for incident in played.incidents:
            if incident.fault.kind in UNTIL_ROUND_ENDS:
                self._finish(incident)
        self.setting.crew.look()
        self.report(_told(played))

    def _at(self, delay: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._due, (time.monotonic() + delay, next(self._numbers), action))

    def _beside(self, work: Callable[[], object]) -> None:
        """Do what takes long beside the rounds; where it fails that is kept."""

        def run() -> None:
            try:
                work()
            except PoleError as error:
                self.failures.append(str(error))

        self.pool.submit(run)

    def _lie(self, moment: Moment) -> None:
        try:
            self.liar.step(moment)
        except PoleError as error:
            self.report(f"the liar: {error}")

    def _report_end(self, end: End) -> None:
        if end.code != KILLED:
            self.report(f"{end.worker} ended with exit code {end.code} after {end.seconds:.0f} s")


def _told(played: PlayedRound) -> str:
    kind = "idle" if played.task_id == IDLE_TASK_ID else f"task {played.task_id}"
    begun = [incident for incident in played.incidents if incident.held]
    number = "beside the plan" if played.plan is None else f"{played.plan.number} of the plan"
    faults = "; ".join(str(incident.fault) for incident in begun) or "no fault"
    seconds = (played.ended or played.opened) - played.opened
    return f"round {played.round_id} ({number}, {kind}) ended after {seconds:.0f} s: {faults}"
