"""Attacks by miners: with others' commitments, with false claims, and with many wallets."""

from scripts.stress.attack.outcomes import (
    BETTER,
    BOAST,
    HONEST,
    JUNK,
    MEDIOCRE,
    Gains,
    added,
    spoiled,
    voided,
)
from scripts.stress.attack.play import (
    MALFORMED,
    REWARD,
    Model,
    bond_of,
    close,
    commit,
    commitment,
    end,
    fee_of,
    judge,
    judged,
    ok,
    opening,
    release,
    reveal,
    revealed,
    training,
    verification_fee,
)
from scripts.stress.attack.world import Broken, World


def copied_commitment(world: World) -> Gains:
    """The attacker sees a commitment wait to be mined, sends it first, and later copies the reveal."""
    miner, attacker = world.miners[0], world.attacker
    round_id = training(world, world.data_node)
    seen = commitment(world, round_id, miner, HONEST)
    world.send(attacker, world.chain.functions.commit(round_id, seen, HONEST.train), bond_of(world))
    commit(world, round_id, miner, HONEST)
    close(world, round_id, world.data_node)
    release(world, round_id, world.data_node)
    world.refused(attacker, opening(world, round_id, miner, HONEST), "CommitmentMismatch")
    reveal(world, round_id, {miner: HONEST})
    world.wait(world.rules.revealWindow)
    judge(world, round_id, {miner: ok(HONEST)})
    return spoiled(world, -bond_of(world))


def copied_model(world: World) -> Gains:
    """The attacker waits for a revealed model and tries to commit to it."""
    miner, attacker = world.miners[0], world.attacker
    round_id = revealed(world, {miner: HONEST})
    late = commitment(world, round_id, attacker, HONEST)
    call = world.chain.functions.commit(round_id, late, HONEST.train)
    world.refused(attacker, call, "WrongPhase", bond_of(world))
    judge(world, round_id, {miner: ok(HONEST)})
    return spoiled(world)


def hidden_model(world: World) -> Gains:
    """The attacker commits to the best claim and never reveals."""
    miner = world.miners[0]
    round_id = training(world, world.data_node)
    commit(world, round_id, miner, HONEST)
    commit(world, round_id, world.attacker, BOAST)
    close(world, round_id, world.data_node)
    release(world, round_id, world.data_node)
    reveal(world, round_id, {miner: HONEST})
    world.wait(world.rules.revealWindow)
    judge(world, round_id, {miner: ok(HONEST)})
    return spoiled(world, -bond_of(world))


def false_claim(world: World) -> Gains:
    """The attacker claims a perfect test count for a model that is none."""
    miner, attacker = world.miners[0], world.attacker
    round_id = revealed(world, {miner: HONEST, attacker: BETTER})
    members = judge(world, round_id, {miner: ok(HONEST), attacker: MALFORMED})
    return spoiled(world, -bond_of(world), votes=2 * len(members))


def old_solution(world: World) -> Gains:
    """The attacker sends its commitment of an earlier round again, and its model under a new commitment."""
    miner, attacker = world.miners[0], world.attacker
    first = revealed(world, {attacker: HONEST})
    judge(world, first, {attacker: ok(HONEST)})
    end(world)
    old = commitment(world, first, attacker, HONEST)
    round_id = training(world, world.data_node)
    commit(world, round_id, miner, HONEST)
    world.send(attacker, world.chain.functions.commit(round_id, old, HONEST.train), bond_of(world))
    close(world, round_id, world.data_node)
    release(world, round_id, world.data_node)
    world.refused(attacker, opening(world, round_id, attacker, HONEST), "CommitmentMismatch")
    reveal(world, round_id, {miner: HONEST})
    world.wait(world.rules.revealWindow)
    judge(world, round_id, {miner: ok(HONEST)})
    won = dict(spoiled(world))
    won["attacker"] += won.pop("miner")
    return added(won, spoiled(world, -bond_of(world)))


