"""How rounds end that a committee judged."""

from brownie import accounts
from tests.contracts import stage
from tests.contracts.stage import (
    BOND,
    CHAIN,
    COMMITTEE,
    DATA_NODE,
    READY_BOND,
    SEAT,
    TERMS,
    VERIFICATION_FEE,
    HistoryCheck,
    Model,
    Pole,
    ok,
    verdict,
)

from pole.protocol.state import Phase, Verdict, VoidReason

REWARD = TERMS["reward"] - VERIFICATION_FEE + CHAIN["blockReward"]


def test_without_a_quorum_the_round_is_void_and_the_committee_earns_nothing(
    pole: Pole, history_holds: HistoryCheck
) -> None:
    round_id = stage.revealed(pole, {2: Model()})
    stage.vote(pole, round_id, {2: ok(90, 45)}, m0={2: ok(89, 45)}, m1={2: ok(88, 45)})
    before = stage.pool(pole)
    stage.finalise(pole, round_id)
    assert stage.void_reason(pole, round_id) is VoidReason.NO_QUORUM
    assert stage.credit(pole, DATA_NODE) == TERMS["reward"] + TERMS["dataBond"]
    assert stage.credit(pole, 2) == READY_BOND
    assert stage.pool(pole) == before
    history_holds()


def test_a_committee_that_never_votes_is_slashed_and_nobody_else(
    pole: Pole, history_holds: HistoryCheck
) -> None:
    round_id = stage.revealed(pole, {2: Model()})
    members = stage.draw(pole, round_id)
    stage.end_votes(pole, round_id)
    before = stage.pool(pole)
    stage.finalise(pole, round_id)
    assert stage.void_reason(pole, round_id) is VoidReason.NO_QUORUM
    assert stage.credit(pole, DATA_NODE) == TERMS["reward"] + TERMS["dataBond"]
    assert stage.credit(pole, 2) == READY_BOND
    assert stage.pool(pole) == before + len(members) * COMMITTEE["penalty"]
    history_holds()


