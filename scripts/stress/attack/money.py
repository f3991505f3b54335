"""Attacks on what the contracts hold, on the list of tasks, and by the passing of time."""

from scripts.stress.attack.outcomes import HONEST, Gains, spoiled, untested, without_finding
from scripts.stress.attack.play import (
    ETHER,
    Model,
    close,
    commit,
    commit_votes,
    commitment,
    draw,
    end,
    fee_of,
    judge,
    minimum_fee,
    ok,
    phase,
    post,
    post_cheapest,
    release,
    reveal,
    reveal_votes,
    revealed,
    served,
    training,
    votes_on,
)
from scripts.stress.attack.world import POOL, Broken, World

REFUSING = "0x60045f8160095f39f35f5ffd00"
"""Creates code that reverts whatever it is sent."""


def standstill(world: World) -> Gains:
    """No Ethereum block comes for an hour and a half, in the middle of the reveals and of both votes."""
    miner, gap = world.miners[0], 90 * 60
    round_id = training(world, world.data_node)
    commit(world, round_id, miner, HONEST)
    close(world, round_id, world.data_node)
    release(world, round_id, world.data_node)
    world.stand_still(gap)
    _require(world, round_id, "Reveal")
    reveal(world, round_id, {miner: HONEST})
    ballot, members = draw(world, round_id)
    votes = dict.fromkeys(members, votes_on(world, round_id, {miner: ok(HONEST)}))
    for step in (commit_votes, reveal_votes):
        world.stand_still(gap)
        world.refused(world.attacker, world.committee.functions.endVotes(ballot), "VotesAwaited")
        step(world, ballot, votes)
    if world.rules.windowBlocks <= 2 * world.rules.confirmations:
        raise Broken("a window may be over before a worker has seen enough confirmations")
    return spoiled(world)


def standstill_untested(world: World) -> Gains:
    """The test set never comes, the attacker says so, and no Ethereum block comes for an hour and a half."""
    miner, model = world.miners[0], Model(test=0)
    round_id = training(world, world.data_node)
    commit(world, round_id, miner, model)
    close(world, round_id, world.data_node)
    wait_over = world.chain.functions.endTestRelease(round_id)
    world.stand_still(90 * 60)
    world.refused(world.attacker, wait_over, "TestSetAwaited")
    world.wait(1)
    world.send(world.attacker, wait_over)
    world.stand_still(90 * 60)
    _require(world, round_id, "Reveal")
    reveal(world, round_id, {miner: model})
    judge(world, round_id, {miner: ok(model)})
    return untested(world)


def nobody_comes_back(world: World) -> Gains:
    """Everybody leaves once a solution is revealed; a stranger and time are left."""
    revealed(world, {world.miners[0]: HONEST})
    return _absent(world, world.rules.committeeSize)


def theft(world: World) -> Gains:
    """The attacker asks every contract for money that is not its own, and to write what others write."""
    thief, reservoir = world.attacker, world.reservoir.functions
    world.refused(thief, reservoir.credit(POOL, thief, 1), "InsufficientBalance")
    world.refused(thief, reservoir.transfer(POOL, thief, POOL, 1), "InsufficientBalance")
    world.refused(thief, reservoir.withdraw(thief), "NothingToWithdraw")
    world.refused(thief, world.tasks.functions.takeBest(1), "NotChain")
    world.refused(thief, world.ledger.functions.record(0, b"\x01"), "NotRecorder")
    header = (0, bytes(32), 0, 0, thief, bytes(32), 0, 0, bytes(32), bytes(32), 0)
    ommer = (0, thief, bytes(32), 0, 0, 0, False)
    world.refused(thief, world.ledger.functions.append(header, ommer, ommer), "NotChain")
    world.refused(thief, world.committee.functions.settle(16, [], 0), "NotChain")
    summons: tuple[object, ...] = (0, 0, 0, 0, 0, [], 0, 0, 0)
    world.refused(thief, world.committee.functions.draw(16, bytes(32), summons), "NotChain")
    return {}


def refused_and_forced(world: World) -> Gains:
    """The attacker withdraws to a contract that takes nothing, and forces ether into the reservoir."""
    attacker, reservoir = world.attacker, world.reservoir.functions
    refusing = world.deploy(REFUSING)
    world.send(attacker, reservoir.deposit(attacker, POOL), ETHER)
    world.send(attacker, reservoir.credit(POOL, attacker, ETHER))
    world.refused(attacker, reservoir.withdraw(refusing), "WithdrawalRefused")
    world.deploy("0x73" + world.reservoir.address[2:] + "ff", value=7)
    round_id = revealed(world, {world.miners[0]: HONEST})
    judge(world, round_id, {world.miners[0]: ok(HONEST)})
    return dict(spoiled(world)) | {"attacker": -7, "nobody": 7}


def spam(world: World) -> Gains:
    """The attacker posts and cancels, stakes and leaves, and replaces its commitment again and again."""
    miner, attacker, low = world.miners[0], world.attacker, Model(train=10, test=5)
    round_id = training(world, world.data_node)
    commit(world, round_id, attacker, low)
    fees = 0
    for _ in range(5):
        task_id = post(world, attacker)
        fees += fee_of(world)
        world.send(attacker, world.tasks.functions.cancel(task_id))
        missing = world.seats.seatStake - world.committee.functions.stakeOf(attacker).call()[0]
        world.send(attacker, world.committee.functions.stake(), missing)
        world.send(attacker, world.committee.functions.unstake())
        again = commitment(world, round_id, attacker, low)
        world.send(attacker, world.chain.functions.commit(round_id, again, 10))
    commit(world, round_id, miner, HONEST)
    close(world, round_id, world.data_node)
    release(world, round_id, world.data_node)
    models = {miner: HONEST, attacker: low}
    reveal(world, round_id, models)
    members = judge(world, round_id, {each: ok(model) for each, model in models.items()})
    return spoiled(world, -fees, votes=2 * len(members))


def jumped_queue(world: World) -> Gains:
    """The attacker posts tasks of one second first; the data node's task is worth more and is taken."""
    for _ in range(3):
        post_cheapest(world, world.attacker, 1)
    round_id = revealed(world, {world.miners[0]: HONEST})
    judge(world, round_id, {world.miners[0]: ok(HONEST)})
    end(world)
    for task_id in range(1, 4):
        world.send(world.attacker, world.tasks.functions.cancel(task_id))
    return spoiled(world, -3 * minimum_fee(world, 1))


def held_list(world: World) -> Gains:
    """The attacker fills the list; the data node posts in the place of one of its tasks."""
    maximum = world.terms.maxTasks
    for _ in range(maximum):
        post_cheapest(world, world.attacker, 1)
    replaced = world.tasks.functions.posted().call()
    post(world, world.data_node, replaced=replaced)
    round_id = served(world, world.data_node, {world.miners[0]: HONEST})
    judge(world, round_id, {world.miners[0]: ok(HONEST)})
    end(world)
    for task_id in range(replaced - maximum + 1, replaced):
        world.send(world.attacker, world.tasks.functions.cancel(task_id))
    return spoiled(world, -maximum * minimum_fee(world, 1))


def _absent(world: World, members: int) -> Gains:
    penalties = members * world.seats.penalty
    gains = dict(without_finding(world)) | {"verifiers": -penalties}
    gains["pool"] += penalties
    return gains


def _require(world: World, round_id: int, wanted: str) -> None:
    """Raises Broken where a round is in another phase."""
    if (now := phase(world, round_id)) != wanted:
        raise Broken(f"the chain stood still, and {wanted} is over: it is {now}")
