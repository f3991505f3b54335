from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.core import given
from tests.parity.strategies import ballots, ended_rounds, findings, ommers, single_votes, trials, whole
from tests.parity.test_choices import solution_tuple
from tests.unit.protocol.example_rounds import CHAIN

from pole.protocol.ballots import target_seats
from pole.protocol.encoding.abi import ZERO_ADDRESS, ommer_tuple, payout_from_tuple, terms_tuple, vote_tuple
from pole.protocol.rounds.judgement import EndedRound, is_proven_bad, judge
from pole.protocol.rounds.ommer_rewards import best_ommer, fee_covers, inclusion_reward, ommer_reward
from pole.protocol.rounds.payouts import miner_bond, settle
from pole.protocol.rounds.tally import finding, is_coherent, pack
from pole.protocol.state import Finding, Ommer, Verdict, VoidReason, Vote


def finding_tuple(found: Finding) -> tuple[int, int, int, int]:
    return (int(found.verdict), found.train_correct, found.test_correct, found.fingerprint)


def evidence(ended: EndedRound) -> tuple[object, ...]:
    return (
        terms_tuple(ended.terms),
        ended.released,
        ended.closed_early,
        ended.tolerance,
        [solution_tuple(solution) for solution in ended.judged or ()],
        [finding_tuple(found) for found in ended.findings or ()],
    )


def challenge_of(ended: EndedRound) -> tuple[object, ...]:
    """Return bond, challenger, last ballot, ballot challenged, and what that one had found."""
    if ended.challenge is None:
        return (0, ZERO_ADDRESS, 4, 4, [])
    last = 4 if ended.challenge.dropped else 5
    found = [finding_tuple(each) for each in ended.challenge.findings]
    return (ended.challenge.bond, ended.challenge.challenger, last, 4, found)


UNREVEALED = Vote(Verdict.NONE, 0, 0, bytes(32))


@given(ballots(), st.integers(0, 4), st.sampled_from([0, 1, 5]))
@trials
def test_findings_are_equal(harness: Any, votes: list[Vote], absent: int, tolerance: int) -> None:
    cast = [vote_tuple(vote) for vote in (*votes, *[UNREVEALED] * absent)]
    found = harness.finding(cast, [True] * len(votes) + [False] * absent, tolerance)
    twin = finding(votes, seats=len(votes) + absent, tolerance=tolerance)
    assert Finding(Verdict(found[0]), *found[1:]) == twin


@given(single_votes, findings, st.none() | findings, st.sampled_from([0, 1, 5]))
@trials
def test_coherence_is_equal_in_any_ballot(
    harness: Any, vote: Vote, last: Finding, other: Finding | None, tolerance: int
) -> None:
    own = last if other is None else other
    agrees = harness.agrees(vote_tuple(vote), finding_tuple(own), finding_tuple(last), tolerance)
    assert agrees == is_coherent([vote], [own], [last], tolerance)


@given(st.integers(0, 2), st.integers(1, 63), st.integers(1, 63))
@trials
def test_committees_grow_alike(harness: Any, attempt: int, first: int, maximum: int) -> None:
    sizes = replace(CHAIN, committee_size=first, max_committee=maximum)
    assert harness.sizeOf(attempt, first, maximum) == target_seats(attempt, sizes)


@given(single_votes)
@trials
def test_packed_votes_are_equal(harness: Any, vote: Vote) -> None:
    assert harness.pack(vote_tuple(vote)) == pack(vote)


@given(ended_rounds().filter(lambda ended: ended.findings is not None))
@trials
def test_judgements_are_equal(harness: Any, ended: EndedRound) -> None:
    given_evidence = evidence(ended)
    reason, winner, ommers_, best = harness.judge(given_evidence)
    twin = judge(ended)
    assert VoidReason(reason) is twin.void_reason
    assert (winner if reason == 0 else None) == twin.winner
    assert ommers_ == len(twin.ommers)
    assert best == (twin.ommers[0] if twin.ommers else 0)
    for choice in range(len(ended.findings or ())):
        assert harness.isProvenBad(given_evidence, choice) == is_proven_bad(ended, choice)


shares = st.integers(0, 10_000)


@given(ended_rounds(), shares, shares, shares, whole(96))
@trials
def test_payouts_are_equal(
    harness: Any, ended: EndedRound, fee_bps: int, share_bps: int, bond_bps: int, minimum_bond: int
) -> None:
    parameters = replace(
        CHAIN,
        verification_fee_bps=fee_bps,
        fault_share_bps=share_bps,
        miner_bond=minimum_bond,
        miner_bond_bps=bond_bps,
    )
    bond = miner_bond(ended.terms.reward, parameters)
    assert harness.minerBond(ended.terms.reward, minimum_bond, bond_bps) == bond
    judgement = judge(ended)
    twin = settle(ended, judgement, parameters)
    judged = ended.judged or ()
    winner = judged[judgement.winner].miner if judgement.winner is not None else ZERO_ADDRESS
    ending = (
        0,
        ended.data_node,
        sum(solution.revealed for solution in ended.solutions),
        [solution_tuple(solution) for solution in ended.solutions],
        evidence(ended),
        fee_bps,
        share_bps,
        bond,
        *challenge_of(ended),
    )
    fee = harness.verificationFee(ending, int(judgement.void_reason))
    payouts = harness.divide(ending, int(judgement.void_reason), winner, fee)
    assert fee + harness.forfeitedChallenge(ending) == twin.verification_fee
    lowered = [(payout.payee.lower(), payout.reason, payout.amount) for payout in twin.payouts]
    given_ = [payout_from_tuple(payout) for payout in payouts]
    assert [(payout.payee.lower(), payout.reason, payout.amount) for payout in given_] == lowered


@given(whole(96), st.integers(1, 6), st.integers(1, 32), whole(96), st.integers(0, 10_000))
@trials
def test_ommer_rewards_are_equal(
    harness: Any, block_reward: int, age: int, count: int, fee: int, margin: int
) -> None:
    twin = ommer_reward(block_reward, height=age + 1, ommer_height=1, count=count)
    assert harness.ommerReward(block_reward, age, count) == twin
    assert harness.ommerInclusion(block_reward) == inclusion_reward(block_reward)
    covered = fee_covers(fee, block_reward=block_reward, margin_bps=margin)
    assert harness.isCovered(block_reward, fee, margin) == covered


@given(ommers, ommers)
@trials
def test_the_better_ommer_is_the_same(harness: Any, a: Ommer, b: Ommer) -> None:
    older, newer = replace(a, height=8, referenced=False), replace(b, height=9, referenced=False)
    is_newer = harness.isBetter(ommer_tuple(newer), ommer_tuple(older))
    assert best_ommer([older, newer], height=10) == (newer if is_newer else older)
