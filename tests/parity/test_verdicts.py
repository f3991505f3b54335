from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.core import given
from tests.parity.strategies import (
    ballots,
    ended_rounds,
    findings,
    ok_vote,
    single_votes,
    trials,
    whole,
)
from tests.parity.test_choices import solution_tuple
from tests.unit.protocol.example_rounds import CHAIN, terms

from pole.protocol.ballots import challenge_bond, committee_fee, minimum_members, minimum_seats, seats_asked
from pole.protocol.encoding.abi import ZERO_ADDRESS, payout_from_tuple, terms_tuple, vote_tuple
from pole.protocol.parameters import ChainParameters
from pole.protocol.rounds import tally
from pole.protocol.rounds.judgement import EndedRound, early_void_reason, finding_of, is_proven_bad, judge
from pole.protocol.rounds.ommer_rewards import age, fee_covers, inclusion_reward, ommer_reward
from pole.protocol.rounds.payouts import Settlement, miner_bond, settle
from pole.protocol.state import Finding, Ommer, Payout, Verdict, VoidReason, Vote


def finding_tuple(found: Finding) -> tuple[int, int, int, int]:
    return (int(found.verdict), found.train_correct, found.test_correct, found.fingerprint)


def packed(found: Finding) -> int:
    return (
        tally.pack(Vote(found.verdict, found.train_correct, found.test_correct, bytes(32)))
        | found.fingerprint
    )


def evidence(ended: EndedRound) -> tuple[object, ...]:
    return (
        terms_tuple(ended.terms),
        ended.released,
        ended.closed_early,
        [solution_tuple(solution) for solution in ended.judged],
        [finding_tuple(found) for found in ended.findings or ()],
    )


def challenges_of(ended: EndedRound) -> list[tuple[object, ...]]:
    made: list[tuple[object, ...]] = [
        (each.challenger, each.bond, [finding_tuple(found) for found in each.findings])
        for each in ended.challenges
    ]
    return [*made, *[(ZERO_ADDRESS, 0, [])] * (2 - len(made))]


def ending(ended: EndedRound, parameters: ChainParameters) -> tuple[object, ...]:
    return (
        int(early_void_reason(ended)),
        ended.data_node,
        [solution_tuple(solution) for solution in ended.solutions],
        evidence(ended),
        parameters.verification_fee_bps,
        parameters.fault_share_bps,
        parameters.missed_share_bps,
        parameters.miner_bond_bps,
        parameters.ready_bond_bps,
        parameters.miner_bond,
        ended.rent,
        ended.used,
        challenges_of(ended),
        ended.dropped,
        4,
    )


def same(payout: Payout) -> tuple[str, int, int]:
    return (payout.payee.lower(), int(payout.reason), payout.amount)


usual = st.sampled_from([tally.said(ok_vote(90, 5, 1)), tally.said(ok_vote(90, 5, 2)), tally.NO_FINDING])


@given(st.just(()) | st.tuples(usual | findings, usual | findings), ballots(), st.integers(0, 4))
@trials
def test_findings_and_majorities_are_equal(
    harness: Any, before: tuple[Finding, ...], votes: list[tuple[Vote, Vote]], absent: int
) -> None:
    seats = max(1, len(votes) + absent)
    casts = list(dict.fromkeys(votes))
    found, leading = harness.tally(
        [finding_tuple(each) for each in before],
        [[vote_tuple(vote) for vote in cast] for cast in casts],
        [votes.count(cast) for cast in casts],
        seats,
        2,
    )
    twin = tally.findings(before, votes, seats=seats, choices=2)
    assert [Finding(Verdict(each[0]), *each[1:]) for each in found] == list(twin)
    assert list(leading) == [packed(each) for each in tally.majorities(votes, seats=seats, choices=2)]


@given(st.data(), st.integers(1, 64))
@trials
def test_members_of_a_set_are_told_in_order(harness: Any, data: st.DataObject, seats: int) -> None:
    chosen = data.draw(st.sets(st.integers(0, seats - 1)))
    size, members, others = harness.memberSet(sum(1 << member for member in chosen), seats)
    assert (size, list(members)) == (len(chosen), sorted(chosen))
    assert others == sum(1 << member for member in range(seats) if member not in chosen)


@given(st.lists(st.tuples(single_votes, findings, findings, st.booleans()), max_size=4), st.booleans())
@trials
def test_votes_are_worth_the_same(
    harness: Any, choices: list[tuple[Vote, Finding, Finding, bool]], is_last: bool
) -> None:
    votes = [vote for vote, _, _, _ in choices]
    last = [found for _, found, _, _ in choices]
    leading = [lead if tally.is_truth(lead) else tally.NO_FINDING for _, _, lead, _ in choices]
    answers = [tally.is_truth(found) and is_answered for _, found, _, is_answered in choices]
    worth = harness.worthOf(
        [vote_tuple(vote) for vote in votes],
        [finding_tuple(found) for found in last],
        answers,
        [packed(each) for each in leading] if is_last else [],
    )
    assert tally.Worth(*worth) == tally.worth_of(votes, last, answers, leading if is_last else None)


@given(
    st.tuples(st.booleans(), st.booleans()),
    ballots(),
    st.integers(0, 4),
    st.tuples(usual | findings, usual | findings),
)
@trials
def test_who_found_what_stands_is_told_alike(
    harness: Any,
    later: tuple[bool, bool],
    votes: list[tuple[Vote, Vote]],
    absent: int,
    agreed: tuple[Finding, Finding],
) -> None:
    seats = max(1, len(votes) + absent)
    casts = list(dict.fromkeys(votes))
    answers = harness.answered(
        later,
        [[vote_tuple(vote) for vote in cast] for cast in casts],
        [votes.count(cast) for cast in casts],
        seats,
        [finding_tuple(each) for each in agreed],
    )
    assert tuple(answers) == tally.answered(later, votes, agreed, seats=seats)


