from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.protocol.example_rounds import (
    CHAIN,
    DATA_NODE,
    MINERS,
    TERMS,
    ended,
    fault,
    found,
    solution,
    terms,
    unrevealed,
)

from pole.protocol.rounds.judgement import Challenge, EndedRound, choices_of, choose, judge
from pole.protocol.rounds.ommer_rewards import pool_draw
from pole.protocol.rounds.payouts import Settlement, account_of, miner_bond, pool_payouts, settle
from pole.protocol.rounds.tally import NO_FINDING
from pole.protocol.state import Finding, Ommer, Payout, PayoutReason, Verdict, VoidReason

FEE = TERMS.reward // 10


RENT = Payout(DATA_NODE, PayoutReason.RENT_REFUND, 19_999)
"""What comes back of the rent of `ended` rounds; the rest is used."""

USED = 10_001


def split(given_: EndedRound) -> Settlement:
    return settle(given_, judge(given_), CHAIN)


def reward_refund(amount: int = TERMS.reward) -> Payout:
    return Payout(DATA_NODE, PayoutReason.REWARD_REFUND, amount)


def bond(n: int) -> Payout:
    return Payout(MINERS[n], PayoutReason.MINER_BOND, CHAIN.miner_bond)


DATA_BOND = Payout(DATA_NODE, PayoutReason.DATA_BOND, TERMS.data_bond)


def test_keys_that_never_come_cost_the_data_bond() -> None:
    given_ = ended(keys_posted=False, findings=None)
    assert split(given_) == Settlement((reward_refund(), RENT), 0, TERMS.data_bond + USED)


def test_a_task_nobody_tries_costs_its_fee_and_the_seconds_that_it_took() -> None:
    given_ = ended(released=False, findings=None)
    assert split(given_) == Settlement((reward_refund(), DATA_BOND, RENT), 0, USED)


def test_a_commitment_never_revealed_costs_its_bond() -> None:
    given_ = ended(solutions=(unrevealed(0),), findings=None)
    assert split(given_) == Settlement((reward_refund(), DATA_BOND, RENT), 0, CHAIN.miner_bond + USED)


