"""Challenging a tally: a larger committee judges, and its tally decides."""

import pytest
from brownie import accounts, chain
from tests.contracts import stage
from tests.contracts.stage import (
    CHAIN,
    COMMITTEE,
    DATA_NODE,
    ETHER,
    STRANGER,
    TERMS,
    VERIFICATION_FEE,
    HistoryCheck,
    Model,
    Pole,
    ok,
    refused,
    verdict,
)

from pole.protocol.ballots import ballot_id
from pole.protocol.state import BallotStage, Phase, RecordKind, Verdict, VoidReason, Vote

MODELS = {2: Model()}
TRUE = {2: ok(90, 45)}
FALSE = {2: ok(80, 30)}
BOND = CHAIN["challengeBond"]
PENALTY = COMMITTEE["penalty"]
LONGEST = 2**64 - 1


def judged(pole: Pole, found: dict[int, Vote] = TRUE, **odd: dict[int, Vote]) -> tuple[int, list[str]]:
    """Play a round until its first committee has voted; return the round and the members."""
    round_id = stage.revealed(pole, MODELS)
    return round_id, stage.vote(pole, round_id, found, **odd)


def disagree(pole: Pole, round_id: int) -> list[str]:
    """Draw a committee whose members all find something else; return them."""
    members = stage.draw(pole, round_id)
    votes = {member: [ok(90, 45, mark)] for mark, member in enumerate(members)}
    stage.commit_votes(pole, round_id, votes)
    stage.reveal_votes(pole, round_id, votes)
    return members


def leave(pole: Pole, members: list[str]) -> None:
    """Let all verifiers but these give up their seats."""
    for n in stage.VERIFIERS:
        if accounts[n] not in members:
            pole.committee.unstake({"from": accounts[n]})


def test_a_tally_is_challenged_after_the_votes_and_within_the_window_only(growing: Pole) -> None:
    round_id = stage.revealed(growing, MODELS)
    stage.draw(growing, round_id)
    with refused("WrongPhase", round_id, Phase.VOTE_COMMIT, Phase.CHALLENGE):
        stage.challenge(growing, round_id)
    stage.wait(CHAIN["voteCommitWindow"] + CHAIN["challengeWindow"])
    with refused("WrongPhase", round_id, Phase.SETTLEMENT, Phase.CHALLENGE):
        stage.challenge(growing, round_id)


def test_a_tally_that_can_be_challenged_cannot_be_settled_yet(growing: Pole) -> None:
    round_id, _ = judged(growing)
    with refused("WrongPhase", round_id, Phase.CHALLENGE, Phase.SETTLEMENT):
        growing.chain.finalise.call(round_id, {"from": accounts[0]})


def test_the_largest_committee_cannot_be_challenged(pole: Pole) -> None:
    round_id, _ = judged(pole)
    with refused("WrongPhase", round_id, Phase.SETTLEMENT, Phase.CHALLENGE):
        stage.challenge(pole, round_id)


def test_a_committee_of_all_eligible_seats_cannot_be_challenged(growing: Pole) -> None:
    for verifier in list(stage.VERIFIERS)[3:]:
        growing.committee.unstake({"from": accounts[verifier]})
    round_id, _ = judged(growing)
    assert growing.committee.ballot(stage.ballot(growing, round_id)).dict()["eligible"] == 3
    with refused("WrongPhase", round_id, Phase.SETTLEMENT, Phase.CHALLENGE):
        stage.challenge(growing, round_id)


def test_miners_and_the_data_node_are_not_eligible_and_are_counted_once(growing: Pole) -> None:
    for account in (DATA_NODE, 2):
        growing.committee.stake({"from": accounts[account], "value": ETHER})
    round_id = stage.revealed(growing, {DATA_NODE: Model(), 2: Model()})
    stage.draw(growing, round_id)
    assert growing.committee.ballot(stage.ballot(growing, round_id)).dict()["eligible"] == 8