@given(st.lists(st.tuples(findings, findings), max_size=3))
@trials
def test_tallies_contradict_each_other_alike(harness: Any, pairs: list[tuple[Finding, Finding]]) -> None:
    some, others = [one for one, _ in pairs], [other for _, other in pairs]
    twin = tally.contradict(some, others)
    assert harness.contradict([*map(finding_tuple, some)], [*map(finding_tuple, others)]) == twin


@given(st.integers(0, 2), st.integers(1, 63), st.integers(1, 63), whole(96), st.integers(1, 2**96 - 1))
@trials
def test_committees_grow_and_cost_alike(
    harness: Any, attempt: int, size: int, maximum: int, reward: int, per_seat: int
) -> None:
    chosen = replace(CHAIN, committee_size=size, max_committee=maximum, reward_per_seat=per_seat)
    first = harness.seatsFor(reward, per_seat, size)
    assert harness.sizeOf(attempt, first, maximum) == seats_asked(attempt, reward, chosen)
    seats = harness.seatsFor(reward, per_seat, chosen.min_committee)
    assert seats == minimum_seats(reward, chosen)
    assert harness.fewestFor(seats, chosen.min_committee) == minimum_members(reward, chosen)
    if attempt < 2:
        bond = harness.challengeBond(attempt, committee_fee(reward, chosen), first, maximum)
        assert bond == challenge_bond(attempt, reward, chosen)


@given(single_votes)
@trials
def test_packed_votes_are_equal(harness: Any, vote: Vote) -> None:
    kept, unpacked = harness.pack(vote_tuple(vote))
    assert kept == tally.pack(vote)
    assert unpacked == finding_tuple(tally.said(vote))


@given(ended_rounds().filter(lambda ended: ended.findings is not None))
@trials
def test_judgements_are_equal(harness: Any, ended: EndedRound) -> None:
    given_evidence = evidence(ended)
    reason, winner, ommers_, best, has_trained, trained = harness.judge(given_evidence)
    twin = judge(ended)
    assert VoidReason(reason) is twin.void_reason
    assert (ended.judged[winner] if reason == 0 else None) == twin.winner
    assert ommers_ == len(twin.ommers)
    assert [ended.judged[best]][: len(twin.ommers)] == [*twin.ommers[:1]]
    assert (ended.judged[trained] if has_trained else None) == twin.trained
    for place, solution in enumerate(ended.judged):
        assert harness.isProvenBad(given_evidence, place) == is_proven_bad(ended, solution)


shares = st.integers(0, 10_000)
parameters_ = st.builds(
    lambda fee, fault, missed, bonds, bond: replace(
        CHAIN,
        verification_fee_bps=fee,
        fault_share_bps=fault,
        missed_share_bps=missed,
        miner_bond_bps=min(bonds),
        ready_bond_bps=max(bonds),
        miner_bond=bond,
    ),
    shares,
    shares,
    shares,
    st.tuples(shares, shares),
    whole(96),
)


@given(whole(96), st.integers(0, 100), parameters_)
@trials
def test_bonds_are_equal(harness: Any, reward: int, claim: int, parameters: ChainParameters) -> None:
    asked = terms(reward=reward)
    bps = (parameters.miner_bond_bps, parameters.ready_bond_bps)
    bond = harness.bondOf(terms_tuple(asked), claim, parameters.miner_bond, *bps)
    assert bond == miner_bond(claim, asked, parameters)


@given(ended_rounds(), parameters_)
@trials
def test_rounds_end_and_pay_alike(
    judge_contract: Any, ended: EndedRound, parameters: ChainParameters
) -> None:
    ruling = judge_contract.rule(ending(ended, parameters))
    reason, header, left, referenced, found, ballot, fee, payouts, own = ruling
    judgement = judge(ended)
    twin: Settlement = settle(ended, judgement, parameters)
    assert VoidReason(reason) is judgement.void_reason
    assert list(found) == [finding_tuple(each) for each in ended.findings or ()]
    assert (ballot, fee, own, referenced[5]) == (4, twin.verification_fee, len(payouts), 0)
    assert [same(payout_from_tuple(payout)) for payout in payouts] == [same(each) for each in twin.payouts]
    assert left[5] == len(judgement.ommers)
    if (winner := judgement.winner) is not None:
        agreed = finding_of(ended, winner)
        assert header[4:6] == (winner.miner.lower(), winner.model_digest)
        assert header[6:8] == (agreed.train_correct, agreed.test_correct)
    else:
        assert header[4:8] == (ZERO_ADDRESS, bytes(32), 0, 0)
    if judgement.ommers:
        assert left[1] == judgement.ommers[0].miner.lower()


@given(whole(96), st.integers(1, 96), st.integers(1, 16), st.integers(1, 16), whole(96), shares)
@trials
def test_ommer_rewards_are_equal(
    harness: Any, block_reward: int, distance: int, lanes: int, count: int, fee: int, margin: int
) -> None:
    left = Ommer(1, ZERO_ADDRESS, bytes(32), 1, 1, count, referenced=False)
    height = 1 + distance
    years = harness.ommerAge(1, height, lanes)
    assert years == age(left, height=height, lanes=lanes)
    twin = ommer_reward(left, block_reward=block_reward, height=height, lanes=lanes)
    assert harness.ommerReward(block_reward, years, count) == twin
    assert harness.ommerInclusion(block_reward) == inclusion_reward(block_reward)
    covered = fee_covers(fee, block_reward=block_reward, margin_bps=margin)
    assert harness.isCovered(block_reward, fee, margin) == covered
