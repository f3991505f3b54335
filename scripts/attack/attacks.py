"""The attacks: each is played to its end, and returns what everybody must have gained by then."""

from collections.abc import Callable
from dataclasses import dataclass

from scripts.attack.committees import captured_committee, vetoed_model
from scripts.attack.crowds import crowded_ballot, false_door, high_claims, low_claims
from scripts.attack.outcomes import BETTER, HONEST, JUNK, Gains, spoiled
from scripts.attack.play import (
    DATA_BOND,
    DIGEST,
    ETHER,
    REWARD,
    SALT,
    Model,
    bond_of,
    close,
    commit,
    commit_votes,
    commitment,
    draw,
    end,
    fee_of,
    judge,
    ok,
    open_round,
    opening,
    post,
    release,
    reveal_votes,
    revealed,
    served,
    training,
    vote_commitment,
    votes_on,
)
from scripts.attack.world import POOL, Broken, World

REFUSING = "0x60045f8160095f39f35f5ffd00"
"""Creates code that reverts whatever it is sent."""


@dataclass(frozen=True, slots=True)
class Attack:
    """What is promised, who breaks it how, and the attack itself."""

    promise: str
    title: str
    mount: Callable[[World], Gains]


def copied_commitment(world: World) -> Gains:
    """The attacker sees a commitment wait to be mined, sends it first, and later copies the reveal."""
    miner, attacker = world.miners[0], world.attacker
    round_id = training(world, world.data_node)
    seen = commitment(world, round_id, miner, HONEST)
    world.send(attacker, world.chain.functions.commit(round_id, seen, HONEST.train), bond_of(world))
    commit(world, round_id, miner, HONEST)
    close(world, round_id, world.data_node)
    release(world, round_id, world.data_node)
    world.refused(attacker, opening(world, round_id, HONEST), "CommitmentMismatch")
    world.send(miner, opening(world, round_id, HONEST))
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
    commit(world, round_id, world.attacker, Model(train=100))
    close(world, round_id, world.data_node)
    release(world, round_id, world.data_node)
    world.send(miner, opening(world, round_id, HONEST))
    world.wait(world.rules.revealWindow)
    judge(world, round_id, {miner: ok(HONEST)})
    return spoiled(world, -bond_of(world))


def false_claim(world: World) -> Gains:
    """The attacker claims a perfect test count for a model that is none."""
    miner, attacker = world.miners[0], world.attacker
    round_id = revealed(world, {miner: HONEST, attacker: BETTER})
    judge(world, round_id, {miner: ok(HONEST), attacker: JUNK})
    return spoiled(world, -bond_of(world))


def old_solution(world: World) -> Gains:
    """The attacker sends its commitment of an earlier round again."""
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
    world.refused(attacker, opening(world, round_id, HONEST), "CommitmentMismatch")
    world.send(miner, opening(world, round_id, HONEST))
    world.wait(world.rules.revealWindow)
    judge(world, round_id, {miner: ok(HONEST)})
    both, won = spoiled(world, -bond_of(world)), spoiled(world)
    gains = {role: both[role] + won[role] for role in both if role not in ("miner", "attacker")}
    return gains | {"miner": both["miner"], "attacker": both["attacker"] + won["miner"]}


def no_keys(world: World) -> Gains:
    """The data node posts a task and issues no keys."""
    post(world, world.data_node)
    open_round(world)
    world.refused(world.data_node, world.tasks.functions.cancel(1), "TaskNotListed")
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
    world.wait(world.rules.testWindow)
    world.send(miner, opening(world, round_id, model))
    judge(world, round_id, {miner: ok(model)})
    share = DATA_BOND * world.rules.faultShareBps // 10_000
    return spoiled(world, miner=share, pool=DATA_BOND - share, **{"data node": -DATA_BOND})


def own_task(world: World) -> Gains:
    """A data node wins its own task with its own committee, and references its own ommer."""
    first, second = world.miners[:2]
    models = {first: BETTER, second: HONEST}
    for _ in range(2):
        round_id = revealed(world, models)
        judge(world, round_id, {miner: ok(model) for miner, model in models.items()})
        end(world)
    drawn = world.rules.blockReward + world.rules.blockReward * 65 // 32
    committee = 2 * REWARD * world.rules.verificationFeeBps // 10_000
    shares = committee // 2 // world.rules.committeeSize * world.rules.committeeSize * 2
    return {
        "data node": -2 * REWARD - 2 * fee_of(world),
        "miner": 2 * REWARD - committee + drawn,
        "verifiers": shares,
        "pool": 2 * fee_of(world) - drawn + committee - shares,
    }


