"""Attacks by data nodes: files that never come, work that was not declared, lanes that are held."""

from scripts.stress.attack.outcomes import BETTER, HONEST, Gains, added, spoiled, untested, without_finding
from scripts.stress.attack.play import (
    BPS,
    DATA_BOND,
    DATA_FAULT,
    DATA_UNAVAILABLE,
    DIGEST,
    LIMIT,
    REWARD,
    TEST,
    TRAIN,
    WORK,
    Model,
    bond_of,
    challenge,
    close,
    commit,
    commitment,
    draw,
    duration_of,
    end,
    fee_of,
    finalise,
    judge,
    keyed,
    longest,
    minimum_fee,
    minimum_reward,
    ok,
    open_round,
    pass_to,
    phase,
    post,
    post_cheapest,
    posting,
    release,
    rent_of,
    reveal,
    revealed,
    seeded,
    training,
    verification_fee,
    vote,
    votes_on,
)
from scripts.stress.attack.world import POOL, Broken, World

PART = 9
"""Basis points of what tasks like the reference would pay, for each time of a round's windows."""


def no_keys(world: World) -> Gains:
    """The data node posts a task and issues no keys."""
    task_id = post(world, world.data_node)
    seeded(world)
    world.refused(world.data_node, world.tasks.functions.cancel(task_id), "TaskNotListed")
    return {"data node": -DATA_BOND - fee_of(world), "pool": DATA_BOND + fee_of(world)}


def no_test_set(world: World) -> Gains:
    """The data node offers another test set than it posted, and then none."""
    miner, model = world.miners[0], Model(test=0)
    round_id = training(world, world.data_node)
    commit(world, round_id, miner, model)
    close(world, round_id, world.data_node)
    world.mine()
    other = world.chain.functions.releaseTestSet(round_id, "bafy-other", DIGEST)
    world.refused(world.data_node, other, "WrongTestSet")
    pass_to(world, round_id, "Reveal")
    reveal(world, round_id, {miner: model})
    judge(world, round_id, {miner: ok(model)})
    return untested(world)


