"""What everybody gains by a round that is attacked, and the models that are played with."""

from typing import Final

from scripts.attack.play import REWARD, Model, bond_of, fee_of
from scripts.attack.world import World

Gains = dict[str, int]
HONEST: Final = Model()
BETTER: Final = Model(test=50)
JUNK: Final = (3, 0, 0, bytes(32))


def spoiled(world: World, attacker: int = 0, *, seats: int | None = None, **changes: int) -> Gains:
    """Return the gains of a round that the honest miner wins, where the attacker loses to the pool.

    The committee's fee is shared by `seats`, by default all of the first committee.
    """
    committee = REWARD * world.rules.verificationFeeBps // 10_000
    seats = seats or world.rules.committeeSize
    share = committee // seats * seats
    fair = {
        "data node": -REWARD - fee_of(world),
        "miner": REWARD - committee + world.rules.blockReward,
        "verifiers": share,
        "attacker": attacker,
        "pool": fee_of(world) - world.rules.blockReward - attacker + committee - share,
    }
    return {role: fair.get(role, 0) + changes.get(role, 0) for role in {*fair, *changes}}


def voided(world: World, bonds: int) -> Gains:
    """Return the gains of a round whose judged claims are all false: the attacker pays the committee."""
    lost = bonds * bond_of(world)
    committee = min(REWARD * world.rules.verificationFeeBps // 10_000, lost)
    share = committee // world.rules.committeeSize * world.rules.committeeSize
    return {
        "data node": -fee_of(world),
        "attacker": -lost,
        "verifiers": share,
        "pool": fee_of(world) + lost - share,
    }
