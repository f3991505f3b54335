"""Attacks by members of committees: by silence, lies, abstentions, and files that some cannot have."""

from scripts.stress.attack.outcomes import BETTER, HONEST, MEDIOCRE, Gains, added, spoiled, without_finding
from scripts.stress.attack.play import (
    BPS,
    DATA_UNAVAILABLE,
    ETHER,
    MALFORMED,
    REWARD,
    SALT,
    TRAIN,
    TRAIN_THRESHOLD,
    UNAVAILABLE,
    Model,
    bond_of,
    challenge,
    close,
    commit_votes,
    commitment,
    draw,
    end,
    fee_of,
    finalise,
    judge,
    keyed,
    member_of,
    ok,
    pass_to,
    post,
    release,
    reveal,
    reveal_votes,
    revealed,
    verification_fee,
    vote,
    vote_commitment,
    votes_on,
)
from scripts.stress.attack.world import Broken, World

LIE = ok(Model(train=10, test=5))


def lazy_verifier(world: World) -> Gains:
    """A verifier copies the commitment of another one's votes, and tries to vote as somebody else."""
    miner = world.miners[0]
    round_id = revealed(world, {miner: HONEST})
    ballot, members = draw(world, round_id)
    votes = dict.fromkeys(members, votes_on(world, round_id, {miner: ok(HONEST)}))
    lazy, copied = members[0], members[1]
    own = votes.pop(lazy)
    seen = vote_commitment(world, ballot, copied, own)
    functions = world.committee.functions
    world.refused(lazy, functions.commitVote(ballot, 1, seen), "NotMember")
    world.refused(world.attacker, functions.commitVote(ballot, len(members), seen), "NotMember")
    commit_votes(world, ballot, votes)
    world.send(lazy, functions.commitVote(ballot, 0, seen))
    world.refused(lazy, functions.revealVote(ballot, 0, own, SALT), "CommitmentMismatch")
    reveal_votes(world, ballot, votes)
    share = verification_fee(world) // len(members)
    penalty = world.seats.penalty
    return spoiled(world, verifiers=-share - penalty, pool=share + penalty)


def sold_vote(world: World) -> Gains:
    """A verifier shows its committed vote to the attacker, who shows it to everybody."""
    miner = world.miners[0]
    round_id = revealed(world, {miner: HONEST})
    ballot, members = draw(world, round_id)
    votes = votes_on(world, round_id, {miner: ok(HONEST)})
    commit_votes(world, ballot, {members[0]: votes})
    world.send(world.attacker, world.committee.functions.leak(ballot, 0, votes, SALT))
    penalties = (len(members) + 1) * world.seats.penalty
    reward = world.seats.penalty // 2
    return added(
        without_finding(world),
        {"verifiers": -penalties, "attacker": reward, "pool": penalties - reward},
    )