@pytest.mark.parametrize("found", [TRUE, *({2: verdict(kind)} for kind in list(Verdict)[2:])])
def test_challenging_what_a_quorum_decided_costs_the_bond_exactly(
    growing: Pole, found: dict[int, Vote]
) -> None:
    round_id, _ = judged(growing, found)
    for sent in (0, BOND - 1, BOND + 1):
        with refused("WrongBond", sent, BOND):
            stage.challenge(growing, round_id, bond=sent)


@pytest.mark.parametrize("other", [None, Verdict.UNAVAILABLE, Verdict.MALFORMED])
def test_asking_for_more_members_where_a_choice_is_open_and_nobody_right_is_free(
    growing: Pole, other: Verdict | None
) -> None:
    rest = {} if other is None else {3: verdict(other)}
    round_id = stage.revealed(growing, MODELS | {miner: Model() for miner in rest})
    stage.vote(growing, round_id, {2: ok(1, 1)} | rest, m1={2: ok(2, 2)} | rest)
    with refused("WrongBond", BOND, 0):
        stage.challenge(growing, round_id)
    told = stage.challenge(growing, round_id)
    assert stage.field(growing.chain.round(round_id), "challenger") == stage.ZERO
    assert len(told.events["Recorded"]) == 1
    assert stage.phase(growing, round_id) is Phase.DRAW


def test_without_a_quorum_the_committee_grows_to_all_and_then_the_round_is_void(
    growing: Pole, history_holds: HistoryCheck
) -> None:
    round_id = stage.revealed(growing, MODELS)
    sizes = []
    for attempt in range(3):
        sizes.append(len(disagree(growing, round_id)))
        if attempt < 2:
            stage.challenge(growing, round_id)
            with refused("WrongPhase", round_id, Phase.DRAW, Phase.CHALLENGE):
                stage.challenge(growing, round_id)
    assert sizes == [3, 7, 8]
    with refused("WrongPhase", round_id, Phase.SETTLEMENT, Phase.CHALLENGE):
        stage.challenge(growing, round_id)
    stage.finalise(growing, round_id)
    assert stage.void_reason(growing, round_id) is VoidReason.NO_QUORUM
    assert stage.credit(growing, DATA_NODE) == TERMS["reward"] + TERMS["dataBond"]
    assert all(growing.committee.stakeOf(accounts[n])[0] == ETHER for n in stage.VERIFIERS)
    history_holds(growing)


def test_a_dishonest_quorum_is_overturned_at_its_own_cost(growing: Pole, history_holds: HistoryCheck) -> None:
    round_id, liars = judged(growing, FALSE)
    before = stage.pool(growing)
    stage.challenge(growing, round_id)
    jury = stage.vote(growing, round_id, {2: ok(90, 45, mark=2)})
    stage.wait(CHAIN["challengeWindow"])
    ended = stage.finalise(growing, round_id)
    assert stage.phase(growing, round_id) is Phase.FINAL
    assert stage.credit(growing, STRANGER) == BOND + 3 * PENALTY // 2
    assert [event["ballotId"] for event in ended.events["Slashed"]] == [ballot_id(round_id, 0)] * 3
    assert ended.events["ChallengeRewarded"]["ballotId"] == ballot_id(round_id, 0)
    share = VERIFICATION_FEE // 7
    assert [growing.reservoir.creditOf(member) for member in jury] == [share] * 7
    for liar in liars:
        assert growing.committee.stakeOf(liar)[:2] == (ETHER - PENALTY, False)
    gained = 3 * PENALTY - 3 * PENALTY // 2 + VERIFICATION_FEE - 7 * share - CHAIN["blockReward"]
    assert stage.pool(growing) == before + gained
    assert stage.credit(growing, 2) == (
        TERMS["reward"] - VERIFICATION_FEE + CHAIN["blockReward"] + READY_BOND
    )
    history_holds(growing)


