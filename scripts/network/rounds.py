"""How long a round takes, step by step: by the clock of the chain below, the work, and who is absent."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from scripts.network.kinds import Kind, Network
from scripts.network.units import Units

from pole.roles.workers.miner.leaving import BEGIN, END

BYTES_A_SECOND: Final = 12_500_000
"""Assumed of everybody's way to its peers, in either direction: 100 Mbit/s."""
ABSENT: Final = 0.01
"""Assumed: the part of miners that never reveal, and of members that never vote or never reveal."""

Chance = Callable[[], float]
"""Draws a number from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Work:
    """The seconds that one machine needs for a task's files and models."""

    keys: float
    prepare: float
    test_set: float
    model: float


def work_of(kind: Kind, units: Units) -> Work:
    """Return how long fetching, decrypting and evaluating take; `model` is that of one model."""
    one = units.kinds[kind.name]
    sample = one.sample_bytes / BYTES_A_SECOND + one.decrypt_seconds
    return Work(
        keys=one.keys_bytes / BYTES_A_SECOND,
        prepare=kind.train_count * sample + one.task_bytes / BYTES_A_SECOND,
        test_set=kind.test_count * (sample + one.evaluate_seconds),
        model=one.model_bytes / BYTES_A_SECOND + kind.samples * one.evaluate_seconds,
    )


@dataclass(frozen=True, slots=True)
class Times:
    """When what happens in rounds of one kind on one network; every step is mined in a block of its own.

    `seats` are those of a round's committee; an absent vote is waited for over `judging_window` seconds.
    """

    network: Network
    kind: Kind
    work: Work
    seats: int
    judging_window: int

    def mined(self, sent: float, blocks: int = 1) -> float:
        """Return the time of the block so many after the one at `sent`: the first that takes what is sent."""
        step = self.network.block_time
        return (sent // step + blocks) * step

    def drawn(self, named: float) -> float:
        """Return when a draw is mined: whoever sends it has seen the block after the named one."""
        return self.mined(named, self.network.parameters.chain.draw_delay + 2)

    def confirmed(self, sent: float) -> float:
        """Return when a step that waits for confirmations of what was mined at `sent` is mined itself."""
        return self.mined(sent, self.network.parameters.chain.confirmations + 1)

    def training(self, opened: float) -> float:
        """Return when Training begins in a round that was opened: its seed drawn and its keys posted."""
        return self.confirmed(self.drawn(opened) + self.work.keys)

    def grace(self, begun: float) -> float:
        """Return when a round ends, mined, that nobody has committed to since its Training began."""
        chain = self.network.parameters.chain
        return self.mined(begun + self._window(min(chain.grace_window, self.kind.time_limit)))

    @property
    def calls(self) -> bool:
        """Return whether a round can end for want of a commitment before its models are trained."""
        return self.network.parameters.chain.grace_window < self.kind.time_limit

    def called(self, begun: float) -> float:
        """Return when miners come whom a round calls out of others: in the middle of its turns."""
        grace = self.network.parameters.chain.grace_window
        return self.mined(begun + grace * (BEGIN + END) / 2)

    def closed(self, begun: float, joined: float) -> float:
        """Return when the data node closes: its first miners have trained, or the time limit is over."""
        trained = joined + self.work.prepare + self.kind.training
        return self.mined(min(trained, begun + self.kind.time_limit))

    def revealed(self, closed: float, solutions: int, chance: Chance) -> float:
        """Return when Reveal ends: the last model is revealed, or the window over where one never is."""
        released = self.confirmed(closed)
        if self._somebody_is_absent(solutions, chance):
            # Nobody's reveal named a block for the draw, so somebody does.
            return self.mined(released + self._window(self.network.parameters.chain.reveal_window))
        return max(self.confirmed(released), self.mined(released + self.work.test_set))

    def ended(self, revealed: float, solutions: int, chance: Chance) -> float:
        """Return when the round is finalised: drawn, voted on, and not challenged."""
        chain = self.network.parameters.chain
        drawn = self.drawn(revealed)
        voted = self.mined(drawn + solutions * self.work.model)
        if self._somebody_is_absent(self.seats, chance):
            voted = drawn + self._window(self.judging_window)
        shown = self.confirmed(voted)
        if self._somebody_is_absent(self.seats, chance):
            shown = voted + self._window(chain.vote_reveal_window)
        return self.mined(shown + self._window(chain.challenge_window))

    def shortest(self, solutions: int) -> float:
        """Return how long a round takes in which nobody is absent and miners wait for it."""

        def present() -> float:
            return 0.0

        begun = self.training(0)
        revealed = self.revealed(self.closed(begun, begun), solutions, present)
        return self.ended(revealed, solutions, present)

    def _window(self, seconds: float) -> float:
        """Return how long a window lasts: so many seconds, and so many blocks at least."""
        return max(seconds, self.network.parameters.chain.window_blocks * self.network.block_time)

    def _somebody_is_absent(self, count: int, chance: Chance) -> bool:
        return chance() > (1 - ABSENT) ** count


def times_of(network: Network, kind: Kind, units: Units) -> Times:
    """Return the times of a kind of task on a network, by what was measured."""
    return Times(network, kind, work_of(kind, units), network.seats(kind), network.judging_window(kind))