def leaks_in_all_lanes(world: World) -> Gains:
    """A seat that sits in every lane informs on itself in all, instead of voting in none."""
    reward = len(world.verifiers) * world.rules.rewardPerSeat
    miner, lanes, penalty = world.miners[0], world.seats.lanes, world.seats.penalty
    fee = max(fee_of(world), reward * world.terms.feeBps // BPS)
    model = Model(train=1, test=1)
    liar = world.verifiers[0]
    world.liars.add(liar)
    rounds = []
    for lane in range(lanes):
        rounds.append(_revealed_at(world, miner, model, lane, reward, fee))
    for round_id in rounds:
        ballot, _ = draw(world, round_id)
        votes = votes_on(world, round_id, {miner: ok(model)})
        commit_votes(world, ballot, {liar: votes})
        call = world.committee.functions.leak(ballot, member_of(world, ballot, liar), votes, SALT)
        world.send(world.attacker, call)
    for lane in range(lanes):
        end(world, lane)
    lost = world.seats.seatStake - world.committee.functions.stakeOf(liar).call()[0]
    saved = lanes * penalty - (lost - lanes * (penalty // 2))
    if saved > 0:
        raise Broken(f"who informs on itself saves {saved / ETHER:g} of {lanes * penalty / ETHER:g} ether")
    silent = (len(world.verifiers) - 1) * lanes * penalty
    informed = lanes * (penalty // 2)
    return {
        "data node": -lanes * fee,
        "verifiers": -silent,
        "liars": -lost,
        "attacker": informed,
        "pool": lanes * fee + silent + lost - informed,
    }


def captured_committee(world: World) -> Gains:
    """Every seat of the first committee lies for the attacker; the honest miner challenges."""
    return _overturned(world, world.miners[0])


def own_challenge(world: World) -> Gains:
    """The captured committee challenges its own lie, so that nobody else can, and gives its seats up."""
    return _overturned(world, world.attacker, leave=True)


def vetoed_model(world: World) -> Gains:
    """Just enough seats abstain on the honest model, for a mediocre one; its miner challenges."""
    miner, attacker = world.miners[0], world.attacker
    round_id = revealed(world, {miner: HONEST, attacker: MEDIOCRE})
    ballot, members = draw(world, round_id)
    truth = votes_on(world, round_id, {miner: ok(HONEST), attacker: ok(MEDIOCRE)})
    veto = votes_on(world, round_id, {miner: UNAVAILABLE, attacker: ok(MEDIOCRE)})
    quorum = 2 * len(members) // 3 + 1
    world.liars.update(members[quorum - 1 :])
    vote(world, ballot, {each: veto if each in world.liars else truth for each in members})
    bond = challenge(world, round_id, miner)
    larger = judge(world, round_id, {miner: ok(HONEST), attacker: ok(MEDIOCRE)})
    pot = verification_fee(world) + bond
    part = pot // (2 * len(members) + 2 * len(larger))
    liars = sum(1 + 2 * (each in larger) for each in world.liars)
    others = 2 * (len(members) - len(world.liars)) + 2 * sum(each not in world.liars for each in larger)
    return {
        "data node": -REWARD - fee_of(world),
        "miner": REWARD - verification_fee(world) + world.rules.blockReward - bond,
        "verifiers": others * part,
        "liars": liars * part,
        "pool": fee_of(world) - world.rules.blockReward + pot - (liars + others) * part,
    }


def overruled_truth(world: World) -> Gains:
    """A true tally is challenged by the attacker, whose seats abstain on the better model in the next one."""
    miner, attacker = world.miners[0], world.attacker
    round_id = revealed(world, {miner: HONEST, attacker: MEDIOCRE})
    truth = {miner: ok(HONEST), attacker: ok(MEDIOCRE)}
    first = judge(world, round_id, truth)
    bond = challenge(world, round_id, attacker)
    ballot, members = draw(world, round_id)
    honest = votes_on(world, round_id, truth)
    veto = votes_on(world, round_id, truth | {miner: UNAVAILABLE})
    quorum = 2 * len(members) // 3 + 1
    world.liars.update(members[quorum - 1 :])
    vote(world, ballot, {each: veto if each in world.liars else honest for each in members})
    pass_to(world, round_id, "Settlement")
    finalise(world, round_id)
    height = world.chain.functions.round(round_id).call().height
    won = world.reservoir.functions.creditOf(miner).call() > REWARD // 2
    if height == 0 or not won:
        gain = REWARD - verification_fee(world) + world.rules.blockReward - bond
        raise Broken(
            f"{len(world.liars)} of {len(members)} seats that abstain undo a true tally: attacker "
            f"{gain / ETHER:+g}, honest miner 0 instead of {(REWARD - verification_fee(world)) / ETHER:+g}"
        )
    pot = verification_fee(world) + bond
    part = pot // (2 * len(first) + 2 * len(members))
    liars = sum(1 + 2 * (each in first) for each in world.liars)
    others = 2 * sum(each not in world.liars for each in (*first, *members))
    return {
        "data node": -REWARD - fee_of(world),
        "miner": REWARD - verification_fee(world) + world.rules.blockReward,
        "attacker": -bond,
        "verifiers": others * part,
        "liars": liars * part,
        "pool": fee_of(world) - world.rules.blockReward + pot - (liars + others) * part,
    }


def silent_third(world: World) -> Gains:
    """A captured committee lies; a third abstains in the next one; the honest miner calls all seats."""
    miner = world.miners[0]
    round_id = revealed(world, {miner: HONEST})
    first = judge(world, round_id, {miner: LIE})
    world.liars.update(first)
    challenge(world, round_id, miner)
    ballot, members = draw(world, round_id)
    truth, none = (votes_on(world, round_id, {miner: each}) for each in (ok(HONEST), UNAVAILABLE))
    quorum = 2 * len(members) // 3 + 1
    silent = sorted(members, key=first.count)[quorum - 1 :]
    world.liars.update(silent)
    vote(world, ballot, {each: none if each in silent else truth for each in members})
    (found,) = world.committee.functions.findings(ballot).call()
    if found.verdict != 0:
        raise Broken("a lie stands though more than half of a larger committee contradict it")
    bond = challenge(world, round_id, miner)
    last = judge(world, round_id, {miner: ok(HONEST)})
    penalties = len(first) * world.seats.penalty
    pot = verification_fee(world) + bond + penalties
    part = pot // (len(first) + len(members) + len(last))
    right = [each for each in members if each not in silent] + last
    theirs = sum(each in world.liars for each in right)
    return {
        "data node": -REWARD - fee_of(world),
        "miner": REWARD - verification_fee(world) + world.rules.blockReward - bond,
        "liars": theirs * part - penalties,
        "verifiers": (len(right) - theirs) * part,
        "pool": fee_of(world) - world.rules.blockReward + pot - len(right) * part,
    }


def withdrawn_data(world: World) -> Gains:
    """The data node lets a committee judge, challenges, and serves its data no more, to pay nobody."""
    miner = world.miners[0]
    round_id = revealed(world, {miner: HONEST})
    first = judge(world, round_id, {miner: ok(HONEST)})
    bond = challenge(world, round_id, world.data_node)
    second = judge(world, round_id, {miner: DATA_UNAVAILABLE})
    pot = verification_fee(world) + bond
    paid = pot // (len(first) + len(second)) * len(first)
    _require_stakes(world)
    return {
        "data node": -REWARD - fee_of(world) - bond,
        "miner": REWARD - verification_fee(world) + world.rules.blockReward,
        "verifiers": paid,
        "pool": fee_of(world) - world.rules.blockReward + pot - paid,
    }


def served_late(world: World) -> Gains:
    """A miner withholds its model from the first committee and serves it to the one that it buys."""
    attacker = world.attacker
    round_id = revealed(world, {attacker: HONEST})
    first = judge(world, round_id, {attacker: UNAVAILABLE})
    bond = challenge(world, round_id, world.hire(1)[0])
    second = judge(world, round_id, {attacker: ok(HONEST)})
    pot = verification_fee(world) + bond
    share = pot // (len(first) + len(second)) * len(second)
    gains = {
        "data node": -REWARD - fee_of(world),
        "attacker": REWARD - verification_fee(world) + world.rules.blockReward - bond,
        "verifiers": share,
        "pool": fee_of(world) - world.rules.blockReward + pot - share,
    }
    _require_stakes(world)
    return gains


def served_to_a_quorum(world: World) -> Gains:
    """A model is served to a quorum of the committee just before the end, not to the others."""
    attacker = world.attacker
    round_id = revealed(world, {attacker: HONEST})
    ballot, members = draw(world, round_id)
    seen, missed = (votes_on(world, round_id, {attacker: each}) for each in (ok(HONEST), UNAVAILABLE))
    quorum = 2 * len(members) // 3 + 1
    votes = {each: seen if n < quorum else missed for n, each in enumerate(members)}
    vote(world, ballot, votes)
    pass_to(world, round_id, "Settlement")
    finalise(world, round_id)
    for member in members[quorum:]:
        stake, seated, _, strikes = world.committee.functions.stakeOf(member).call()
        if (stake, seated, strikes) != (world.seats.seatStake, True, 1):
            raise Broken("who could not have a model lost more than a strike")
    paid = verification_fee(world) // len(members) * quorum
    return {
        "data node": -REWARD - fee_of(world),
        "attacker": REWARD - verification_fee(world) + world.rules.blockReward,
        "verifiers": paid,
        "pool": fee_of(world) - world.rules.blockReward + verification_fee(world) - paid,
    }


def served_to_one(world: World) -> Gains:
    """A model is served to a single member of the committee, which tells the truth about it."""
    attacker = world.attacker
    round_id = revealed(world, {attacker: HONEST})
    ballot, members = draw(world, round_id)
    seen, missed = (votes_on(world, round_id, {attacker: each}) for each in (ok(HONEST), UNAVAILABLE))
    vote(world, ballot, {each: seen if n == 0 else missed for n, each in enumerate(members)})
    pass_to(world, round_id, "Settlement")
    finalise(world, round_id)
    _require_stakes(world)
    return added(without_finding(world), {"attacker": -bond_of(world), "pool": bond_of(world)})


def always_abstaining(world: World) -> Gains:
    """Seats abstain on everything, round after round, to be paid without work."""
    miner = world.miners[0]
    total: Gains = {}
    reward = len(world.verifiers) * world.rules.rewardPerSeat
    fee = max(fee_of(world), reward * world.terms.feeBps // BPS)
    idler = world.verifiers[0]
    world.liars.add(idler)
    for _ in range(3):
        round_id = _revealed_at(world, miner, HONEST, 0, reward, fee)
        ballot, members = draw(world, round_id)
        seen, none = (votes_on(world, round_id, {miner: each}) for each in (ok(HONEST), UNAVAILABLE))
        vote(world, ballot, {each: none if each == idler else seen for each in members})
        end(world)
        committee = verification_fee(world, reward)
        paid = committee // len(members) * (len(members) - 1)
        round_gains = {
            "data node": -reward - fee,
            "miner": reward - committee + world.rules.blockReward,
            "verifiers": paid,
            "pool": fee - world.rules.blockReward + committee - paid,
        }
        total = added(total, round_gains)
    stake, seated, _, _ = world.committee.functions.stakeOf(idler).call()
    if seated or stake != world.seats.seatStake:
        raise Broken("who always abstains keeps its seat, or loses stake")
    return total


def unseated_truth(world: World) -> Gains:
    """More than half of the seats, but no quorum, cast one lie, so that the others lose their seats."""
    miner = world.miners[0]
    round_id = revealed(world, {miner: HONEST})
    ballot, members = draw(world, round_id)
    truth, lie = (votes_on(world, round_id, {miner: each}) for each in (ok(HONEST), LIE))
    half = len(members) // 2 + 1
    vote(world, ballot, {each: lie if n < half else truth for n, each in enumerate(members)})
    pass_to(world, round_id, "Settlement")
    finalise(world, round_id)
    _require_stakes(world)
    return without_finding(world)


def false_absence(world: World) -> Gains:
    """A captured committee says that the honest model cannot be had; its miner pays for a larger one."""
    miner = world.miners[0]
    round_id = revealed(world, {miner: HONEST})
    first = judge(world, round_id, {miner: UNAVAILABLE})
    bond = challenge(world, round_id, miner)
    second = judge(world, round_id, {miner: ok(HONEST)})
    pot = verification_fee(world) + bond
    share = pot // (len(first) + len(second)) * len(second)
    return {
        "data node": -REWARD - fee_of(world),
        "miner": REWARD - verification_fee(world) + world.rules.blockReward - bond,
        "verifiers": share,
        "pool": fee_of(world) - world.rules.blockReward + pot - share,
    }


def votes_of_another_lane(world: World) -> Gains:
    """A member sends the votes that it committed in one lane to the committee of another."""
    miner = world.miners[0]
    reward = len(world.verifiers) * world.rules.rewardPerSeat
    fee = max(fee_of(world), reward * world.terms.feeBps // BPS)
    total: Gains = {}
    rounds = [_revealed_at(world, miner, HONEST, lane, reward, fee) for lane in (0, 1)]
    ballots = [draw(world, round_id) for round_id in rounds]
    votes = votes_on(world, rounds[0], {miner: ok(HONEST)})
    cheat = world.verifiers[0]
    seen = vote_commitment(world, ballots[0][0], cheat, votes)
    for ballot, members in ballots:
        commit_votes(world, ballot, dict.fromkeys([each for each in members if each != cheat], votes))
        place = member_of(world, ballot, cheat)
        world.send(cheat, world.committee.functions.commitVote(ballot, place, seen))
        reveal_votes(world, ballot, dict.fromkeys([each for each in members if each != cheat], votes))
    first, second = (ballot for ballot, _ in ballots)
    place = member_of(world, second, cheat)
    call = world.committee.functions.revealVote(second, place, votes, SALT)
    world.refused(cheat, call, "CommitmentMismatch")
    world.send(
        cheat, world.committee.functions.revealVote(first, member_of(world, first, cheat), votes, SALT)
    )
    seats, committee = len(world.verifiers), verification_fee(world, reward)
    for right in (seats, seats - 1):
        paid, penalty = committee // seats * right, (seats - right) * world.seats.penalty
        round_gains = {
            "data node": -reward - fee,
            "miner": reward - committee + world.rules.blockReward,
            "verifiers": paid - penalty,
            "pool": fee - world.rules.blockReward + committee - paid + penalty,
        }
        total = added(total, round_gains)
    return total


def _overturned(world: World, challenger: str, *, leave: bool = False) -> Gains:
    miner, attacker = world.miners[0], world.attacker
    round_id = revealed(world, {miner: HONEST, attacker: BETTER})
    liars = judge(world, round_id, {miner: LIE, attacker: ok(BETTER)})
    bond = challenge(world, round_id, challenger)
    world.refused(miner, world.chain.functions.challenge(round_id), "WrongPhase", bond)
    for liar in liars if leave else ():
        world.send(liar, world.committee.functions.unstake())
    members = judge(world, round_id, {miner: ok(HONEST), attacker: MALFORMED})
    if len(members) <= len(liars):
        raise Broken("no larger committee was drawn")
    penalties = len(liars) * world.seats.penalty
    pot = verification_fee(world) + penalties
    share = pot // (2 * len(liars) + 2 * len(members)) * 2 * len(members)
    return added(
        spoiled(world, -bond_of(world), votes=1),
        {"verifiers": share - penalties - verification_fee(world), "pool": pot - share},
    )


def _revealed_at(world: World, miner: str, model: Model, lane: int, reward: int, fee: int) -> int:
    """Play a round of another reward until its one model is revealed; return it."""
    post(world, world.data_node, reward=reward, fee=fee)
    round_id = keyed(world, world.data_node, lane)
    call = world.chain.functions.commit(round_id, commitment(world, round_id, miner, model), model.train)
    world.send(miner, call, bond_of(world, model.train, reward))
    if model.train * BPS >= TRAIN_THRESHOLD * TRAIN:
        close(world, round_id, world.data_node)
    else:
        pass_to(world, round_id, "TestRelease")
    release(world, round_id, world.data_node)
    reveal(world, round_id, {miner: model})
    return round_id


def _require_stakes(world: World) -> None:
    """Raises Broken where a verifier lost any stake."""
    for verifier in world.verifiers:
        if world.committee.functions.stakeOf(verifier).call()[0] != world.seats.seatStake:
            raise Broken("an honest verifier lost stake")
