"""What everybody gains by a round that is attacked, and the models that are played with."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from scripts.stress.attack.play import BPS, DATA_BOND, REWARD, Model, fee_of, verification_fee
from scripts.stress.attack.world import World

Gains = Mapping[str, int]
HONEST: Final = Model()
BETTER: Final = Model(test=50)
MEDIOCRE: Final = Model(train=82, test=40)
JUNK: Final = Model(train=1, test=1)
BOAST: Final = Model(train=100, test=50)


def spoiled(world: World, attacker: int = 0, *, votes: int = 0, **changes: int) -> Gains:
    """Return the gains of a round that the honest miner wins, where the attacker loses to the pool.

    The verification fee is shared by `votes`, by default one of each seat of the first committee. Rents
    come on top.
    """
    committee = verification_fee(world)
    votes = votes or world.rules.committeeSize
    share = committee // votes * votes
    fair = {
        "data node": -REWARD - fee_of(world),
        "miner": REWARD - committee + world.rules.blockReward,
        "verifiers": share,
        "attacker": attacker,
        "pool": fee_of(world) - world.rules.blockReward - attacker + committee - share,
    }
    return added(fair, changes)


def untested(world: World) -> Gains:
    """Return the gains of a round that the honest miner wins without a test set."""
    share = DATA_BOND * world.rules.faultShareBps // BPS
    return spoiled(world, miner=share, pool=DATA_BOND - share, **{"data node": -DATA_BOND})


def voided(world: World, lost: int, votes: int) -> Gains:
    """Return the gains of a round in which all claims are false: the attacker pays the committee."""
    committee = min(verification_fee(world), lost)
    share = committee // votes * votes
    return {
        "data node": -fee_of(world),
        "attacker": -lost,
        "verifiers": share,
        "pool": fee_of(world) + lost - share,
    }


def without_finding(world: World) -> Gains:
    """Return the gains of a round that ends void before anybody is paid or forfeits anything."""
    return {"data node": -fee_of(world), "pool": fee_of(world)}


def added(*gains: Gains) -> Gains:
    """Return sums of gains, by role."""
    total: Counter[str] = Counter()
    for each in gains:
        total.update(each)
    return total
