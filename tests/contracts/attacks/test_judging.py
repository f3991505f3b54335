"""Keeping a committee busy, from its quorum, or from the best model, on the devnet's parameters."""

import pytest
from brownie import accounts, chain
from tests.contracts import stage
from tests.contracts.attacks import books
from tests.contracts.attacks import devnet as at
from tests.contracts.stage import DATA_NODE, ETHER, TERMS, Model, Pole, ok, post_call, refused, verdict

from pole.protocol.rounds.rent import minimum_reward
from pole.protocol.state import TaskTerms, Verdict, VoidReason

VICTIM, ATTACKER, ACCOMPLICE = 2, 3, 4
MODELS = {VICTIM: Model()}
TRUE = {VICTIM: ok(90, 45)}


def test_a_specification_of_3e14_multiplications_a_model_cannot_be_posted(devnet: Pole) -> None:
    work = {"work": 2 * 10**11, "trainCount": 1000, "testCount": 500}
    needed = 3 * 10**14 // at.RULES.task_list.judging_speed
    with refused("TooMuchWork", needed, at.RULES.task_list.max_judging_time):
        devnet.task_list.post.call(*post_call(devnet, **at.TASK | work))


def test_the_most_work_that_can_be_posted_is_paid_for_and_has_its_time(devnet: Pole) -> None:
    work = {"work": 36 * at.RULES.task_list.judging_speed // 10, "trainCount": 600, "testCount": 400}
    terms = TaskTerms(*(TERMS | at.TASK | work).values())
    minimum = minimum_reward(terms, at.RULES.task_list)
    assert minimum > 16 * 16 * 3600 * at.RULES.task_list.reward_per_second
    with refused("TermOutOfRange", "reward", minimum - 1, minimum, 21 * ETHER):
        devnet.task_list.post.call(*post_call(devnet, **at.TASK | work | {"reward": minimum - 1}))
    work |= {"reward": minimum, "fee": minimum}
    models = dict.fromkeys((VICTIM, ATTACKER), Model(train=500))
    round_id = stage.revealed(devnet, models, **at.TASK | work)
    stage.draw(devnet, round_id)
    ballot = devnet.committee.ballot(stage.ballot(devnet, round_id)).dict()
    window = ballot["deadline"] - chain[-1].timestamp
    assert window == at.RULES.chain.vote_commit_window + 2 * 3600


def test_a_task_that_declares_less_work_than_its_specification_takes_is_at_fault_and_no_verifier_loses(
    devnet: Pole,
) -> None:
    ledger = books.opened(devnet)
    round_id = stage.revealed(devnet, MODELS, **at.TASK)
    stage.vote(devnet, round_id, {VICTIM: verdict(Verdict.DATA_FAULT)})
    used = at.end(devnet, round_id)
    assert stage.void_reason(devnet, round_id) is VoidReason.DATA_FAULT
    # The data bond of 0.3 ether is what the committee earns; the pool has half of the reward.
    assert ledger.gains(victim=VICTIM, verifiers=at.SEATS) == {
        "data_node": -at.REWARD // 2 - at.DATA_BOND - at.FEE - used,
        "verifiers": at.VERIFICATION_FEE,
        "pool": at.REWARD // 2 + at.FEE + used + at.DATA_BOND - at.VERIFICATION_FEE,
    }


@pytest.mark.parametrize(
    ("claim", "lost"), [(100, 8 * at.REWARD), (79, at.REWARD)], ids=["that nobody exceeds", "low"]
)
def test_false_claims_on_every_place_cost_the_reward_at_least(
    devnet: Pole, crowd: list[int], claim: int, lost: int
) -> None:
    ledger = books.opened(devnet)
    boast, honest = Model(train=claim, test=50), Model(train=min(claim, 79), test=45)
    round_id = stage.training(devnet, **at.TASK)
    for miner in crowd:
        stage.commit(devnet, round_id, miner, boast)
    with refused("TooManySolutions", round_id, len(crowd), claim + 1):
        stage.commit(devnet, round_id, VICTIM, honest)
    stage.wait(at.HOUR)
    stage.release(devnet, round_id)
    for miner in crowd:
        stage.reveal(devnet, round_id, miner, boast)
    stage.vote(devnet, round_id, dict.fromkeys(crowd, ok(10, 5)))
    used = at.end(devnet, round_id)
    assert stage.void_reason(devnet, round_id) is VoidReason.NONE_QUALIFIED
    assert ledger.gains(victim=VICTIM, attacker=crowd, verifiers=at.SEATS) == {
        "data_node": -at.FEE - used,
        "attacker": -lost,
        "verifiers": at.VERIFICATION_FEE,
        "pool": at.FEE + used + lost - at.VERIFICATION_FEE,
    }


def test_ending_training_by_one_false_claim_costs_half_of_the_reward(devnet: Pole) -> None:
    ledger = books.opened(devnet)
    round_id = stage.revealed(devnet, {ATTACKER: Model(train=80)}, **at.TASK)
    stage.vote(devnet, round_id, {ATTACKER: ok(79, 45)})
    used = at.end(devnet, round_id)
    assert at.READY_BOND == at.REWARD // 2
    assert ledger.gains(attacker=ATTACKER, verifiers=at.SEATS) == {
        "data_node": -at.FEE - used,
        "attacker": -at.READY_BOND,
        "verifiers": at.VERIFICATION_FEE,
        "pool": at.FEE + used + at.READY_BOND - at.VERIFICATION_FEE,
    }


def test_a_veto_that_nobody_challenges_voids_the_round_and_costs_the_seats_and_no_stake(devnet: Pole) -> None:
    ledger = books.opened(devnet)
    round_id = stage.revealed(devnet, MODELS, **at.TASK)
    members = stage.vote(devnet, round_id, TRUE, m0={VICTIM: ok(1, 1)}, m1={VICTIM: ok(2, 2)})
    used = at.end(devnet, round_id)
    assert stage.void_reason(devnet, round_id) is VoidReason.NO_QUORUM
    gains = ledger.gains(victim=VICTIM, attacker=members[:2], verifiers=at.SEATS)
    assert gains == {"data_node": -at.FEE - used, "pool": at.FEE + used}
    assert {devnet.committee.stakeOf(member)[:2] for member in members[:2]} == {(at.SEAT, False)}


def test_a_veto_that_is_challenged_costs_its_voters_a_penalty_each_and_the_challenger_its_bond(
    devnet: Pole,
) -> None:
    ledger = books.opened(devnet)
    round_id = stage.revealed(devnet, MODELS, **at.TASK)
    members = stage.vote(devnet, round_id, TRUE, m0={VICTIM: ok(1, 1)}, m1={VICTIM: ok(2, 2)})
    stage.challenge(devnet, round_id, by=VICTIM)
    jury = stage.vote(devnet, round_id, {VICTIM: ok(90, 45, mark=2)})
    used = at.end(devnet, round_id)
    lost = 2 * at.PENALTY
    pot = at.VERIFICATION_FEE + at.FIRST_BOND + lost
    part = pot // 16
    vetoing = sum(member in members[:2] for member in jury)
    assert ledger.gains(victim=VICTIM, attacker=members[:2], verifiers=at.SEATS) == at.lot(used) | {
        "victim": at.PRIZE - at.FIRST_BOND,
        "attacker": vetoing * part - lost,
        "verifiers": (14 - vetoing) * part,
        "pool": at.lot(used)["pool"] + pot - 14 * part,
    }


def test_a_test_set_whose_threshold_nobody_can_meet_costs_its_data_node_half_of_what_a_winner_gets(
    devnet: Pole,
) -> None:
    ledger = books.opened(devnet)
    models = {VICTIM: Model(train=90, test=5), ATTACKER: Model(train=99, test=4)}
    round_id = stage.revealed(devnet, models, requiredTestAccuracy=10_000, **at.TASK)
    stage.vote(devnet, round_id, stage.as_claimed(models))
    used = at.end(devnet, round_id)
    assert stage.void_reason(devnet, round_id) is VoidReason.THRESHOLD_MISSED
    assert at.MISSED_SHARE == ETHER * 135 // 100
    assert ledger.gains(attacker=DATA_NODE, victim=VICTIM, other=ATTACKER, verifiers=at.SEATS) == {
        "attacker": -at.VERIFICATION_FEE - at.MISSED_SHARE - at.FEE - used,
        "victim": at.MISSED_SHARE,
        "verifiers": at.VERIFICATION_FEE,
        "pool": at.FEE + used,
    }


def test_a_second_wallet_with_the_winners_model_is_no_ommer_and_the_honest_second_is(devnet: Pole) -> None:
    twin = Model(digest=b"\x0d" * 32)
    ledger = books.opened(devnet)
    first = stage.training(devnet, **at.TASK)
    models = {ATTACKER: twin, VICTIM: Model(test=40), ACCOMPLICE: twin}
    for miner, model in models.items():
        stage.commit(devnet, first, miner, model)
    stage.close(devnet, first)
    stage.release(devnet, first)
    for miner, model in models.items():
        stage.reveal(devnet, first, miner, model)
    members = stage.draw(devnet, first)
    found = [ok(90, 45), ok(90, 40)]
    stage.commit_votes(devnet, first, dict.fromkeys(members, found))
    stage.reveal_votes(devnet, first, dict.fromkeys(members, found))
    used = at.end(devnet, first)
    second = stage.revealed(devnet, {ATTACKER: Model()}, **at.TASK)
    stage.vote(devnet, second, {ATTACKER: ok(90, 45)})
    used += at.end(devnet, second)
    inclusion = at.BLOCK_REWARD // 32
    assert ledger.gains(attacker=[ATTACKER, ACCOMPLICE], victim=VICTIM, verifiers=at.SEATS) == {
        "data_node": -2 * (at.REWARD + at.FEE) - used,
        "attacker": 2 * at.PRIZE + inclusion,
        "victim": at.BLOCK_REWARD,
        "verifiers": 2 * at.VERIFICATION_FEE,
        "pool": 2 * at.FEE + used - 3 * at.BLOCK_REWARD - inclusion,
    }


def test_liars_that_leave_after_their_tally_are_drawn_all_the_same_and_lose(devnet: Pole) -> None:
    ledger = books.opened(devnet)
    round_id = stage.revealed(devnet, {ATTACKER: Model(test=46)}, **at.TASK)
    lie, truth = {ATTACKER: ok(90, 46)}, [ok(90, 5)]
    *liars, honest = stage.vote(devnet, round_id, lie, m4={ATTACKER: ok(90, 5)})
    for liar in liars:
        devnet.committee.unstake({"from": liar})
    stage.wait(at.RULES.chain.challenge_window - 4)
    absences = 0
    for _ in range(2):
        stage.challenge(devnet, round_id, by=DATA_NODE)
        jury = stage.draw(devnet, round_id)
        votes = {member: truth for member in jury if member not in liars}
        stage.commit_votes(devnet, round_id, votes)
        if absent := len(jury) - len(votes):
            stage.end_votes(devnet, round_id)
        absences += absent
        stage.reveal_votes(devnet, round_id, votes)
    assert len(jury) == 15
    used = at.end(devnet, round_id)
    assert stage.void_reason(devnet, round_id) is VoidReason.NONE_QUALIFIED
    penalties = (4 + absences) * at.PENALTY
    # The first tally is contradicted: that challenge is free. The second called more seats than were needed.
    pot = at.VERIFICATION_FEE + at.SECOND_BOND + penalties
    earned = (31 - 4 - absences) * (pot // 31)
    lost = at.READY_BOND + penalties
    assert honest in jury
    assert ledger.gains(attacker=[ATTACKER, *liars], verifiers=at.SEATS) == {
        "data_node": -at.FEE - used - at.SECOND_BOND,
        "attacker": -lost,
        "verifiers": earned,
        "pool": at.FEE + used + at.SECOND_BOND + lost - earned,
    }


def test_a_copied_challenge_earns_its_copier_nothing_and_the_copied_one_pays_nothing(devnet: Pole) -> None:
    ledger = books.opened(devnet)
    round_id = stage.revealed(devnet, MODELS, **at.TASK)
    lie = {VICTIM: ok(90, 5)}
    liars = stage.vote(devnet, round_id, lie)
    stage.challenge(devnet, round_id, by=ACCOMPLICE)
    with refused("WrongPhase"):
        devnet.chain.challenge(round_id, at.sent(VICTIM, at.FIRST_BOND))
    jury = stage.vote(devnet, round_id, {VICTIM: ok(90, 45, mark=2)})
    used = at.end(devnet, round_id)
    lost = 5 * at.PENALTY
    pot = at.VERIFICATION_FEE + lost
    part = pot // 16
    lying = sum(member in liars for member in jury)
    assert ledger.gains(victim=VICTIM, copier=ACCOMPLICE, liars=liars, verifiers=at.SEATS) == at.lot(used) | {
        "victim": at.PRIZE,
        "liars": lying * part - lost,
        "verifiers": (11 - lying) * part,
        "pool": at.lot(used)["pool"] + pot - 11 * part,
    }


def test_a_penalty_that_makes_selling_ones_own_vote_pay_cannot_be_deployed(deployed: Pole) -> None:
    lanes = at.RULES.committee.lanes
    wrong = at.CHOSEN | {"committee": at.CHOSEN["committee"] | {"penalty": at.SEAT // (2 * lanes) + 1}}
    with pytest.raises(ValueError, match="lanes"):
        stage.deploy_with(wrong)


def test_a_seat_that_sells_its_votes_in_all_lanes_at_once_loses_all_it_has_and_half_of_it_comes_back_at_most(
    deployed: Pole,
) -> None:
    pole = stage.people(stage.deploy_with(at.CHOSEN), range(5, 10))
    ledger = books.opened(pole)
    lanes = range(at.RULES.committee.lanes)
    rounds = [stage.revealed(pole, MODELS, lane=lane, **at.TASK) for lane in lanes]
    seller, absent = str(accounts[5]), str(accounts[6])
    sold = [ok(90, 45)]
    for round_id in rounds:
        stage.draw(pole, round_id)
        stage.commit_votes(pole, round_id, {seller: sold})
        shown = stage.member_of(pole, round_id, seller), stage.as_tuples(sold), b"\x77" * 32
        pole.committee.leak(stage.ballot(pole, round_id), *shown, at.sent(ACCOMPLICE))
    for round_id in rounds:
        stage.end_votes(pole, round_id)
        stage.end_votes(pole, round_id)
        stage.finalise(pole, round_id)
    gains = ledger.gains(seller=[seller, ACCOMPLICE], absent=absent, verifiers=range(7, 10))
    assert gains["absent"] == -len(lanes) * at.PENALTY
    assert gains["seller"] == -at.SEAT + len(lanes) * at.PENALTY // 2
    assert gains["seller"] < gains["absent"]


def test_a_vote_that_its_own_voter_sells_costs_half_a_penalty_more_than_staying_away(devnet: Pole) -> None:
    ledger = books.opened(devnet)
    round_id = stage.revealed(devnet, MODELS, **at.TASK)
    seller, absent, *rest = stage.draw(devnet, round_id)
    sold = [ok(90, 45)]
    stage.commit_votes(devnet, round_id, {seller: sold})
    ballot = stage.ballot(devnet, round_id)
    shown = stage.as_tuples(sold), b"\x77" * 32
    devnet.committee.leak(ballot, 0, *shown, at.sent(ACCOMPLICE))
    votes = dict.fromkeys(rest, sold)
    stage.commit_votes(devnet, round_id, votes)
    stage.end_votes(devnet, round_id)
    stage.reveal_votes(devnet, round_id, votes)
    stage.end_votes(devnet, round_id)
    at.end(devnet, round_id)
    gains = ledger.gains(seller=[seller, ACCOMPLICE], absent=absent, verifiers=at.SEATS)
    assert gains["seller"] == -3 * at.PENALTY // 2
    assert gains["absent"] == -at.PENALTY
    assert accounts[ACCOMPLICE] not in rest
