"""Attacks on what is drawn: seeds, committees, and the seats that they are drawn from."""

from scripts.stress.attack.outcomes import HONEST, JUNK, Gains, spoiled, without_finding
from scripts.stress.attack.play import (
    challenge,
    commit,
    draw,
    draw_block,
    draw_next,
    end,
    fee_of,
    judge,
    ok,
    open_round,
    pass_to,
    post,
    reveal,
    revealed,
    training,
    vote,
    votes_on,
)
from scripts.stress.attack.world import Broken, World


def late_seats(world: World) -> Gains:
    """The attacker stakes twenty seats right before it opens a round."""
    miner = world.miners[0]
    wallets = world.hire(20)
    for wallet in wallets:
        world.send(wallet, world.committee.functions.stake(), world.seats.seatStake)
    round_id = revealed(world, {miner: HONEST})
    if set(judge(world, round_id, {miner: ok(HONEST)})) & set(wallets):
        raise Broken("a seat was drawn that was taken right before the round")
    return spoiled(world)


def chosen_draw(world: World) -> Gains:
    """The attacker arms with the last reveal, names another block, and draws by another header."""
    miner, attacker, chain = world.miners[0], world.attacker, world.chain.functions
    round_id = revealed(world, {miner: HONEST})
    named = draw_block(world, round_id)
    if named <= world.height() + 1:
        raise Broken(f"the last reveal names block {named}, which its builder can make next")
    world.refused(attacker, chain.arm(round_id), "DrawPending")
    early = chain.draw(round_id, world.header(world.height()))
    world.refused(attacker, early, "DrawNotReady")
    world.mine(300)
    world.refused(attacker, chain.arm(round_id), "DrawPending")
    header = world.header(named)
    for wrong in (world.header(named - 1), world.header(named + 1), header[:-1], header + b"\x00", b""):
        world.refused(attacker, chain.draw(round_id, wrong), "WrongHeader")
    judge(world, round_id, {miner: ok(HONEST)})
    world.refused(attacker, chain.draw(round_id, header), "NothingToDraw")
    return spoiled(world)


def ground_seed(world: World) -> Gains:
    """The attacker posts, cancels and opens in one go, to try seeds; the seed is of a block to come."""
    miner, attacker = world.miners[0], world.attacker
    fees = 0
    for _ in range(3):
        task_id = post(world, attacker)
        fees += fee_of(world)
        world.send(attacker, world.tasks.functions.cancel(task_id))
    post(world, world.data_node)
    round_id = open_round(world)
    named, known = draw_block(world, round_id), world.chain.functions.round(round_id).call().seed
    if named < world.height() + 2:
        raise Broken("the seed's block can be known when a round is opened")
    world.refused(attacker, world.chain.functions.draw(round_id, b""), "DrawNotReady")
    draw_next(world, round_id)
    if world.chain.functions.round(round_id).call().seed == known:
        raise Broken("the seed is known when a round is opened")
    keys = world.chain.functions.postFunctionalKeys(round_id, "bafy-keys", b"\x04" * 32)
    world.send(world.data_node, keys)
    commit(world, round_id, miner, HONEST)
    world.send(world.data_node, world.chain.functions.closeSubmissions(round_id))
    world.mine()
    release = world.chain.functions.releaseTestSet(round_id, "bafy-test", b"\x7e" * 32)
    world.send(world.data_node, release)
    reveal(world, round_id, {miner: HONEST})
    judge(world, round_id, {miner: ok(HONEST)})
    return spoiled(world, -fees)