def test_a_malformed_model_pays_the_committee_out_of_its_bond(
    pole: Pole, history_holds: HistoryCheck
) -> None:
    round_id = stage.revealed(pole, {2: Model()})
    members = stage.vote(pole, round_id, {2: verdict(Verdict.MALFORMED)})
    before = stage.pool(pole)
    stage.finalise(pole, round_id)
    assert stage.void_reason(pole, round_id) is VoidReason.NONE_QUALIFIED
    assert stage.credit(pole, 2) == 0
    assert stage.credit(pole, DATA_NODE) == TERMS["reward"] + TERMS["dataBond"]
    assert [pole.reservoir.creditOf(member) for member in members] == [VERIFICATION_FEE // 4] * 4
    assert stage.pool(pole) == before + READY_BOND - VERIFICATION_FEE
    history_holds()


def test_a_model_that_nobody_could_have_loses_its_bond_to_the_pool_and_no_member_is_paid(
    pole: Pole, history_holds: HistoryCheck
) -> None:
    round_id = stage.revealed(pole, {2: Model()})
    members = stage.vote(pole, round_id, {2: verdict(Verdict.UNAVAILABLE)})
    before = stage.pool(pole)
    stage.finalise(pole, round_id)
    assert stage.void_reason(pole, round_id) is VoidReason.NONE_QUALIFIED
    assert stage.credit(pole, 2) == 0
    assert stage.credit(pole, DATA_NODE) == TERMS["reward"] + TERMS["dataBond"]
    assert [pole.reservoir.creditOf(member) for member in members] == [0] * 4
    assert all(pole.committee.stakeOf(member) == (SEAT, True, 0, 0) for member in members)
    assert stage.pool(pole) == before + READY_BOND
    history_holds()


def test_where_a_forfeited_bond_is_less_than_the_fee_the_committee_gets_no_more(
    history_holds: HistoryCheck,
) -> None:
    pole = stage.set_up(
        chain={"maxSolutions": 16, "minerBondBps": 625, "readyBondBps": 625, "maxCommittee": 4},
        task_list={"maxSolutions": 16},
    )
    bond = TERMS["reward"] * 625 // 10_000
    round_id = stage.revealed(pole, {2: Model()})
    members = stage.vote(pole, round_id, {2: ok(90, 40)})
    stage.finalise(pole, round_id)
    assert stage.void_reason(pole, round_id) is VoidReason.NONE_QUALIFIED
    assert stage.credit(pole, DATA_NODE) == TERMS["reward"] + TERMS["dataBond"]
    assert [pole.reservoir.creditOf(member) for member in members] == [bond // 4] * 4
    history_holds(pole)


def test_a_false_claim_beside_a_choice_without_a_finding_leaves_no_quorum_and_pays_for_the_truth(
    pole: Pole, history_holds: HistoryCheck
) -> None:
    round_id = stage.revealed(pole, {2: Model(test=50), 3: Model(test=49)})
    members = stage.draw(pole, round_id)
    votes = {member: [ok(90, 40), ok(90, 49, mark)] for mark, member in enumerate(members)}
    stage.commit_votes(pole, round_id, votes)
    stage.reveal_votes(pole, round_id, votes)
    before = stage.pool(pole)
    stage.finalise(pole, round_id)
    assert stage.void_reason(pole, round_id) is VoidReason.NO_QUORUM
    assert stage.credit(pole, DATA_NODE) == TERMS["reward"] + TERMS["dataBond"]
    assert (stage.credit(pole, 2), stage.credit(pole, 3)) == (0, READY_BOND)
    # Half of the fee is for the choice that they found nothing about, and goes to the pool.
    assert [pole.reservoir.creditOf(member) for member in members] == [VERIFICATION_FEE // 8] * 4
    assert stage.pool(pole) == before + READY_BOND - VERIFICATION_FEE // 2
    history_holds()


def test_a_data_fault_on_any_solution_voids_the_round_at_the_data_nodes_cost(
    pole: Pole, history_holds: HistoryCheck
) -> None:
    round_id = stage.revealed(pole, {2: Model(test=45), 3: Model(test=40)})
    members = stage.vote(pole, round_id, {2: ok(90, 45), 3: verdict(Verdict.DATA_FAULT)})
    before = stage.pool(pole)
    stage.finalise(pole, round_id)
    assert stage.void_reason(pole, round_id) is VoidReason.DATA_FAULT
    share = (TERMS["dataBond"] - VERIFICATION_FEE) * CHAIN["faultShareBps"] // 10_000 // 2
    # Nobody can tell who trained on bad data, so a part of the reward is the pool's.
    part = TERMS["reward"] * CHAIN["missedShareBps"] // 10_000
    assert stage.credit(pole, DATA_NODE) == TERMS["reward"] - part
    assert stage.credit(pole, 2) == stage.credit(pole, 3) == READY_BOND + share
    assert pole.reservoir.creditOf(members[0]) == VERIFICATION_FEE // 4
    assert stage.pool(pole) == before + part + TERMS["dataBond"] - VERIFICATION_FEE - 2 * share
    history_holds()


def test_data_that_nobody_could_have_pay_no_committee_and_a_part_of_the_reward_to_the_pool(
    pole: Pole, history_holds: HistoryCheck
) -> None:
    round_id = stage.revealed(pole, {2: Model(test=45), 3: Model(test=40)})
    members = stage.vote(pole, round_id, dict.fromkeys((2, 3), verdict(Verdict.DATA_UNAVAILABLE)))
    before = stage.pool(pole)
    stage.finalise(pole, round_id)
    assert stage.void_reason(pole, round_id) is VoidReason.DATA_UNAVAILABLE
    part = TERMS["reward"] * CHAIN["missedShareBps"] // 10_000
    assert stage.credit(pole, DATA_NODE) == TERMS["reward"] - part
    assert stage.credit(pole, 2) == stage.credit(pole, 3) == READY_BOND
    assert [pole.reservoir.creditOf(member) for member in members] == [0] * 4
    assert all(pole.committee.stakeOf(member) == (SEAT, True, 0, 0) for member in members)
    assert stage.pool(pole) == before + part + TERMS["dataBond"]
    history_holds()


def test_the_committees_fee_after_a_data_fault_is_at_most_the_data_bond(
    pole: Pole, history_holds: HistoryCheck
) -> None:
    bond = stage.TASK_LIST["minDataBond"]
    round_id = stage.revealed(pole, {2: Model()}, dataBond=bond)
    members = stage.vote(pole, round_id, {2: verdict(Verdict.DATA_FAULT)})
    stage.finalise(pole, round_id)
    part = TERMS["reward"] * CHAIN["missedShareBps"] // 10_000
    assert pole.reservoir.creditOf(members[0]) == bond // 4
    assert stage.credit(pole, DATA_NODE) == TERMS["reward"] - part
    assert stage.credit(pole, 2) == READY_BOND
    history_holds()


def test_closed_early_and_below_the_training_threshold_the_round_is_void_and_nobody_is_paid_for_training(
    pole: Pole, history_holds: HistoryCheck
) -> None:
    round_id = stage.revealed(pole, {2: Model(train=90), 3: Model(train=70, test=20)})
    stage.vote(pole, round_id, {2: ok(60, 45), 3: ok(70, 20)})
    before = stage.pool(pole)
    stage.finalise(pole, round_id)
    assert stage.void_reason(pole, round_id) is VoidReason.THRESHOLD_MISSED
    # The bond of the false claim pays the committee.
    assert stage.credit(pole, DATA_NODE) == TERMS["reward"] + TERMS["dataBond"]
    assert stage.credit(pole, 2) == 0
    assert stage.credit(pole, 3) == BOND
    assert stage.pool(pole) == before + READY_BOND - VERIFICATION_FEE
    history_holds()


def test_where_the_test_threshold_alone_is_missed_the_best_in_training_is_paid_a_part_of_the_reward(
    pole: Pole, history_holds: HistoryCheck
) -> None:
    models = {2: Model(train=99, test=30), 3: Model(train=80, test=31), 4: Model(train=70, test=39)}
    round_id = stage.revealed(pole, models, requiredTestAccuracy=8000)
    members = stage.vote(pole, round_id, stage.as_claimed(models))
    before = stage.pool(pole)
    stage.finalise(pole, round_id)
    assert stage.void_reason(pole, round_id) is VoidReason.THRESHOLD_MISSED
    left = TERMS["reward"] - VERIFICATION_FEE
    part = left * CHAIN["missedShareBps"] // 10_000
    # Among those that trained as well as was asked, the one that does best on the test set.
    assert stage.credit(pole, 3) == READY_BOND + part
    assert (stage.credit(pole, 2), stage.credit(pole, 4)) == (READY_BOND, BOND)
    assert stage.credit(pole, DATA_NODE) == left - part + TERMS["dataBond"]
    assert pole.reservoir.creditOf(members[0]) == 3 * (VERIFICATION_FEE // 12)
    assert stage.pool(pole) == before + VERIFICATION_FEE - 12 * (VERIFICATION_FEE // 12)
    assert pole.ledger.height() == 0
    history_holds()


def test_a_false_claim_on_the_test_set_is_not_paid_for_its_training(
    pole: Pole, history_holds: HistoryCheck
) -> None:
    models = {2: Model(train=90, test=38), 3: Model(train=85, test=20)}
    round_id = stage.revealed(pole, models, requiredTestAccuracy=8000)
    stage.vote(pole, round_id, {2: ok(90, 37), 3: ok(85, 20)})
    stage.finalise(pole, round_id)
    assert stage.void_reason(pole, round_id) is VoidReason.THRESHOLD_MISSED
    # The forfeited bond pays the committee in full, so that all of the reward is divided.
    part = TERMS["reward"] * CHAIN["missedShareBps"] // 10_000
    assert (stage.credit(pole, 2), stage.credit(pole, 3)) == (0, READY_BOND + part)
    assert stage.credit(pole, DATA_NODE) == TERMS["reward"] - part + TERMS["dataBond"]
    history_holds()


def test_when_time_ran_out_the_best_wins_below_the_threshold_without_ommers(
    pole: Pole, history_holds: HistoryCheck
) -> None:
    models = {2: Model(train=60, test=20), 3: Model(train=50, test=30)}
    round_id = stage.revealed(pole, models, closed=False)
    stage.vote(pole, round_id, stage.as_claimed(models))
    stage.finalise(pole, round_id)
    assert stage.phase(pole, round_id) is Phase.FINAL
    assert stage.credit(pole, 3) == REWARD + BOND
    assert stage.credit(pole, 2) == BOND
    assert stage.ommers(pole) == {}
    history_holds()


def test_a_false_claim_loses_its_bond_and_wins_nothing_even_with_the_better_model(
    pole: Pole, history_holds: HistoryCheck
) -> None:
    models = {2: Model(train=90, test=50), 3: Model(train=90, test=41)}
    round_id = stage.revealed(pole, models)
    stage.vote(pole, round_id, {2: ok(90, 49), 3: ok(90, 41)})
    stage.finalise(pole, round_id)
    assert stage.credit(pole, 3) == REWARD + READY_BOND
    assert stage.credit(pole, 2) == 0
    assert stage.ommers(pole) == {}
    history_holds()


def test_a_false_claim_about_the_training_set_wins_nothing_even_alone(
    pole: Pole, history_holds: HistoryCheck
) -> None:
    round_id = stage.revealed(pole, {2: Model(train=95, test=45)}, closed=False)
    stage.vote(pole, round_id, {2: ok(90, 45)})
    stage.finalise(pole, round_id)
    assert stage.void_reason(pole, round_id) is VoidReason.NONE_QUALIFIED
    assert stage.credit(pole, 2) == 0
    assert stage.credit(pole, DATA_NODE) == TERMS["reward"] + TERMS["dataBond"]
    history_holds()


def test_a_claim_below_what_was_found_is_ranked_by_the_claim(pole: Pole, history_holds: HistoryCheck) -> None:
    models = {2: Model(test=30), 3: Model(test=29)}
    round_id = stage.revealed(pole, models)
    stage.vote(pole, round_id, {2: ok(90, 30), 3: ok(90, 45)})
    stage.finalise(pole, round_id)
    assert stage.credit(pole, 2) == REWARD + READY_BOND
    history_holds()


def test_the_test_threshold_counts_where_the_task_sets_one(pole: Pole, history_holds: HistoryCheck) -> None:
    models = {2: Model(train=99, test=39), 3: Model(train=80, test=40)}
    round_id = stage.revealed(pole, models, requiredTestAccuracy=8000)
    stage.vote(pole, round_id, stage.as_claimed(models))
    stage.finalise(pole, round_id)
    assert stage.credit(pole, 3) == REWARD + READY_BOND
    assert stage.ommers(pole) == {}
    history_holds()


def test_ties_go_to_the_earlier_commitment(pole: Pole, history_holds: HistoryCheck) -> None:
    round_id = stage.training(pole)
    model = Model()
    stage.commit(pole, round_id, 2, model)
    stage.commit(pole, round_id, 3, model)
    stage.commit(pole, round_id, 2, model, bond=0)
    stage.close(pole, round_id)
    stage.release(pole, round_id)
    for miner in (2, 3):
        stage.reveal(pole, round_id, miner, model)
    stage.vote(pole, round_id, {2: ok(90, 45), 3: ok(90, 45)})
    stage.finalise(pole, round_id)
    assert stage.credit(pole, 3) == REWARD + READY_BOND
    history_holds()


def test_a_data_node_that_mines_its_own_task_is_treated_like_any_miner(
    pole: Pole, history_holds: HistoryCheck
) -> None:
    models = {DATA_NODE: Model(test=50), 2: Model(test=40)}
    round_id = stage.revealed(pole, models)
    members = stage.vote(pole, round_id, stage.as_claimed(models))
    assert accounts[DATA_NODE] not in members
    stage.finalise(pole, round_id)
    assert stage.credit(pole, DATA_NODE) == REWARD + READY_BOND + TERMS["dataBond"]
    history_holds()


def test_ether_that_strangers_put_into_the_rounds_account_ends_in_the_pool(
    pole: Pole, history_holds: HistoryCheck
) -> None:
    round_id = stage.revealed(pole, {2: Model()})
    stage.vote(pole, round_id, {2: ok(90, 45)})
    pole.reservoir.deposit(pole.chain, round_id.to_bytes(32, "big"), {"from": accounts[16], "value": 77})
    before = stage.pool(pole)
    stage.finalise(pole, round_id)
    assert stage.pool(pole) == before + 77 - CHAIN["blockReward"]
    history_holds()