def model_of_another_lane(world: World) -> Gains:
    """The attacker takes a model that was revealed in one lane and commits to it in another."""
    miner, attacker = world.miners[0], world.attacker
    digest = HONEST.digest_by(miner)
    copied = Model(digest=digest)
    post_second = training(world, world.data_node, 1)
    first = revealed(world, {miner: HONEST}, 0)
    commit(world, post_second, attacker, copied)
    close(world, post_second, world.data_node)
    release(world, post_second, world.data_node)
    reveal(world, post_second, {attacker: copied})
    judge(world, first, {miner: ok(HONEST)})
    # It names the other round's seed.
    members = judge(world, post_second, {attacker: MALFORMED})
    return added(spoiled(world), voided(world, bond_of(world), len(members)))


def false_claims(world: World) -> Gains:
    """The attacker's wallets take every place with claims that nobody can exceed, each on its own model."""
    round_id = training(world, world.data_node)
    crowd = _crowd(world, round_id)
    late = commitment(world, round_id, world.miners[0], HONEST)
    call = world.chain.functions.commit(round_id, late, HONEST.train)
    world.refused(world.miners[0], call, "TooManySolutions", bond_of(world))
    close(world, round_id, world.data_node)
    release(world, round_id, world.data_node)
    reveal(world, round_id, dict.fromkeys(crowd, BOAST))
    members = judge(world, round_id, dict.fromkeys(crowd, ok(JUNK)))
    lost = len(crowd) * bond_of(world)
    if lost < REWARD:
        raise Broken("a full round of lies costs less than the reward")
    return voided(world, lost, len(crowd) * len(members))


def one_model_for_all(world: World) -> Gains:
    """As before, but all wallets show one model, which is judged once."""
    one = Model(train=100, test=50, digest=b"\x0e" * 32)
    round_id = training(world, world.data_node)
    crowd = world.hire(world.rules.maxSolutions)
    for wallet in crowd:
        commit(world, round_id, wallet, one)
    close(world, round_id, world.data_node)
    release(world, round_id, world.data_node)
    reveal(world, round_id, dict.fromkeys(crowd, one))
    members = judge(world, round_id, {judged(world, round_id)[0].miner: ok(JUNK)})
    return voided(world, len(crowd) * bond_of(world), len(members))


def same_model_first(world: World) -> Gains:
    """The attacker trains what the honest miner trains, is earlier, and lies about it."""
    miner, attacker, digest = world.miners[0], world.attacker, b"\x0e" * 32
    lie, truth = Model(train=100, test=50, digest=digest), Model(digest=digest)
    round_id = revealed(world, {attacker: lie, miner: truth})
    members = judge(world, round_id, {attacker: ok(truth)})
    return spoiled(world, -bond_of(world), votes=len(members))


def low_claims(world: World) -> Gains:
    """The attacker's wallets take every place with claims that are true and low."""
    miner, attacker = world.miners[0], world.attacker
    round_id = training(world, world.data_node)
    crowd = _crowd(world, round_id, JUNK)
    late = commitment(world, round_id, attacker, JUNK)
    again = world.chain.functions.commit(round_id, late, JUNK.train)
    world.refused(attacker, again, "TooManySolutions", bond_of(world, JUNK.train))
    commit(world, round_id, miner, HONEST)
    close(world, round_id, world.data_node)
    release(world, round_id, world.data_node)
    world.refused(crowd[-1], opening(world, round_id, crowd[-1], JUNK), "NoCommitment")
    models = {miner: HONEST} | dict.fromkeys(crowd[:-1], JUNK)
    reveal(world, round_id, models)
    members = judge(world, round_id, {each: ok(model) for each, model in models.items()})
    return spoiled(world, votes=len(members) * len(models))


def false_door(world: World) -> Gains:
    """One wallet ends training by a false claim on the threshold; no one else has come that far."""
    miner, door = world.miners[0], world.attacker
    slow, lie = Model(train=70, test=40), Model(train=100, test=0)
    round_id = revealed(world, {miner: slow, door: lie})
    members = judge(world, round_id, {miner: ok(slow), door: ok(Model(1, 0))})
    bond, votes = bond_of(world), 2 * len(members)
    share = verification_fee(world) // votes * votes
    gains = {"data node": -fee_of(world), "attacker": -bond, "verifiers": share}
    return added(gains, {"pool": fee_of(world) + bond - share})