def test_an_unfounded_challenge_pays_those_who_were_right_in_both_committees(
    growing: Pole, history_holds: HistoryCheck
) -> None:
    round_id, first = judged(growing)
    stage.challenge(growing, round_id)
    second = stage.vote(growing, round_id, {2: ok(90, 45, mark=2)})
    stage.wait(CHAIN["challengeWindow"])
    stage.finalise(growing, round_id)
    share = (VERIFICATION_FEE + BOND) // 10
    for member in {*first, *second}:
        seats = [*first, *second].count(member)
        assert growing.reservoir.creditOf(member) == seats * share
    assert stage.credit(growing, STRANGER) == 0
    history_holds(growing)


def test_one_challenge_with_a_bond_is_all_that_a_round_takes(growing: Pole) -> None:
    round_id, _ = judged(growing)
    stage.challenge(growing, round_id)
    stage.vote(growing, round_id, TRUE)
    for sent in (0, BOND):
        with refused("AlreadyChallenged", round_id, accounts[STRANGER]):
            stage.challenge(growing, round_id, bond=sent, by=0)


def test_after_a_challenge_without_a_quorum_the_committee_grows_for_nothing(
    growing: Pole, history_holds: HistoryCheck
) -> None:
    round_id, liars = judged(growing, FALSE)
    stage.challenge(growing, round_id)
    undecided = disagree(growing, round_id)
    stage.challenge(growing, round_id, by=0)
    assert len(stage.vote(growing, round_id, {2: ok(90, 45, mark=3)})) == 8
    stage.finalise(growing, round_id)
    assert stage.credit(growing, STRANGER) == BOND + 3 * PENALTY // 2
    assert stage.field(growing.chain.round(round_id), "challenged") == 0
    share = VERIFICATION_FEE // 15
    assert all(growing.reservoir.creditOf(member) >= 2 * share for member in undecided)
    assert all(growing.committee.stakeOf(liar)[0] == ETHER - PENALTY for liar in liars)
    history_holds(growing)


def test_a_tally_that_only_the_second_committee_reached_can_be_challenged_with_a_bond(
    growing: Pole, history_holds: HistoryCheck
) -> None:
    round_id = stage.revealed(growing, MODELS)
    disagree(growing, round_id)
    stage.challenge(growing, round_id, by=0)
    liars = stage.vote(growing, round_id, FALSE)
    stage.challenge(growing, round_id)
    stage.vote(growing, round_id, {2: ok(90, 45, mark=3)})
    stage.finalise(growing, round_id)
    assert stage.field(growing.chain.round(round_id), "challenged") == 1
    assert stage.credit(growing, STRANGER) == BOND + len(liars) * PENALTY // 2
    history_holds(growing)