def own_task(world: World) -> Gains:
    """A data node wins its own task with its own committee, and references its own ommer."""
    first, second = world.miners[:2]
    models = {first: BETTER, second: HONEST}
    for _ in range(2):
        round_id = revealed(world, models)
        members = judge(world, round_id, {miner: ok(model) for miner, model in models.items()})
        end(world)
    drawn = world.rules.blockReward + world.rules.blockReward * 65 // 32
    votes = 2 * len(members)
    share = 2 * (verification_fee(world) // votes * votes)
    committees = 2 * verification_fee(world)
    return {
        "data node": -2 * REWARD - 2 * fee_of(world),
        "miner": 2 * REWARD - committees + drawn,
        "verifiers": share,
        "pool": 2 * fee_of(world) - drawn + committees - share,
    }


def longest_of_nothing(world: World) -> Gains:
    """The least tasks of a long time in all lanes, with garbage keys; a real task comes."""
    began = world.now()
    for lane in range(world.seats.lanes):
        post_cheapest(world, world.attacker, longest(world))
        keyed(world, world.attacker, lane)
    fees = world.seats.lanes * minimum_fee(world, longest(world))
    post(world, world.data_node)
    world.wait(world.rules.graceWindow)
    finalise(world, world.seats.lanes)
    if world.now() - began > world.rules.graceWindow + 60:
        raise Broken(f"the lanes stood for {world.now() - began} seconds")
    miner = world.miners[0]
    round_id = _served(world, miner)
    judge(world, round_id, {miner: ok(HONEST)})
    return spoiled(world, -fees)


def _held(world: World, wallet: str, model: Model) -> list[int]:
    """Take every lane with the least task of a long time, and commit in it; return the rounds."""
    rounds, limit = [], longest(world)
    for lane in range(world.seats.lanes):
        post_cheapest(world, world.attacker, limit)
        rounds.append(keyed(world, world.attacker, lane))
        made = commitment(world, rounds[-1], wallet, model)
        call = world.chain.functions.commit(rounds[-1], made, model.train)
        world.send(wallet, call, bond_of(world, model.train, minimum_reward(world, limit)))
    return rounds


def longest_of_ones_own(world: World) -> Gains:
    """The same, and a wallet of their owner mines all of them, so that no grace ends them."""
    wallet, model, limit = world.hire(1)[0], Model(train=10, test=0), longest(world)
    reward, fee = minimum_reward(world, limit), minimum_fee(world, limit)
    cheaper, value = posting(world, timeLimit=limit, reward=reward - 1, fee=fee)
    world.refused(world.attacker, cheaper, "TermOutOfRange", value)
    rounds = _held(world, wallet, model)
    for round_id in rounds:
        pass_to(world, round_id, "TestRelease")
    total: Gains = {}
    for round_id in rounds:
        release(world, round_id, world.attacker)
        reveal(world, round_id, {wallet: model})
        seats = len(judge(world, round_id, {wallet: ok(model)}))
        committee = verification_fee(world, reward)
        paid = committee // seats * seats
        drawn = world.rules.blockReward if fee >= fee_of(world) else 0
        spent = fee + committee - drawn
        total = added(total, {"attacker": -spent, "verifiers": paid, "pool": spent - paid})
    for lane in range(world.seats.lanes):
        end(world, lane)
    spent = -total["attacker"] + world.rents[world.attacker]
    shares = world.terms.feeBps + world.terms.rentBps + world.rules.verificationFeeBps
    asked = world.terms.rewardPerSecond * limit**2 // world.terms.roundWindows
    promised = world.seats.lanes * asked * shares // BPS
    if spent < promised:
        raise Broken(f"all lanes stood for {spent / 10**18:.4f} ether, not {promised / 10**18:.4f}")
    return total


def longest_of_faulty_data(world: World) -> Gains:
    """The same with data at fault, which no committee is paid for out of the reward; a real task waits."""
    wallet, model, fee = world.hire(1)[0], Model(train=10, test=0), minimum_fee(world, longest(world))
    rounds = _held(world, wallet, model)
    waiting_task = post(world, world.data_node)
    began = world.now()
    for round_id in rounds:
        pass_to(world, round_id, "TestRelease")
    stood = world.now() - began
    for round_id in rounds:
        close(world, round_id, world.stranger)
        pass_to(world, round_id, "Reveal")
        reveal(world, round_id, {wallet: model})
        seats = len(judge(world, round_id, {wallet: DATA_FAULT}))
        pass_to(world, round_id, "Void")
    world.send(world.data_node, world.tasks.functions.cancel(waiting_task))
    bond = world.terms.minDataBond
    spent = len(rounds) * (fee + bond) + world.rents[world.attacker]
    # Of what tasks like the one that waits would have paid in all lanes: the longer, the larger a part.
    waiting = world.seats.lanes * REWARD * stood // duration_of(world)
    promised = waiting * (stood // world.terms.roundWindows) * PART // BPS
    if spent < promised:
        raise Broken(f"all lanes stood {stood} s for {spent / 10**18:.4f} ether, not {promised / 10**18:.4f}")
    shared = bond // seats * seats
    lost = {"attacker": -fee - bond, "verifiers": shared, "pool": fee + bond - shared}
    return added(without_finding(world), *[lost] * len(rounds))


def outbidding(world: World) -> Gains:
    """The attacker comes before a waiting task with the cheapest that is worth more, and garbage keys."""
    post(world, world.data_node)
    reward = REWARD * duration_of(world, limit=1) // duration_of(world) + 1
    fee = reward * world.terms.feeBps // BPS
    bond = world.terms.minDataBond
    post(world, world.attacker, reward=reward, timeLimit=1, fee=fee, dataBond=bond)
    round_id = keyed(world, world.attacker)
    world.wait(world.rules.graceWindow)
    finalise(world, round_id)
    miner = world.miners[0]
    round_id = _served(world, miner)
    judge(world, round_id, {miner: ok(HONEST)})
    return spoiled(world, -fee)


def heavy_work(world: World) -> Gains:
    """A specification of 3e14 multiplications a model: declared it is refused, hidden it is a fault."""
    samples = TRAIN + TEST
    heavy, value = posting(world, work=min(3 * 10**14 // samples, 2**40 - 1))
    world.refused(world.attacker, heavy, "TooMuchWork", value)
    speed = world.terms.judgingSpeed
    unpaid, value = posting(
        world,
        work=world.terms.maxJudgingTime * speed // samples,
        reward=world.terms.minReward,
        fee=world.terms.minReward,
    )
    world.refused(world.attacker, unpaid, "TermOutOfRange", value)
    miner = world.miners[0]
    round_id = revealed(world, {miner: HONEST}, work=WORK)
    members = judge(world, round_id, {miner: DATA_FAULT})
    return _faulty(world, len(members))


def time_for_work(world: World) -> Gains:
    """Sixteen models of declared work: the window for votes grows with it, and nobody is late."""
    seconds = 1000
    work = seconds * world.terms.judgingSpeed // (TRAIN + TEST)
    miner, other = world.miners[:2]
    models = {miner: HONEST, other: Model(train=85, test=40)}
    round_id = revealed(world, models, work=work)
    ballot = judge_late(world, round_id, models, 2 * seconds - 100)
    return spoiled(world, votes=2 * ballot)


def missed_threshold(world: World) -> Gains:
    """The data node closes early over a test set whose threshold nobody can meet, to keep all models."""
    miner, other = world.miners[:2]
    models = {miner: Model(test=10), other: Model(train=81, test=5)}
    round_id = revealed(world, models, requiredTestAccuracy=9000)
    members = judge(world, round_id, {each: ok(model) for each, model in models.items()})
    votes = 2 * len(members)
    share = verification_fee(world) // votes * votes
    part = (REWARD - verification_fee(world)) * world.rules.missedShareBps // BPS
    pool = fee_of(world) + verification_fee(world) - share
    paid = verification_fee(world) + part + fee_of(world)
    return {"data node": -paid, "miner": part, "verifiers": share, "pool": pool}


def served_data(world: World) -> Gains:
    """Training data are withheld until the first committee has voted, and served when it is challenged."""
    miner = world.miners[0]
    round_id = revealed(world, {miner: HONEST})
    first = judge(world, round_id, {miner: DATA_UNAVAILABLE})
    bond = challenge(world, round_id, world.attacker)
    second = judge(world, round_id, {miner: ok(HONEST)})
    votes = len(first) + len(second)
    share = (verification_fee(world) + bond) // votes * len(second)
    kept = verification_fee(world) + bond - share
    return added(
        {"data node": -REWARD - fee_of(world), "attacker": -bond, "verifiers": share},
        {"miner": REWARD - verification_fee(world) + world.rules.blockReward},
        {"pool": fee_of(world) + kept - world.rules.blockReward},
    )


def idle_ahead(world: World) -> Gains:
    """Idle rounds in every lane ahead of real tasks, and one while a task waits, paid by the pool."""
    lanes = world.seats.lanes
    needed = world.rules.blockReward + lanes * -(-world.rules.blockReward * 65 // 32)
    endowing = world.pool() < needed
    call = world.chain.functions.openRound(0)
    if endowing:
        world.refused(world.attacker, call, "PoolTooSmall")
        world.send(world.attacker, world.reservoir.functions.deposit(world.chain.address, POOL), needed)
    world.send(world.attacker, call)
    world.refused(world.attacker, world.chain.functions.openRound(1), "IdleRoundOpen")
    post(world, world.data_node)
    round_id = open_round(world, 1)
    if world.chain.functions.round(round_id).call().taskId == 0:
        raise Broken("an idle round was opened while a task waited")
    miner = world.miners[0]
    pass_to(world, round_id, "Keys")
    world.send(world.data_node, world.chain.functions.postFunctionalKeys(round_id, "bafy-keys", DIGEST))
    commit(world, round_id, miner, HONEST)
    close(world, round_id, world.data_node)
    release(world, round_id, world.data_node)
    reveal(world, round_id, {miner: HONEST})
    judge(world, round_id, {miner: ok(HONEST)})
    given = needed if endowing else 0
    return added(spoiled(world), {"attacker": -given, "pool": given})


def unclosed(world: World) -> Gains:
    """Nobody closes a round whose time is over, to have its owner pay rent; the rent has an end."""
    miner = world.miners[0]
    round_id = training(world, world.data_node)
    commit(world, round_id, miner, HONEST)
    world.wait(LIMIT)
    if phase(world, round_id) != "TestRelease":
        raise Broken("training goes on after its time limit")
    world.wait(10 * world.rules.testWindow)
    release(world, round_id, world.data_node)
    reveal(world, round_id, {miner: HONEST})
    judge(world, round_id, {miner: ok(HONEST)})
    end(world)
    if world.rents[world.data_node] > rent_of(world):
        raise Broken("a round's rent is more than was paid for it")
    return spoiled(world)


def judge_late(world: World, round_id: int, models: dict[str, Model], seconds: int) -> int:
    """Have a committee vote so many seconds after it was drawn; return its size."""
    ballot, members = draw(world, round_id)
    votes = votes_on(world, round_id, {each: ok(model) for each, model in models.items()})
    world.wait(world.rules.voteCommitWindow + seconds)
    world.refused(world.attacker, world.committee.functions.endVotes(ballot), "VotesAwaited")
    vote(world, ballot, dict.fromkeys(members, votes))
    return len(members)


def _faulty(world: World, members: int) -> Gains:
    fee = min(verification_fee(world), DATA_BOND)
    share = fee // members * members
    part = (DATA_BOND - fee) * world.rules.faultShareBps // BPS
    missed = REWARD * world.rules.missedShareBps // BPS
    return {
        "data node": -DATA_BOND - missed - fee_of(world),
        "miner": part,
        "verifiers": share,
        "pool": fee_of(world) + DATA_BOND + missed - share - part,
    }


def _served(world: World, miner: str) -> int:
    round_id = keyed(world, world.data_node)
    commit(world, round_id, miner, HONEST)
    close(world, round_id, world.data_node)
    release(world, round_id, world.data_node)
    reveal(world, round_id, {miner: HONEST})
    return round_id