def chosen_committee(world: World) -> Gains:
    """The attacker buys a seat when the seed is known, arms twice, and wants to leave before the draw."""
    miner, attacker = world.miners[0], world.attacker
    round_id = revealed(world, {miner: HONEST})
    world.send(attacker, world.committee.functions.stake(), world.seats.seatStake)
    world.send(attacker, world.chain.functions.armDraw(round_id))
    world.mine(100)
    world.refused(attacker, world.chain.functions.armDraw(round_id), "DrawPending")
    world.refused(attacker, world.committee.functions.unstake(), "StakeBound")
    world.mine(200)
    if attacker in judge(world, round_id, {miner: ok(HONEST)}):
        raise Broken("a seat taken after the seed was drawn")
    return spoiled(world)


def lazy_verifier(world: World) -> Gains:
    """A verifier copies the commitment of another one's votes."""
    miner = world.miners[0]
    round_id = revealed(world, {miner: HONEST})
    ballot, members = draw(world, round_id)
    votes = dict.fromkeys(members, votes_on(world, round_id, {miner: ok(HONEST)}))
    lazy, copied = members[0], members[1]
    own = votes.pop(lazy)
    commit_votes(world, ballot, votes)
    seen = vote_commitment(world, ballot, copied, own)
    world.send(lazy, world.committee.functions.commitVote(ballot, seen))
    world.refused(lazy, world.committee.functions.revealVote(ballot, own, SALT), "CommitmentMismatch")
    reveal_votes(world, ballot, votes)
    world.wait(world.rules.voteRevealWindow)
    # Three seats of four or more decide; of three all must.
    if 3 * len(votes) > 2 * len(members):
        return spoiled(world, seats=len(votes), verifiers=-world.seats.penalty, pool=world.seats.penalty)
    penalty = world.seats.penalty
    return {"data node": -fee_of(world), "verifiers": -penalty, "pool": fee_of(world) + penalty}


def sold_vote(world: World) -> Gains:
    """A verifier shows its committed vote to the attacker, who shows it to everybody."""
    miner = world.miners[0]
    round_id = revealed(world, {miner: HONEST})
    ballot, members = draw(world, round_id)
    votes = votes_on(world, round_id, {miner: ok(HONEST)})
    commit_votes(world, ballot, {members[0]: votes})
    world.send(world.attacker, world.committee.functions.leak(ballot, members[0], votes, SALT))
    penalties = (len(members) + 1) * world.seats.penalty
    reward = world.seats.penalty // 2
    return {
        "data node": -fee_of(world),
        "verifiers": -penalties,
        "attacker": reward,
        "pool": fee_of(world) + penalties - reward,
    }


def nobody_comes_back(world: World) -> Gains:
    """Everybody leaves once a solution is revealed; a stranger and time are left."""
    revealed(world, {world.miners[0]: HONEST})
    penalties = world.rules.committeeSize * world.seats.penalty
    return {"data node": -fee_of(world), "verifiers": -penalties, "pool": fee_of(world) + penalties}


def theft(world: World) -> Gains:
    """The attacker asks every contract for money that is not its own."""
    thief, reservoir = world.attacker, world.reservoir.functions
    world.refused(thief, reservoir.credit(POOL, thief, 1), "InsufficientBalance")
    world.refused(thief, reservoir.transfer(POOL, thief, POOL, 1), "InsufficientBalance")
    world.refused(thief, reservoir.withdraw(thief), "NothingToWithdraw")
    world.refused(thief, world.tasks.functions.takeBest(1), "NotChain")
    world.refused(thief, world.chain.functions.record(0, b"\x01"), "NotRecorder")
    settle = world.committee.functions.settle(4, [], 0, POOL, 4, thief)
    world.refused(thief, settle, "NotChain")
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
    gains = spoiled(world)
    return gains | {"attacker": -7, "nobody": 7}