def test_a_withheld_test_set_costs_the_data_bond_even_when_somebody_wins() -> None:
    solutions = (solution(0, claimed_test_correct=0), unrevealed(1))
    given_ = ended(found(95, 0), released=False, solutions=solutions)
    share = Payout(MINERS[0], PayoutReason.DATA_BOND_SHARE, TERMS.data_bond // 2)
    won = Payout(MINERS[0], PayoutReason.TASK_REWARD, TERMS.reward - FEE)
    assert split(given_).payouts == (won, share, RENT, bond(0))


def test_a_withheld_test_set_pays_the_pool_when_nobody_reveals() -> None:
    given_ = ended(solutions=(unrevealed(0),), released=False, findings=None)
    assert split(given_) == Settlement((reward_refund(), RENT), 0, TERMS.data_bond + CHAIN.miner_bond + USED)


TRAINED = TERMS.reward * CHAIN.missed_share_bps // 10_000
"""The part of a reward that models are paid for which a data node keeps."""


def test_a_data_fault_pays_committee_and_miners_from_the_data_bond_and_the_pool_from_the_reward() -> None:
    given_ = ended(fault(Verdict.DATA_FAULT), fault(Verdict.DATA_FAULT))
    share = (TERMS.data_bond - FEE) * 5_000 // 10_000 // 2
    shares = tuple(Payout(MINERS[n], PayoutReason.DATA_BOND_SHARE, share) for n in range(2))
    payouts = (reward_refund(TERMS.reward - TRAINED), *shares, RENT, bond(0), bond(1))
    assert split(given_) == Settlement(payouts, FEE, TRAINED + TERMS.data_bond - FEE - 2 * share + USED)


def test_a_small_data_bond_caps_the_fee_after_a_data_fault() -> None:
    given_ = ended(fault(Verdict.DATA_FAULT), terms=terms(data_bond=5))
    payouts = (reward_refund(TERMS.reward - TRAINED), RENT, bond(0))
    assert split(given_) == Settlement(payouts, 5, TRAINED + USED)


def test_data_that_could_not_be_had_cost_as_much_and_nobody_gains_by_them() -> None:
    payouts = (reward_refund(TERMS.reward - TRAINED), RENT, bond(0))
    kept = TRAINED + TERMS.data_bond + USED
    assert split(ended(fault(Verdict.DATA_UNAVAILABLE))) == Settlement(payouts, 0, kept)


def test_where_data_could_not_be_had_the_reward_pays_the_committee_for_the_truths_it_found() -> None:
    given_ = ended(fault(Verdict.MALFORMED), fault(Verdict.DATA_UNAVAILABLE))
    result = split(given_)
    rest = TERMS.reward - FEE
    assert result.verification_fee == FEE
    assert reward_refund(rest - rest * CHAIN.missed_share_bps // 10_000) in result.payouts


def test_a_committee_that_found_no_truth_earns_nothing() -> None:
    assert split(ended(NO_FINDING)) == Settlement((reward_refund(), DATA_BOND, RENT, bond(0)), 0, USED)
    forfeited = Settlement((reward_refund(), DATA_BOND, RENT), 0, CHAIN.miner_bond + USED)
    assert split(ended(fault(Verdict.UNAVAILABLE))) == forfeited


@pytest.mark.parametrize("finding", [fault(Verdict.MALFORMED), found(test=8)])
def test_where_nobody_is_right_forfeited_bonds_pay_the_committee_as_far_as_they_go(finding: Finding) -> None:
    given_ = ended(finding)
    bonds = replace(CHAIN, miner_bond=FEE + 5)
    assert settle(given_, judge(given_), bonds) == Settlement(
        (reward_refund(), DATA_BOND, RENT), FEE, 5 + USED
    )
    assert split(given_) == Settlement((reward_refund(), DATA_BOND, RENT), CHAIN.miner_bond, USED)


def test_an_unrevealed_bond_pays_a_committee_that_found_nobody_right_too() -> None:
    given_ = replace(ended(fault(Verdict.MALFORMED)), solutions=(solution(0), unrevealed(1)))
    assert split(given_) == Settlement((reward_refund(), DATA_BOND, RENT), 2 * CHAIN.miner_bond, USED)


def test_without_a_quorum_no_bond_of_an_unproven_solution_pays_the_committee() -> None:
    given_ = ended(NO_FINDING, fault(Verdict.MALFORMED))
    assert split(given_) == Settlement((reward_refund(), DATA_BOND, RENT, bond(0)), CHAIN.miner_bond, USED)


def test_a_winner_pays_the_committee_whoever_forfeits() -> None:
    given_ = ended(found(), fault(Verdict.MALFORMED))
    won = Payout(MINERS[0], PayoutReason.TASK_REWARD, TERMS.reward - FEE)
    assert split(given_) == Settlement((won, DATA_BOND, RENT, bond(0)), FEE, CHAIN.miner_bond + USED)


def test_where_the_training_threshold_is_missed_the_reward_pays_the_committee() -> None:
    low = (solution(0, claimed_train_correct=80),)
    given_ = ended(found(train=80), solutions=low)
    payouts = (reward_refund(TERMS.reward - FEE), DATA_BOND, RENT, bond(0))
    assert split(given_) == Settlement(payouts, FEE, USED)


def test_who_trained_best_is_paid_a_part_where_only_the_test_threshold_is_missed() -> None:
    low = tuple(solution(n, claimed_test_correct=6 + n) for n in range(2))
    given_ = ended(found(test=6), found(test=7), solutions=low)
    part = (TERMS.reward - FEE) * CHAIN.missed_share_bps // 10_000
    trained = Payout(MINERS[1], PayoutReason.TRAINING_REWARD, part)
    payouts = (trained, reward_refund(TERMS.reward - FEE - part), DATA_BOND, RENT, bond(0), bond(1))
    assert split(given_) == Settlement(payouts, FEE, USED)


@pytest.mark.parametrize(
    ("reward", "claim", "bond_"),
    [(0, 95, 7_001), (140_039, 89, 7_001), (140_040, 89, 7_002), (10**6, 89, 50_000), (10**6, 90, 80_000)],
)
def test_a_claim_that_can_end_the_training_is_dearer(reward: int, claim: int, bond_: int) -> None:
    parameters = replace(CHAIN, miner_bond_bps=500, ready_bond_bps=800)
    assert miner_bond(claim, terms(reward=reward), parameters) == bond_


def test_bonds_are_forfeited_and_returned_as_large_as_they_were_paid() -> None:
    solutions = (solution(0), solution(1, claimed_train_correct=80))
    given_ = ended(found(), fault(Verdict.MALFORMED), solutions=solutions)
    parameters = replace(CHAIN, miner_bond_bps=1_000, ready_bond_bps=2_000)
    result = settle(given_, judge(given_), parameters)
    assert Payout(MINERS[0], PayoutReason.MINER_BOND, TERMS.reward * 2 // 10) in result.payouts
    assert result.pool == TERMS.reward // 10 + USED


def test_who_claims_truly_what_another_committed_to_before_keeps_its_bond_and_is_nothing_else() -> None:
    solutions = (solution(0), solution(1, model_digest=solution(0).model_digest))
    given_ = ended(found(), solutions=solutions)
    won = Payout(MINERS[0], PayoutReason.TASK_REWARD, TERMS.reward - FEE)
    assert split(given_) == Settlement((won, DATA_BOND, RENT, bond(0), bond(1)), FEE, USED)
    assert judge(given_).ommers == ()


def doubted(*tallies: Finding, dropped: bool = False) -> EndedRound:
    made = tuple(Challenge(MINERS[3 - n], 9_001 + n, (tally,)) for n, tally in enumerate(tallies))
    return ended(found(), challenges=made, dropped=dropped)


@pytest.mark.parametrize(
    ("given_", "returned"),
    [
        (doubted(found(train=80)), [0]),
        (doubted(found(), dropped=True), [0]),
        (doubted(found(train=80), fault(Verdict.MALFORMED)), [0, 1]),
        (doubted(found(), fault(Verdict.MALFORMED)), [1]),
        (doubted(found(train=80), found(), dropped=True), [0, 1]),
        (doubted(found(), NO_FINDING), []),
        (doubted(fault(Verdict.UNAVAILABLE)), []),
    ],
)
def test_challenges_that_were_right_are_returned_and_the_others_pay_the_committees(
    given_: EndedRound, returned: list[int]
) -> None:
    plain = split(replace(given_, challenges=(), dropped=False))
    back = tuple(Payout(MINERS[3 - n], PayoutReason.CHALLENGE_BOND, 9_001 + n) for n in returned)
    spent = sum(9_001 + n for n in range(len(given_.challenges)) if n not in returned)
    assert split(given_) == replace(plain, payouts=(*plain.payouts, *back), verification_fee=FEE + spent)


def test_what_a_block_draws_is_paid_to_winner_and_ommer() -> None:
    ommer = Ommer(1, MINERS[1], b"\x01" * 32, 9, 10, 2, referenced=False)
    draw = pool_draw(ommer, height=2, lanes=1, block_reward=3_200)
    assert pool_payouts(draw, MINERS[0]) == (
        Payout(MINERS[0], PayoutReason.BLOCK_REWARD, 3_200),
        Payout(MINERS[0], PayoutReason.OMMER_INCLUSION, 100),
        Payout(MINERS[1], PayoutReason.OMMER_REWARD, 1_600),
    )


def test_nothing_drawn_pays_nobody() -> None:
    assert pool_payouts(pool_draw(None, height=2, lanes=1, block_reward=0), MINERS[0]) == ()


faults = [fault(verdict) for verdict in Verdict if verdict not in (Verdict.NONE, Verdict.OK)]
findings = st.one_of(
    st.builds(found, st.integers(80, 100), st.integers(5, 10)), st.sampled_from([NO_FINDING, *faults])
)


@st.composite
def ended_rounds(draw: st.DrawFn) -> EndedRound:
    solutions = tuple(
        solution(
            n,
            revealed=draw(st.booleans()),
            claimed_train_correct=draw(st.integers(85, 100)),
            claimed_test_correct=draw(st.integers(6, 10)),
            model_digest=bytes([draw(st.integers(n, n + 1))]) * 32,
        )
        for n in range(draw(st.integers(0, 4)))
    )
    asked = terms(reward=draw(st.integers(0, 10**6)), data_bond=draw(st.integers(0, 10**6)))
    solutions = choose(solutions)
    choices = choices_of(solutions)
    drawn = choices > 0 and draw(st.booleans())
    rent = draw(st.integers(0, 10**6))
    return replace(
        ended(),
        terms=asked,
        keys_posted=bool(solutions) or draw(st.booleans()),
        closed_early=draw(st.booleans()),
        released=draw(st.booleans()),
        solutions=solutions,
        findings=draw(st.tuples(*[findings] * choices)) if drawn else None,
        rent=rent,
        used=draw(st.integers(0, rent)),
        challenges=tuple(draw(st.lists(challenges(choices), max_size=2))) if drawn else (),
        dropped=draw(st.booleans()),
    )


def challenges(choices: int) -> st.SearchStrategy[Challenge]:
    return st.builds(Challenge, st.just(DATA_NODE), st.integers(0, 10**6), st.tuples(*[findings] * choices))


shares = st.integers(0, 10_000)


@given(ended_rounds(), shares, shares, shares, st.tuples(shares, shares).map(sorted))
@settings(max_examples=150)
def test_a_round_s_account_is_emptied_to_the_last_wei(
    given_: EndedRound, fee_bps: int, share_bps: int, missed_bps: int, bond_bps: list[int]
) -> None:
    parameters = replace(
        CHAIN,
        verification_fee_bps=fee_bps,
        fault_share_bps=share_bps,
        missed_share_bps=missed_bps,
        miner_bond_bps=bond_bps[0],
        ready_bond_bps=bond_bps[1],
    )
    result = settle(given_, judge(given_), parameters)
    paid = sum(payout.amount for payout in result.payouts)
    assert paid + result.verification_fee + result.pool == account_of(given_, parameters)
    assert min([result.pool, result.verification_fee]) >= 0
    assert all(payout.amount > 0 for payout in result.payouts)


@given(ended_rounds())
@settings(max_examples=80)
def test_nobody_honest_loses_principal(given_: EndedRound) -> None:
    result = split(given_)
    bonds = {payout.payee for payout in result.payouts if payout.reason is PayoutReason.MINER_BOND}
    for each in given_.solutions:
        faultless = each.revealed and all(
            finding.verdict in (Verdict.NONE, Verdict.DATA_FAULT, Verdict.DATA_UNAVAILABLE)
            for choice, finding in enumerate(given_.findings or (), start=1)
            if choice == each.choice
        )
        if faultless:
            assert each.miner in bonds


@given(ended_rounds())
@settings(max_examples=80)
def test_a_data_node_that_did_its_part_gets_its_bond_and_the_rent_that_it_did_not_use(
    given_: EndedRound,
) -> None:
    result = split(given_)
    back = {payout.reason: payout.amount for payout in result.payouts if payout.payee == DATA_NODE}
    assert back.get(PayoutReason.RENT_REFUND, 0) == given_.rent - given_.used
    lost = (VoidReason.DATA_FAULT, VoidReason.DATA_UNAVAILABLE, VoidReason.KEYS_MISSING)
    fair = judge(given_).void_reason not in lost
    if fair and given_.released:
        assert back.get(PayoutReason.DATA_BOND, 0) == given_.terms.data_bond
