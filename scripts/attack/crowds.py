"""The attacks with many wallets: all that a committee judges, and all that a round takes."""

from scripts.attack.outcomes import BETTER, HONEST, Gains, spoiled, voided
from scripts.attack.play import (
    REWARD,
    TEST,
    TRAIN,
    Model,
    bond_of,
    close,
    commit,
    commitment,
    fee_of,
    judge,
    ok,
    opening,
    release,
    revealed,
    training,
)
from scripts.attack.world import World


def crowded_ballot(world: World) -> Gains:
    """The attacker's wallets claim perfect test counts for a fair model, as many as a committee judges."""
    miner = world.miners[0]
    crowd = world.hire(world.rules.judgedSolutions)
    round_id = revealed(world, {miner: HONEST} | dict.fromkeys(crowd, BETTER))
    judge(world, round_id, dict.fromkeys(crowd, ok(Model(test=49))))
    return voided(world, len(crowd))


def low_claims(world: World) -> Gains:
    """The attacker's wallets take every place with claims that are true and low."""
    miner, attacker, junk = world.miners[0], world.attacker, Model(train=1, test=1)
    round_id = training(world, world.data_node)
    crowd = world.hire(world.rules.maxSolutions)
    for wallet in crowd:
        commit(world, round_id, wallet, junk)
    late = commitment(world, round_id, attacker, junk)
    again = world.chain.functions.commit(round_id, late, junk.train)
    world.refused(attacker, again, "TooManySolutions", bond_of(world))
    commit(world, round_id, miner, HONEST)
    close(world, round_id, world.data_node)
    release(world, round_id, world.data_node)
    world.refused(crowd[-1], opening(world, round_id, junk), "NoCommitment")
    models = {miner: HONEST} | dict.fromkeys(crowd[:-1], junk)
    for each, model in models.items():
        world.send(each, opening(world, round_id, model))
    judge(world, round_id, {each: ok(model) for each, model in models.items()})
    return spoiled(world)


def high_claims(world: World) -> Gains:
    """The attacker's wallets take every place with claims that nobody can exceed."""
    boast = Model(train=TRAIN, test=TEST)
    round_id = training(world, world.data_node)
    crowd = world.hire(world.rules.maxSolutions)
    for wallet in crowd:
        commit(world, round_id, wallet, boast)
    late = commitment(world, round_id, world.miners[0], HONEST)
    call = world.chain.functions.commit(round_id, late, HONEST.train)
    world.refused(world.miners[0], call, "TooManySolutions", bond_of(world))
    close(world, round_id, world.data_node)
    release(world, round_id, world.data_node)
    for wallet in crowd:
        world.send(wallet, opening(world, round_id, boast))
    judge(world, round_id, dict.fromkeys(crowd, ok(Model(train=1, test=1))))
    return voided(world, world.rules.judgedSolutions)


def false_door(world: World) -> Gains:
    """One wallet ends training by a false claim on the threshold; others show junk to be judged instead."""
    door, *crowd = world.hire(world.rules.judgedSolutions + 1)
    models = {door: Model(train=TRAIN, test=0)} | dict.fromkeys(crowd, Model(train=1, test=1))
    round_id = revealed(world, models)
    judge(world, round_id, {each: ok(model) for each, model in models.items()} | {door: ok(Model(1, 0))})
    committee, bond = REWARD * world.rules.verificationFeeBps // 10_000, bond_of(world)
    share = committee // world.rules.committeeSize * world.rules.committeeSize
    return {
        "data node": -fee_of(world) - max(committee - bond, 0),
        "attacker": -bond,
        "verifiers": share,
        "pool": fee_of(world) + max(bond, committee) - share,
    }
