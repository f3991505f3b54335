"""What a block draws from the system pool (twin of contracts/libraries/money/OmmerRewards.sol).

Amounts are wei; every division rounds down, in the pool's favour.
"""

from dataclasses import dataclass
from typing import Final

from pole.protocol.rounds.judgement import BASIS_POINTS
from pole.protocol.state import Ommer

MAX_AGE: Final = 6
"""How old an ommer can be when it is referenced."""

INCLUSION_DIVISOR: Final = 32


@dataclass(frozen=True, slots=True)
class PoolDraw:
    """The ommer a block references, None for none, and what the pool pays for the block."""

    ommer: Ommer | None
    block_reward: int
    inclusion_reward: int
    ommer_reward: int

    @property
    def total(self) -> int:
        """Return all that the pool pays."""
        return self.block_reward + self.inclusion_reward + self.ommer_reward


NOTHING: Final = PoolDraw(None, 0, 0, 0)


def age(ommer: Ommer, *, height: int, lanes: int) -> int:
    """Return how old an ommer is for the block at `height`: as many lanes' worth of blocks, rounded up."""
    return -(-(height - ommer.height) // lanes)


def ommer_reward(ommer: Ommer, *, block_reward: int, height: int, lanes: int) -> int:
    """Return R_r = R_w / (age * count), rounded down."""
    return block_reward // (age(ommer, height=height, lanes=lanes) * ommer.count)


def inclusion_reward(block_reward: int) -> int:
    """Return R_w / 32, what referencing an ommer earns the winner, rounded down."""
    return block_reward // INCLUSION_DIVISOR


def fee_covers(fee: int, *, block_reward: int, margin_bps: int) -> bool:
    """Return whether a task's fee is at least (1 + mu) * R_w * (2 + 1/32).

    Else a data node could farm the pool by posting trivial tasks to itself.
    """
    largest_draw = block_reward * (2 * INCLUSION_DIVISOR + 1)
    return fee * BASIS_POINTS * INCLUSION_DIVISOR >= (BASIS_POINTS + margin_bps) * largest_draw


def referable(kept: Ommer | None, *, height: int, lanes: int) -> Ommer | None:
    """Return the ommer that the block at `height` references: the one kept, where it is not too old."""
    if kept is None or age(kept, height=height, lanes=lanes) > MAX_AGE:
        return None
    return kept


def pool_draw(ommer: Ommer | None, *, height: int, lanes: int, block_reward: int) -> PoolDraw:
    """Return what the block at `height` draws when it references `ommer`."""
    if ommer is None:
        return PoolDraw(None, block_reward, 0, 0)
    reward = ommer_reward(ommer, block_reward=block_reward, height=height, lanes=lanes)
    return PoolDraw(ommer, block_reward, inclusion_reward(block_reward), reward)