def stake_and_run(world: World) -> Gains:
    """A member of a committee leaves and wants its stake before the round ends."""
    miner, functions = world.miners[0], world.committee.functions
    round_id = revealed(world, {miner: HONEST})
    ballot, members = draw(world, round_id)
    runner = members[0]
    world.send(runner, functions.unstake())
    world.wait(10 * world.seats.seatAge)
    world.refused(runner, functions.reclaim(), "StakeBound")
    votes = votes_on(world, round_id, {miner: ok(HONEST)})
    vote(world, ballot, dict.fromkeys(members[1:], votes))
    world.wait(world.rules.voteRevealWindow)
    world.refused(runner, functions.reclaim(), "StakeBound")
    share = world.rules.verificationFeeBps * 3 * 10**18 // 10_000 // len(members)
    penalty = world.seats.penalty
    return spoiled(world, verifiers=-share - penalty, pool=share + penalty)


def shuffled_seats(world: World) -> Gains:
    """Seats are left and taken again in another order while a round is open, to move the draw."""
    miner, functions = world.miners[0], world.committee.functions
    round_id = revealed(world, {miner: HONEST})
    opened = world.chain.functions.round(round_id).call().openedAt - world.seats.seatAge
    before = [functions.seatAt(opened, n).call() for n in range(functions.seatsAt(opened).call())]
    for verifier in world.verifiers[::-1]:
        world.send(verifier, functions.unstake())
        world.send(verifier, functions.stake())
    wallets = world.hire(3)
    for wallet in wallets:
        world.send(wallet, functions.stake(), world.seats.seatStake)
    after = [functions.seatAt(opened, n).call() for n in range(functions.seatsAt(opened).call())]
    members = judge(world, round_id, {miner: ok(HONEST)})
    if before != after or set(members) - set(before):
        raise Broken("the seats of an open round changed")
    return spoiled(world)


def barred_seats(world: World) -> Gains:
    """Seats of the attacker commit as miners, so that too few are left to judge."""
    miner, low = world.miners[0], JUNK
    keep = world.rules.minCommittee - 1
    crowd = world.verifiers[keep:]
    world.liars.update(crowd)
    round_id = training(world, world.data_node)
    commit(world, round_id, miner, HONEST)
    for wallet in crowd:
        commit(world, round_id, wallet, low)
    world.send(world.data_node, world.chain.functions.closeSubmissions(round_id))
    world.mine()
    release = world.chain.functions.releaseTestSet(round_id, "bafy-test", b"\x7e" * 32)
    world.send(world.data_node, release)
    reveal(world, round_id, {miner: HONEST} | dict.fromkeys(crowd, low))
    draw_next(world, round_id)
    pass_to(world, round_id, "Settlement")
    return without_finding(world)


def dropped_challenge(world: World) -> Gains:
    """The attacker challenges where no larger committee can be drawn, to have its bond in the pot."""
    miner, functions = world.miners[0], world.committee.functions
    # Eleven seats are asked for; of those that stand five can be drawn.
    for verifier in world.verifiers[world.rules.committeeSize + 1 :]:
        world.send(verifier, functions.unstake())
    world.wait(world.seats.seatAge + 1)
    barred = world.verifiers[0]
    round_id = training(world, world.data_node)
    commit(world, round_id, miner, HONEST)
    commit(world, round_id, barred, JUNK)
    world.send(world.data_node, world.chain.functions.closeSubmissions(round_id))
    world.mine()
    release = world.chain.functions.releaseTestSet(round_id, "bafy-test", b"\x7e" * 32)
    world.send(world.data_node, release)
    reveal(world, round_id, {miner: HONEST, barred: JUNK})
    members = judge(world, round_id, {miner: ok(HONEST), barred: ok(JUNK)})
    challenge(world, round_id, world.attacker)
    draw_next(world, round_id)
    pass_to(world, round_id, "Settlement")
    end(world)
    return spoiled(world, votes=2 * len(members))


def seedless(world: World) -> Gains:
    """Whoever opened a round never draws its seed; a stranger does before its block's hash is lost."""
    post(world, world.data_node)
    round_id = open_round(world)
    world.mine(200)
    draw_next(world, round_id)
    pass_to(world, round_id, "Settlement")
    bond = world.chain.functions.round(round_id).call().task.terms.dataBond
    return {"data node": -fee_of(world) - bond, "pool": fee_of(world) + bond}