def spam(world: World) -> Gains:
    """The attacker posts and cancels, stakes and leaves, and replaces its commitment again and again."""
    miner, attacker = world.miners[0], world.attacker
    round_id = training(world, world.data_node)
    commit(world, round_id, attacker, Model(train=10, test=5))
    fees = 0
    for _ in range(5):
        post(world, attacker)
        fees += fee_of(world)
        world.send(attacker, world.tasks.functions.cancel(world.tasks.functions.posted().call()))
        world.send(attacker, world.committee.functions.stake(), _missing_stake(world))
        world.send(attacker, world.committee.functions.unstake())
        again = commitment(world, round_id, attacker, Model(train=10, test=5))
        world.send(attacker, world.chain.functions.commit(round_id, again, 10))
    commit(world, round_id, miner, HONEST)
    close(world, round_id, world.data_node)
    release(world, round_id, world.data_node)
    models = {miner: HONEST, attacker: Model(train=10, test=5)}
    for each, model in models.items():
        world.send(each, opening(world, round_id, model))
    judge(world, round_id, {each: ok(model) for each, model in models.items()})
    return spoiled(world, -fees)


def jumped_queue(world: World) -> Gains:
    """The attacker posts tasks of one second first; the data node's task is worth more and is taken."""
    for _ in range(3):
        _post_minimum(world, world.attacker)
    round_id = revealed(world, {world.miners[0]: HONEST})
    judge(world, round_id, {world.miners[0]: ok(HONEST)})
    end(world)
    for task_id in range(1, 4):
        world.send(world.attacker, world.tasks.functions.cancel(task_id))
    return spoiled(world, -3 * _minimum_fee(world))


def held_list(world: World) -> Gains:
    """The attacker fills the list; the data node posts in the place of one of its tasks."""
    maximum = world.terms.maxTasks
    for _ in range(maximum):
        _post_minimum(world, world.attacker)
    replaced = world.tasks.functions.posted().call()
    post(world, world.data_node, replaced=replaced)
    round_id = served(world, world.data_node, {world.miners[0]: HONEST})
    judge(world, round_id, {world.miners[0]: ok(HONEST)})
    end(world)
    for task_id in range(replaced - maximum + 1, replaced):
        world.send(world.attacker, world.tasks.functions.cancel(task_id))
    return spoiled(world, -maximum * _minimum_fee(world))


def _post_minimum(world: World, by: str) -> None:
    minimum = {
        "reward": world.terms.minReward,
        "dataBond": world.terms.minDataBond,
        "fee": _minimum_fee(world),
    }
    post(world, by, timeLimit=1, **minimum)


def _minimum_fee(world: World) -> int:
    return int(world.terms.minReward * world.terms.feeBps // 10_000)


def _missing_stake(world: World) -> int:
    return int(world.seats.seatStake - world.committee.functions.stakeOf(world.attacker).call()[0])


ATTACKS = (
    Attack("A commitment opens for its maker alone.", "send it first", copied_commitment),
    Attack("A model cannot be copied once it is shown.", "commit after a reveal", copied_model),
    Attack("Who hides its model pays its bond.", "commit, never reveal", hidden_model),
    Attack("A false claim wins nothing and pays its bond.", "claim 100 % for junk", false_claim),
    Attack("Whoever crowds the ballot pays for it.", "judge nothing but lies", crowded_ballot),
    Attack("A low claim keeps nobody out.", "take all places, truly", low_claims),
    Attack("A round cannot be spoiled for nothing.", "take all places, falsely", high_claims),
    Attack("Who ends training by a lie pays the committee.", "claim the threshold, show junk", false_door),
    Attack("A commitment is good for one round.", "send an old one again", old_solution),
    Attack("Keys that never come cost the data node alone.", "issue none", no_keys),
    Attack("Miners are paid without the test set.", "offer another, then none", no_test_set),
    Attack("The pool gains by every block it pays for.", "win one's own tasks", own_task),
    Attack("Nobody chooses the committee.", "stake late, arm twice, leave", chosen_committee),
    Attack("A verifier has to look for itself.", "copy a vote's commitment", lazy_verifier),
    Attack("A vote that is shown is lost.", "sell it to an informer", sold_vote),
    Attack("A larger committee overturns a bought one.", "buy the first one", captured_committee),
    Attack("A veto of the better model is overruled.", "keep it from its quorum", vetoed_model),
    Attack("Every round ends.", "all leave after the reveals", nobody_comes_back),
    Attack("Money moves for its owner alone.", "ask for that of others", theft),
    Attack("No recipient and no gift stops a round.", "refuse ether, force ether", refused_and_forced),
    Attack("A flood costs the flooder alone.", "post, stake, commit again", spam),
    Attack("A brief task comes before no better one.", "tasks of a second", jumped_queue),
    Attack("A full list admits a better task.", "fill the list", held_list),
)
