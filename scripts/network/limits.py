"""At how many tasks a day each part of a network is at its limit: the least of them breaks first."""

from dataclasses import dataclass
from typing import Final

from scripts.network.lanes import DAY, Outcome
from scripts.network.roles import Costs
from scripts.network.rounds import BYTES_A_SECOND, Times
from scripts.network.units import Units

FULL_BLOCKS: Final = 0.5
"""The part of all gas above which blocks are fuller than their target, and the base fee rises."""
ALIKE: Final = 0.95
"""What miners do as they choose counts as the limit below this part of what they do in lanes of their own."""
NODE_REQUESTS: Final = 1000
"""Assumed: requests a second that one Ethereum node answers."""
MISSING: Final = 0.05
"""The part of the tasks without a block from which a network is called broken; each was paid for."""

CHOICE: Final = "miners' choice"
LANES: Final = "lanes"
PROCESSOR: Final = "processor"
DOWNLOAD: Final = "download"
GAS: Final = "gas"
PARTS: Final = (CHOICE, LANES, PROCESSOR, DOWNLOAD, GAS)


@dataclass(frozen=True, slots=True)
class Full:
    """What lanes do that are asked for more than they can.

    Miners take rounds as they choose (`chosen`), or keep to lanes of their own (`apart`).
    """

    chosen: Outcome
    apart: Outcome


def capacity(times: Times, lanes: int) -> float:
    """Return the tasks a day that lanes can take at the most: nobody absent, no time between rounds."""
    return lanes * DAY / times.shortest(times.network.parameters.chain.max_solutions)


def limits(times: Times, units: Units, full: Full, costs: Costs, verifiers: int) -> dict[str, float]:
    """Return the tasks a day that each part can take; infinite where it is none."""
    kind, network = times.kind, times.network
    one = units.kinds[kind.name]
    judged = min(times.seats, verifiers) / verifiers * network.parameters.chain.max_solutions
    fetched = kind.samples * one.sample_bytes + one.task_bytes + one.keys_bytes + judged * one.model_bytes
    seconds = kind.samples * (one.decrypt_seconds + judged * one.evaluate_seconds)
    chosen, apart = full.chosen.done_a_day, full.apart.done_a_day
    return {
        CHOICE: chosen if chosen < ALIKE * apart else float("inf"),
        LANES: apart,
        PROCESSOR: DAY / seconds,
        DOWNLOAD: DAY * BYTES_A_SECOND / fetched,
        GAS: FULL_BLOCKS * network.gas_limit * DAY / network.block_time / costs.gas.total,
    }


def first_to_break(found: dict[str, float], outcome: Outcome, tasks_a_day: float) -> str | None:
    """Return which part a network of so many tasks a day is beyond the limit of, the nearest one; or None.

    Tasks that end without a block although lanes have time are the miners' choice.
    """
    broken = {part: limit for part, limit in found.items() if limit < tasks_a_day}
    ended = outcome.done + outcome.void
    if CHOICE not in broken and outcome.void > MISSING * max(ended, 1):
        return CHOICE
    return min(broken, key=lambda part: broken[part]) if broken else None
