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

from pole.protocol.rounds.judgement import Challenge, EndedRound, judge, judged_solutions
from pole.protocol.rounds.ommer_rewards import pool_draw
from pole.protocol.rounds.payouts import Settlement, miner_bond, pool_payouts, settle
from pole.protocol.rounds.tally import NO_FINDING
from pole.protocol.state import Finding, Ommer, Payout, PayoutReason, Verdict

FEE = TERMS.reward // 10


def split(given_: EndedRound) -> Settlement:
    return settle(given_, judge(given_), CHAIN)


def reward_refund(amount: int = TERMS.reward) -> Payout:
    return Payout(DATA_NODE, PayoutReason.REWARD_REFUND, amount)


def bond(n: int) -> Payout:
    return Payout(MINERS[n], PayoutReason.MINER_BOND, CHAIN.miner_bond)


DATA_BOND = Payout(DATA_NODE, PayoutReason.DATA_BOND, TERMS.data_bond)


def test_keys_that_never_come_cost_the_data_bond() -> None:
    given_ = ended(keys_posted=False, judged=None, findings=None)
    assert split(given_) == Settlement((reward_refund(),), 0, TERMS.data_bond)


def test_a_task_nobody_tries_costs_only_its_fee() -> None:
    given_ = ended(released=False, judged=None, findings=None)
    assert split(given_) == Settlement((reward_refund(), DATA_BOND), 0, 0)


def test_a_commitment_never_revealed_costs_its_bond() -> None:
    given_ = ended(solutions=(unrevealed(0),), judged=None, findings=None)
    assert split(given_) == Settlement((reward_refund(), DATA_BOND), 0, CHAIN.miner_bond)