def test_challenging_ones_own_lie_loses(growing: Pole) -> None:
    round_id, liars = judged(growing, FALSE)
    growing.chain.challenge(round_id, {"from": liars[0], "value": BOND})
    stage.vote(growing, round_id, {2: ok(90, 45, mark=2)})
    stage.wait(CHAIN["challengeWindow"])
    stage.finalise(growing, round_id)
    credited = sum(growing.reservoir.creditOf(liar) for liar in liars)
    earned = sum(1 for liar in liars) * (VERIFICATION_FEE // 7)
    assert credited - BOND - earned <= 3 * PENALTY // 2 < 3 * PENALTY


def test_where_no_larger_committee_is_left_the_tally_stands_and_the_bond_returns(
    growing: Pole, history_holds: HistoryCheck
) -> None:
    round_id, members = judged(growing)
    leave(growing, members)
    stage.challenge(growing, round_id)
    stage.draw(growing, round_id)
    assert stage.phase(growing, round_id) is Phase.SETTLEMENT
    standing = growing.chain.round(round_id).dict()
    assert (standing["attempt"], standing["dropped"]) == (0, True)
    stage.finalise(growing, round_id)
    assert stage.phase(growing, round_id) is Phase.FINAL
    assert stage.credit(growing, STRANGER) == BOND
    assert [growing.reservoir.creditOf(member) for member in members] == [VERIFICATION_FEE // 3] * 3
    history_holds(growing)


def test_a_second_growth_that_finds_no_more_seats_is_dropped(
    growing: Pole, history_holds: HistoryCheck
) -> None:
    round_id = stage.revealed(growing, MODELS)
    disagree(growing, round_id)
    stage.challenge(growing, round_id)
    members = disagree(growing, round_id)
    leave(growing, members)
    stage.challenge(growing, round_id)
    stage.draw(growing, round_id)
    assert stage.phase(growing, round_id) is Phase.SETTLEMENT
    stage.finalise(growing, round_id)
    assert stage.void_reason(growing, round_id) is VoidReason.NO_QUORUM
    history_holds(growing)


def test_a_later_draw_is_armed_anew_by_anybody(growing: Pole, history_holds: HistoryCheck) -> None:
    round_id, _ = judged(growing)
    first = growing.chain.round(round_id).dict()
    stage.challenge(growing, round_id)
    with refused("DrawNotReady", round_id, 0):
        growing.chain.drawCommittee.call(round_id, {"from": accounts[0]})
    growing.chain.armDraw(round_id, {"from": accounts[STRANGER]})
    with refused("StakeBound", accounts[8], LONGEST):
        growing.committee.unstake.call({"from": accounts[8]})
    chain.mine(259)
    stage.vote(growing, round_id, {2: ok(90, 45, mark=2)})
    again = growing.chain.round(round_id).dict()
    assert again["drawBlock"] > first["drawBlock"] + 256
    assert again["entropy"] == first["entropy"]
    stage.wait(CHAIN["challengeWindow"])
    stage.finalise(growing, round_id)
    history_holds(growing)


def test_a_member_of_any_attempt_owes_its_stake_until_the_round_ends(growing: Pole) -> None:
    round_id, members = judged(growing, FALSE)
    growing.committee.unstake({"from": members[0]})
    stage.challenge(growing, round_id)
    stage.vote(growing, round_id, {2: ok(90, 45, mark=2)})
    stage.wait(COMMITTEE["unbondingTime"])
    with refused("StakeBound", members[0], LONGEST):
        growing.committee.reclaim.call({"from": members[0]})
    stage.finalise(growing, round_id)
    growing.committee.reclaim({"from": members[0]})
    assert growing.committee.stakeOf(members[0])[0] == 0


def test_who_is_wrong_in_two_committees_loses_twice_and_no_more_than_its_stake(
    growing: Pole, history_holds: HistoryCheck
) -> None:
    round_id, liars = judged(growing, FALSE)
    stage.challenge(growing, round_id)
    jury = stage.draw(growing, round_id)
    votes = {member: [ok(80, 30) if member in liars else ok(90, 45)] for member in jury}
    stage.commit_votes(growing, round_id, votes)
    stage.reveal_votes(growing, round_id, votes)
    decided = sum(member not in liars for member in jury) >= 5
    stage.wait(CHAIN["challengeWindow"])
    stage.finalise(growing, round_id)
    for liar in liars:
        losses = (1 + (liar in jury)) * PENALTY if decided else 0
        assert growing.committee.stakeOf(liar)[0] == ETHER - losses
    history_holds(growing)


def test_an_echo_of_true_claims_in_an_agreeing_first_committee_is_slashed(
    growing: Pole, history_holds: HistoryCheck
) -> None:
    models = {2: Model(), 3: Model(test=40)}
    round_id = stage.revealed(growing, models)
    found = {2: ok(90, 45), 3: ok(90, 40)}
    echo = stage.vote(growing, round_id, found)[0]
    assert growing.committee.findings(stage.ballot(growing, round_id))[0][3] != 0
    stage.challenge(growing, round_id)
    again = {2: ok(90, 45, mark=2), 3: ok(90, 40, mark=2)}
    jury = stage.vote(growing, round_id, again, m0=found)
    stage.wait(CHAIN["challengeWindow"])
    stage.finalise(growing, round_id)
    assert growing.committee.stakeOf(jury[0])[0] == ETHER - PENALTY
    assert echo == jury[0] or growing.committee.stakeOf(echo)[0] == ETHER
    history_holds(growing)


def test_every_attempt_of_the_newest_round_can_be_asked_for_and_none_of_older_ones(growing: Pole) -> None:
    round_id, first = judged(growing, FALSE)
    stage.challenge(growing, round_id)
    second = stage.vote(growing, round_id, TRUE)
    ballots = [ballot_id(round_id, attempt) for attempt in range(3)]
    assert [list(growing.committee.members(each)) for each in ballots] == [first, second, []]
    assert [growing.committee.findings(each)[0][1] for each in ballots[:2]] == [80, 90]
    assert growing.committee.voteOf(ballots[0], first[0])[1]
    assert [stage.stage_of(growing, each) for each in ballots] == [
        BallotStage.CLOSED,
        BallotStage.CLOSED,
        BallotStage.NONE,
    ]
    stage.wait(CHAIN["challengeWindow"])
    stage.finalise(growing, round_id)
    assert stage.stage_of(growing, ballots[0]) is BallotStage.SETTLED
    other = stage.revealed(growing, MODELS)
    members = stage.draw(growing, other)
    assert len(members) == 3
    for each in (*ballots, ballot_id(other, 1), ballot_id(other, 2)):
        assert growing.committee.members(each) == ()
        assert growing.committee.findings(each) == ()
        assert growing.committee.voteOf(each, members[0]) == (stage.NOTHING, False)
        assert stage.stage_of(growing, each) is BallotStage.NONE


def test_a_round_with_one_committee_after_one_with_three_sees_nothing_of_them(
    growing: Pole, history_holds: HistoryCheck
) -> None:
    round_id = stage.revealed(growing, MODELS)
    for _ in range(2):
        disagree(growing, round_id)
        stage.challenge(growing, round_id)
    stage.vote(growing, round_id, TRUE)
    stage.finalise(growing, round_id)
    other, liars = judged(growing, FALSE)
    stage.challenge(growing, other)
    stage.vote(growing, other, TRUE)
    stage.wait(CHAIN["challengeWindow"])
    stage.finalise(growing, other)
    assert stage.phase(growing, other) is Phase.FINAL
    assert all(growing.committee.stakeOf(liar)[0] <= ETHER - PENALTY for liar in liars)
    history_holds(growing)


def test_a_vote_of_a_later_committee_can_be_leaked_and_the_records_say_so(
    growing: Pole, history_holds: HistoryCheck
) -> None:
    round_id, _ = judged(growing)
    stage.challenge(growing, round_id)
    members = stage.draw(growing, round_id)
    votes = {member: [ok(90, 45, mark=2)] for member in members}
    stage.commit_votes(growing, round_id, {members[0]: votes[members[0]]})
    ballot, sold = stage.ballot(growing, round_id), stage.as_tuples(votes.pop(members[0]))
    told = growing.committee.leak(ballot, members[0], sold, b"\x77" * 32, {"from": accounts[STRANGER]})
    assert told.events["Recorded"]["kind"] == RecordKind.VOTE_LEAKED
    stage.commit_votes(growing, round_id, votes)
    stage.reveal_votes(growing, round_id, votes)
    stage.wait(CHAIN["voteRevealWindow"] + CHAIN["challengeWindow"])
    stage.finalise(growing, round_id)
    assert growing.committee.stakeOf(members[0])[0] == ETHER - 2 * PENALTY
    history_holds(growing)
