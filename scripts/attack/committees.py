"""The attacks by members of a committee: all of it, and just enough of it for a veto."""

from scripts.attack.outcomes import BETTER, HONEST, JUNK, Gains, spoiled
from scripts.attack.play import (
    Model,
    bond_of,
    commit_votes,
    draw,
    judge,
    ok,
    reveal_votes,
    revealed,
    votes_on,
)
from scripts.attack.world import World


def captured_committee(world: World) -> Gains:
    """Every seat of the first committee lies for the attacker; the honest miner challenges."""
    miner, attacker = world.miners[0], world.attacker
    round_id = revealed(world, {miner: HONEST, attacker: BETTER})
    liars = judge(world, round_id, {miner: ok(Model(train=10, test=5)), attacker: ok(BETTER)})
    bond = world.rules.challengeBond
    world.send(miner, world.chain.functions.challenge(round_id), bond)
    ballot, members = draw(world, round_id)
    truth = votes_on(world, round_id, {miner: ok(HONEST), attacker: JUNK})
    votes = dict.fromkeys(members, truth)
    commit_votes(world, ballot, votes)
    reveal_votes(world, ballot, votes)
    penalties = len(liars) * world.seats.penalty
    gains = spoiled(world, -bond_of(world), seats=len(members))
    gains["verifiers"] -= penalties
    gains["miner"] += penalties // 2
    gains["pool"] += penalties - penalties // 2
    return gains


def vetoed_model(world: World) -> Gains:
    """A few seats keep the honest model from its quorum, so that the attacker's mediocre one would win."""
    miner, attacker, mediocre = world.miners[0], world.attacker, Model(test=40)
    round_id = revealed(world, {miner: HONEST, attacker: mediocre})
    ballot, members = draw(world, round_id)
    truth = votes_on(world, round_id, {miner: ok(HONEST), attacker: ok(mediocre)})
    veto = votes_on(world, round_id, {miner: ok(Model(train=1, test=1)), attacker: ok(mediocre)})
    quorum = 2 * len(members) // 3 + 1
    liars = members[quorum - 1 :]
    votes = {member: veto if member in liars else truth for member in members}
    commit_votes(world, ballot, votes)
    reveal_votes(world, ballot, votes)
    world.send(miner, world.chain.functions.challenge(round_id))
    larger = judge(world, round_id, {miner: ok(HONEST), attacker: ok(mediocre)})
    penalties = len(liars) * world.seats.penalty
    gains = spoiled(world, seats=len(larger) + len(members) - len(liars))
    gains["verifiers"] -= penalties
    gains["pool"] += penalties
    return gains