def test_a_withheld_test_set_costs_the_data_bond_even_when_somebody_wins() -> None:
    solutions = (solution(0, claimed_test_correct=0), unrevealed(1))
    given_ = ended(found(95, 0), released=False, solutions=solutions, judged=solutions[:1])
    share = Payout(MINERS[0], PayoutReason.DATA_BOND_SHARE, TERMS.data_bond // 2)
    won = Payout(MINERS[0], PayoutReason.TASK_REWARD, TERMS.reward - FEE)
    assert split(given_).payouts == (won, share, bond(0))


def test_a_withheld_test_set_pays_the_pool_when_nobody_reveals() -> None:
    given_ = ended(solutions=(unrevealed(0),), released=False, judged=None, findings=None)
    assert split(given_) == Settlement((reward_refund(),), 0, TERMS.data_bond + CHAIN.miner_bond)


def test_a_data_fault_pays_committee_and_miners_from_the_data_bond() -> None:
    given_ = ended(fault(Verdict.DATA_FAULT), fault(Verdict.DATA_FAULT))
    share = (TERMS.data_bond - FEE) * 5_000 // 10_000 // 2
    shares = tuple(Payout(MINERS[n], PayoutReason.DATA_BOND_SHARE, share) for n in range(2))
    assert split(given_) == Settlement(
        (reward_refund(), *shares, bond(0), bond(1)), FEE, TERMS.data_bond - FEE - 2 * share
    )


def test_a_small_data_bond_caps_the_fee_after_a_data_fault() -> None:
    given_ = ended(fault(Verdict.DATA_FAULT), terms=terms(data_bond=5))
    assert split(given_) == Settlement((reward_refund(), bond(0)), 5, 0)


def test_a_committee_without_a_finding_earns_nothing() -> None:
    assert split(ended(NO_FINDING)) == Settlement((reward_refund(), DATA_BOND, bond(0)), 0, 0)


@pytest.mark.parametrize("finding", [fault(Verdict.MALFORMED), fault(Verdict.UNAVAILABLE), found(test=8)])
def test_where_nobody_is_right_forfeited_bonds_pay_the_committee_as_far_as_they_go(finding: Finding) -> None:
    given_ = ended(finding)
    bonds = replace(CHAIN, miner_bond=FEE + 5)
    assert settle(given_, judge(given_), bonds) == Settlement((reward_refund(), DATA_BOND), FEE, 5)
    assert split(given_) == Settlement((reward_refund(), DATA_BOND), CHAIN.miner_bond, 0)


def test_an_unrevealed_bond_pays_a_committee_that_found_nobody_right_too() -> None:
    given_ = replace(ended(fault(Verdict.MALFORMED)), solutions=(solution(0), unrevealed(1)))
    assert split(given_) == Settlement((reward_refund(), DATA_BOND), 2 * CHAIN.miner_bond, 0)


def test_without_a_quorum_no_bond_of_an_unproven_solution_pays_the_committee() -> None:
    given_ = ended(NO_FINDING, fault(Verdict.MALFORMED))
    assert split(given_) == Settlement((reward_refund(), DATA_BOND, bond(0)), CHAIN.miner_bond, 0)


def test_a_winner_pays_the_committee_whoever_forfeits() -> None:
    given_ = ended(found(), fault(Verdict.MALFORMED))
    won = Payout(MINERS[0], PayoutReason.TASK_REWARD, TERMS.reward - FEE)
    assert split(given_) == Settlement((won, DATA_BOND, bond(0)), FEE, CHAIN.miner_bond)


def test_where_the_threshold_is_missed_the_reward_pays_the_committee() -> None:
    given_ = ended(found(train=80), tolerance=20)
    payouts = (reward_refund(TERMS.reward - FEE), DATA_BOND, bond(0))
    assert split(given_) == Settlement(payouts, FEE, 0)


@pytest.mark.parametrize(
    ("reward", "bps", "bond_"),
    [(0, 500, 7_001), (140_039, 500, 7_001), (140_040, 500, 7_002), (10**6, 0, 7_001)],
)
def test_the_bond_is_a_part_of_the_reward_and_at_least_the_least(reward: int, bps: int, bond_: int) -> None:
    assert miner_bond(reward, replace(CHAIN, miner_bond_bps=bps)) == bond_


def test_bonds_are_forfeited_and_returned_as_large_as_they_were_paid() -> None:
    given_ = ended(found(), fault(Verdict.MALFORMED))
    parameters = replace(CHAIN, miner_bond_bps=1_000)
    large = TERMS.reward // 10
    result = settle(given_, judge(given_), parameters)
    assert Payout(MINERS[0], PayoutReason.MINER_BOND, large) in result.payouts
    assert result.pool == large


def test_a_revealed_solution_that_was_not_judged_keeps_its_bond() -> None:
    solutions = (solution(0), solution(1, claimed_test_correct=0))
    given_ = ended(found(), solutions=solutions, judged=solutions[:1])
    won = Payout(MINERS[0], PayoutReason.TASK_REWARD, TERMS.reward - FEE)
    assert split(given_) == Settlement((won, DATA_BOND, bond(0), bond(1)), FEE, 0)


def challenged(*findings: Finding, dropped: bool = False) -> EndedRound:
    return ended(found(), challenge=Challenge(MINERS[3], CHAIN.challenge_bond, findings, dropped))


@pytest.mark.parametrize("given_", [challenged(found(train=80)), challenged(found(), dropped=True)])
def test_a_challenge_that_is_upheld_gets_its_bond_back_after_the_miners(given_: EndedRound) -> None:
    plain = split(replace(given_, challenge=None))
    back = Payout(MINERS[3], PayoutReason.CHALLENGE_BOND, CHAIN.challenge_bond)
    assert split(given_) == replace(plain, payouts=(*plain.payouts, back))


def test_the_bond_of_an_unfounded_challenge_is_the_verifiers() -> None:
    given_ = challenged(found())
    plain = split(replace(given_, challenge=None))
    assert split(given_) == replace(plain, verification_fee=FEE + CHAIN.challenge_bond)


def test_what_a_block_draws_is_paid_to_winner_and_ommer() -> None:
    ommer = Ommer(1, MINERS[1], b"\x01" * 32, 9, 10, 2, referenced=False)
    draw = pool_draw(ommer, height=2, block_reward=3_200)
    assert pool_payouts(draw, MINERS[0]) == (
        Payout(MINERS[0], PayoutReason.BLOCK_REWARD, 3_200),
        Payout(MINERS[0], PayoutReason.OMMER_INCLUSION, 100),
        Payout(MINERS[1], PayoutReason.OMMER_REWARD, 1_600),
    )


def test_nothing_drawn_pays_nobody() -> None:
    assert pool_payouts(pool_draw(None, height=2, block_reward=0), MINERS[0]) == ()


findings = st.one_of(
    st.builds(found, st.integers(80, 100), st.integers(5, 10)),
    st.sampled_from(
        [NO_FINDING, *(fault(v) for v in (Verdict.UNAVAILABLE, Verdict.MALFORMED, Verdict.DATA_FAULT))]
    ),
)


@st.composite
def ended_rounds(draw: st.DrawFn) -> EndedRound:
    solutions = tuple(
        solution(
            n,
            revealed=draw(st.booleans()),
            claimed_train_correct=draw(st.integers(85, 100)),
            claimed_test_correct=draw(st.integers(6, 10)),
        )
        for n in range(draw(st.integers(0, 4)))
    )
    released = draw(st.booleans())
    asked = terms(
        reward=draw(st.integers(0, 10**6)),
        data_bond=draw(st.integers(0, 10**6)),
        audit_count=draw(st.sampled_from([0, 50])),
    )
    judged = judged_solutions(solutions, asked, released=released, maximum=3)
    drawn = bool(judged) and draw(st.booleans())
    chosen = tuple(draw(findings) for _ in judged)
    return replace(
        ended(),
        terms=asked,
        keys_posted=bool(solutions) or draw(st.booleans()),
        closed_early=draw(st.booleans()),
        released=released,
        solutions=solutions,
        judged=judged if drawn else None,
        findings=chosen if drawn else None,
        tolerance=draw(st.integers(0, 1)),
        challenge=draw(challenges(len(judged))) if drawn else None,
    )


def challenges(choices: int) -> st.SearchStrategy[Challenge | None]:
    found_ = st.tuples(*[findings] * choices)
    return st.none() | st.builds(Challenge, st.just(DATA_NODE), st.integers(0, 10**6), found_, st.booleans())


shares = st.integers(0, 10_000)


@given(ended_rounds(), shares, shares, shares)
@settings(max_examples=400)
def test_a_round_s_account_is_emptied_to_the_last_wei(
    given_: EndedRound, fee_bps: int, share_bps: int, bond_bps: int
) -> None:
    parameters = replace(
        CHAIN, verification_fee_bps=fee_bps, fault_share_bps=share_bps, miner_bond_bps=bond_bps
    )
    result = settle(given_, judge(given_), parameters)
    each_bond = miner_bond(given_.terms.reward, parameters)
    bonds = given_.terms.data_bond + each_bond * len(given_.solutions)
    held = given_.terms.reward + bonds + (given_.challenge.bond if given_.challenge else 0)
    assert sum(payout.amount for payout in result.payouts) + result.verification_fee + result.pool == held
    assert min([result.pool, result.verification_fee]) >= 0
    assert all(payout.amount > 0 for payout in result.payouts)


@given(ended_rounds())
@settings(max_examples=200)
def test_nobody_honest_loses_principal(given_: EndedRound) -> None:
    result = split(given_)
    bonds = {payout.payee for payout in result.payouts if payout.reason is PayoutReason.MINER_BOND}
    for each in given_.solutions:
        faultless = each.revealed and all(
            finding.verdict in (Verdict.NONE, Verdict.DATA_FAULT)
            for solution_, finding in zip(given_.judged or (), given_.findings or (), strict=True)
            if solution_ == each
        )
        if faultless:
            assert each.miner in bonds