def sibling_ommer(world: World) -> Gains:
    """The winner's second wallet reveals the winning model with one bit changed, to be its ommer."""
    second, attacker = world.miners[0], world.attacker
    wallet = world.hire(1)[0]
    models = {attacker: BETTER, wallet: Model(test=49), second: HONEST}
    total: Gains = {}
    for _ in range(2):
        round_id = revealed(world, models)
        members = judge(world, round_id, {each: ok(model) for each, model in models.items()})
        end(world)
        won = dict(spoiled(world, votes=3 * len(members)))
        won["attacker"] += won.pop("miner")
        total = added(total, won)
    reward = world.rules.blockReward
    # The second block references the first one's ommer, of two.
    drawn = reward // 32 + reward // 2
    return added(total, {"attacker": drawn, "pool": -drawn})


def equal_ommer(world: World) -> Gains:
    """The winner's second wallet reveals the same model, to be its ommer; the honest second is."""
    second, attacker = world.miners[0], world.attacker
    wallet = world.hire(1)[0]
    best = Model(test=50, digest=b"\x0e" * 32)
    models = {attacker: best, wallet: best, second: HONEST}
    total: Gains = {}
    for _ in range(2):
        round_id = revealed(world, models)
        members = judge(world, round_id, {attacker: ok(best), second: ok(HONEST)})
        end(world)
        won = dict(spoiled(world, votes=2 * len(members)))
        won["attacker"] += won.pop("miner")
        total = added(total, won)
    reward = world.rules.blockReward
    drawn = {"attacker": reward // 32, "miner": reward, "pool": -reward // 32 - reward}
    drawn["pool"] = -drawn["attacker"] - drawn["miner"]
    return added(total, drawn)


def in_two_lanes(world: World) -> Gains:
    """One wallet commits in two lanes, and reveals in one of them what it committed in the other."""
    miner, attacker = world.miners[0], world.attacker
    first, second = training(world, world.data_node, 0), training(world, world.data_node, 1)
    for round_id in (first, second):
        commit(world, round_id, miner, HONEST)
        commit(world, round_id, attacker, Model(salt=round_id.to_bytes(32, "big")))
    for round_id in (first, second):
        close(world, round_id, world.data_node)
        release(world, round_id, world.data_node)
        reveal(world, round_id, {miner: HONEST})
    other = Model(salt=second.to_bytes(32, "big"))
    world.refused(attacker, opening(world, first, attacker, other), "CommitmentMismatch")
    world.wait(world.rules.revealWindow)
    for round_id in (first, second):
        judge(world, round_id, {miner: ok(HONEST)})
    return added(spoiled(world, -bond_of(world)), spoiled(world, -bond_of(world)))


def refunds_again(world: World) -> Gains:
    """A displaced wallet claims its bond back by committing, revealing and withdrawing again."""
    miner, attacker = world.miners[0], world.attacker
    round_id = training(world, world.data_node)
    crowd = _crowd(world, round_id, JUNK)
    commit(world, round_id, miner, HONEST)
    displaced = crowd[-1]
    world.withdraw(displaced)
    world.refused(displaced, world.reservoir.functions.withdraw(displaced), "NothingToWithdraw")
    commit(world, round_id, attacker, MEDIOCRE)
    again = crowd[-2]
    commit(world, round_id, again, Model(train=2))
    close(world, round_id, world.data_node)
    release(world, round_id, world.data_node)
    models = {miner: HONEST, attacker: MEDIOCRE, again: Model(train=2)} | dict.fromkeys(crowd[:-3], JUNK)
    reveal(world, round_id, models)
    members = judge(world, round_id, {each: ok(model) for each, model in models.items()})
    return spoiled(world, votes=len(members) * len(models))


def _crowd(world: World, round_id: int, model: Model = BOAST) -> list[str]:
    """Take every place of a round with wallets of the attacker."""
    crowd = world.hire(world.rules.maxSolutions)
    for wallet in crowd:
        commit(world, round_id, wallet, model)
    return crowd
