"""Tasks that arrive, wait and are worked on in lanes: a simulation by events, the same for the same seed.

Tasks arrive at random (Poisson). A free lane takes the most valuable that waits; a full list takes a task in
the place of one that is worth less. A miner works in one lane at a time, from the beginning of its work to
its reveal; whose place was taken is free when the training ends. A round to which nobody has come calls a few
miners out of others, from each but the last.
"""

import heapq
from bisect import insort
from dataclasses import dataclass, field
from enum import IntEnum
from math import exp, log
from random import Random

from scripts.network.rounds import Times

DAY = 86_400
CALLED = 3
"""Assumed: the miners that answer a call before they see that one has come; their lots let a few do so."""


@dataclass(slots=True)
class Open:
    """A round that is open: its task, whose value is its reward, and the miners that work in it."""

    lane: int
    value: float
    begun: float = 0.0
    miners: int = 0


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked of the lanes: tasks a day, miners, and for how many days.

    Miners of a group choose alike: of the rounds in Training the one that pays best. One group is all miners,
    as they choose. As many as there are lanes is a network whose miners each keep to a lane.
    """

    lanes: int
    tasks_a_day: float
    miners: int
    days: float
    groups: int = 1


@dataclass(slots=True)
class Outcome:
    """What became of all tasks that arrived, and how long those waited that a round took.

    `waiting_area` and `open_area` are sums over time, in task-seconds: of tasks that wait, and of lanes that
    are open. `joined` counts how often a miner began to work in a round, `solutions` the places taken.
    """

    seconds: float
    arrived: int = 0
    done: int = 0
    void: int = 0
    dropped: int = 0
    waiting: int = 0
    open: int = 0
    waits: list[float] = field(default_factory=list)
    dropped_seconds: float = 0.0
    left_seconds: float = 0.0
    waiting_area: float = 0.0
    open_area: float = 0.0
    joined: int = 0
    solutions: int = 0

    @property
    def done_a_day(self) -> float:
        """Return how many tasks end in a block in a day."""
        return self.done * DAY / self.seconds

    @property
    def lost(self) -> int:
        """Return how many tasks that came are nowhere: none."""
        return self.arrived - self.done - self.void - self.dropped - self.waiting - self.open

    @property
    def mean_waiting(self) -> float:
        """Return how many tasks wait on average."""
        return self.waiting_area / self.seconds


class Step(IntEnum):
    """What happens at a moment, in this order where several things do."""

    ENDED = 0
    REVEALED = 1
    CLOSED = 2
    TRAINING = 3
    ARRIVED = 4
    GRACE = 5
    CALLING = 6


class Lanes:
    """The lanes of a network, its list of tasks, and its miners."""

    def __init__(self, times: Times, load: Load, chance: Random) -> None:
        self._times, self._load, self._chance = times, load, chance
        self._now = 0.0
        self._events: list[tuple[float, int, int, Open | None]] = []
        self._number = 0
        self._waiting: list[tuple[float, int, float]] = []
        self._training: list[Open] = []
        self._free_lanes = list(range(load.lanes))
        share, rest = divmod(load.miners, load.groups)
        self._free_miners = [share + (group < rest) for group in range(load.groups)]
        self.outcome = Outcome(load.days * DAY)

    def run(self) -> Outcome:
        """Play all days, and return what became of the tasks."""
        self._next_arrival()
        while self._events and self._events[0][0] < self.outcome.seconds:
            moment = self._events[0][0]
            self._pass(moment)
            while self._events and self._events[0][0] == moment:
                _, step, _, each = heapq.heappop(self._events)
                self._take(Step(step), each)
            self._send_miners()
            self._open_rounds()
        self._pass(self.outcome.seconds)
        self.outcome.waiting = len(self._waiting)
        self.outcome.open = self._load.lanes - len(self._free_lanes)
        self.outcome.left_seconds = sum(self._now - since for _, _, since in self._waiting)
        return self.outcome

    def _take(self, step: Step, each: Open | None) -> None:
        if each is None:
            self._arrive()
        elif step is Step.TRAINING:
            each.begun = self._now
            self._training.append(each)
            self._add(self._times.grace(self._now), Step.GRACE, each)
            if self._times.calls:
                self._add(self._times.called(self._now), Step.CALLING, each)
        elif step is Step.CALLING:
            self._call(each)
        elif step is Step.GRACE and not each.miners:
            self._training.remove(each)
            self.outcome.void += 1
            self._free_lanes.append(each.lane)
        elif step is Step.CLOSED:
            self._close(each)
        elif step is Step.REVEALED:
            self._free_miners[self._group(each)] += each.miners
            ended = self._times.ended(self._now, each.miners, self._chance.random)
            self._add(ended, Step.ENDED, each)
        elif step is Step.ENDED:
            self.outcome.done += 1
            self._free_lanes.append(each.lane)

    def _arrive(self) -> None:
        """Take a task into the list: into a full one in the place of the least valuable, or not at all."""
        self.outcome.arrived += 1
        self._next_arrival()
        value = exp(self._chance.uniform(log(0.5), log(2)))
        # Of equal value, the earlier one is taken first and pushed out last.
        insort(self._waiting, (value, -self.outcome.arrived, self._now))
        if len(self._waiting) > self._times.network.parameters.task_list.max_tasks:
            _, _, since = self._waiting.pop(0)
            self.outcome.dropped += 1
            self.outcome.dropped_seconds += self._now - since

    def _open_rounds(self) -> None:
        while self._free_lanes and self._waiting:
            value, _, since = self._waiting.pop()
            self.outcome.waits.append(self._now - since)
            opened = self._times.mined(self._now)
            self._add(self._times.training(opened), Step.TRAINING, Open(self._free_lanes.pop(), value))

    def _send_miners(self) -> None:
        """Let the free miners of each group go to the best of its rounds in Training, all of them."""
        for group, free in enumerate(self._free_miners):
            offers = [each for each in self._training if self._group(each) == group] if free else []
            if offers:
                self._free_miners[group] = 0
                self._join(max(offers, key=lambda each: each.value), free)

    def _join(self, chosen: Open, miners: int) -> None:
        self.outcome.joined += miners
        if not chosen.miners:
            self._add(self._times.closed(chosen.begun, self._now), Step.CLOSED, chosen)
        chosen.miners += miners

    def _call(self, each: Open) -> None:
        """Let a few miners of its group leave others, for half their pay, for a round that nobody came to."""
        others = [
            other
            for other in self._training
            if other.miners > 1 and other.value < 2 * each.value and self._group(other) == self._group(each)
        ]
        if each.miners or not others:
            return
        crowd = max(others, key=lambda other: other.miners)
        leaving = min(CALLED, crowd.miners - 1)
        crowd.miners -= leaving
        self._join(each, leaving)

    def _group(self, each: Open) -> int:
        return each.lane % self._load.groups

    def _close(self, each: Open) -> None:
        self._training.remove(each)
        placed = min(each.miners, self._times.network.parameters.chain.max_solutions)
        self._free_miners[self._group(each)] += each.miners - placed
        each.miners = placed
        self.outcome.solutions += placed
        revealed = self._times.revealed(self._now, placed, self._chance.random)
        self._add(revealed, Step.REVEALED, each)

    def _next_arrival(self) -> None:
        self._add(self._now + self._chance.expovariate(self._load.tasks_a_day / DAY), Step.ARRIVED, None)

    def _add(self, moment: float, step: Step, each: Open | None) -> None:
        self._number += 1
        heapq.heappush(self._events, (moment, step, self._number, each))

    def _pass(self, moment: float) -> None:
        passed = moment - self._now
        self.outcome.waiting_area += passed * len(self._waiting)
        self.outcome.open_area += passed * (self._load.lanes - len(self._free_lanes))
        self._now = moment


def simulate(times: Times, load: Load, seed: int) -> Outcome:
    """Return what becomes of the tasks of some days."""
    # The same numbers every time are what is wanted.
    return Lanes(times, load, Random(seed)).run()  # noqa: S311 - the same run for the same seed
