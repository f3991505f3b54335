"""Challenging a tally: a larger committee judges, at the challenger's cost, and its tally decides."""

import pytest
from brownie import accounts
from tests.contracts import stage
from tests.contracts.stage import (
    CHAIN,
    DATA_NODE,
    ETHER,
    PENALTY,
    READY_BOND,
    SEAT,
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
AGAIN = {2: ok(90, 45, mark=2)}
"""The truth as a later committee finds it: fingerprints bind to the attempt."""
FIRST_BOND = VERIFICATION_FEE * 7 // 3
SECOND_BOND = VERIFICATION_FEE * 8 // 3


def judged(pole: Pole, found: dict[int, Vote] = TRUE, **odd: dict[int, Vote]) -> tuple[int, list[str]]:
    """Play a round until its first committee has voted; return the round and the members."""
    round_id = stage.revealed(pole, MODELS)
    return round_id, stage.vote(pole, round_id, found, **odd)


def disagree(pole: Pole, round_id: int) -> list[str]:
    """Draw a committee whose members all find something else; return them."""
    members = stage.draw(pole, round_id)
    votes = {member: [ok(90, 45 - mark)] for mark, member in enumerate(members)}
    stage.commit_votes(pole, round_id, votes)
    stage.reveal_votes(pole, round_id, votes)
    return members


def end(pole: Pole, round_id: int) -> None:
    stage.wait(CHAIN["challengeWindow"])
    stage.finalise(pole, round_id)


def earned(pole: Pole, *committees: list[str]) -> dict[str, int]:
    """Return for each member of these committees how many parts of the pot it should have."""
    everybody = [member for committee in committees for member in committee]
    return {member: everybody.count(member) for member in everybody}


def test_a_tally_is_challenged_after_the_votes_and_within_the_window_only(growing: Pole) -> None:
    round_id = stage.revealed(growing, MODELS)
    stage.draw(growing, round_id)
    with refused("WrongPhase", round_id, Phase.VOTE_COMMIT, Phase.CHALLENGE):
        stage.challenge(growing, round_id)
    stage.end_votes(growing, round_id)
    stage.wait(CHAIN["challengeWindow"])
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


def test_a_committee_of_all_seats_cannot_be_challenged(growing: Pole) -> None:
    for verifier in [*stage.VERIFIERS][3:]:
        growing.committee.unstake({"from": accounts[verifier]})
    stage.wait(stage.COMMITTEE["seatAge"])
    round_id, _ = judged(growing)
    with refused("WrongPhase", round_id, Phase.SETTLEMENT, Phase.CHALLENGE):
        stage.challenge(growing, round_id)


@pytest.mark.parametrize("found", [TRUE, *({2: verdict(kind)} for kind in list(Verdict)[2:])])
def test_a_challenge_costs_exactly_what_the_larger_committee_is_paid(
    growing: Pole, found: dict[int, Vote]
) -> None:
    round_id, _ = judged(growing, found)
    assert growing.chain.challengeBond(round_id, 0) == FIRST_BOND
    assert growing.chain.challengeBond(round_id, 1) == SECOND_BOND
    for sent in (0, FIRST_BOND - 1, FIRST_BOND + 1):
        with refused("WrongBond", sent, FIRST_BOND):
            growing.chain.challenge.call(round_id, {"from": accounts[STRANGER], "value": sent})
    told = stage.challenge(growing, round_id)
    assert stage.field(growing.chain.round(round_id), "challengers") == (accounts[STRANGER], stage.ZERO)
    kinds = [event["kind"] for event in told.events["Recorded"]]
    assert kinds == [RecordKind.TALLY_CHALLENGED, RecordKind.DRAW_ARMED]
    assert stage.phase(growing, round_id) is Phase.DRAW


def test_a_challenge_names_the_block_that_draws(growing: Pole) -> None:
    round_id, _ = judged(growing)
    challenged = stage.challenge(growing, round_id)
    named = challenged.block_number + CHAIN["drawDelay"]
    assert stage.field(growing.chain.round(round_id), "drawBlock") == named
    with refused("DrawPending", round_id, named):
        growing.chain.arm.call(round_id, {"from": accounts[0]})


def test_without_a_quorum_two_challenges_call_all_seats_and_then_the_round_is_void(
    growing: Pole, history_holds: HistoryCheck
) -> None:
    round_id = stage.revealed(growing, MODELS)
    before = stage.pool(growing)
    sizes = []
    for attempt in range(3):
        sizes.append(len(disagree(growing, round_id)))
        if attempt < 2:
            stage.challenge(growing, round_id)
            with refused("WrongPhase", round_id, Phase.DRAW, Phase.CHALLENGE):
                growing.chain.challenge.call(round_id, {"from": accounts[0]})
    assert sizes == [3, 7, 8]
    with refused("WrongPhase", round_id, Phase.SETTLEMENT, Phase.CHALLENGE):
        growing.chain.challenge.call(round_id, {"from": accounts[0]})
    stage.finalise(growing, round_id)
    assert stage.void_reason(growing, round_id) is VoidReason.NO_QUORUM
    assert stage.credit(growing, DATA_NODE) == TERMS["reward"] + TERMS["dataBond"]
    # Nobody was right, so nobody is paid with what the challenges cost.
    assert stage.credit(growing, STRANGER) == 0
    assert stage.pool(growing) == before + FIRST_BOND + SECOND_BOND
    assert all(growing.committee.stakeOf(accounts[n])[:2] == (SEAT, True) for n in stage.VERIFIERS)
    history_holds(growing)


def test_a_dishonest_quorum_is_overturned_at_its_own_cost(growing: Pole, history_holds: HistoryCheck) -> None:
    round_id, liars = judged(growing, FALSE)
    before = stage.pool(growing)
    stage.challenge(growing, round_id)
    jury = stage.vote(growing, round_id, AGAIN)
    stage.wait(CHAIN["challengeWindow"])
    ended = stage.finalise(growing, round_id)
    assert stage.phase(growing, round_id) is Phase.FINAL
    assert stage.credit(growing, STRANGER) == FIRST_BOND
    assert [event["ballotId"] for event in ended.events["Slashed"]] == [ballot_id(round_id, 0)] * 3
    part = (VERIFICATION_FEE + 3 * PENALTY) // 10
    assert [growing.reservoir.creditOf(member) for member in jury] == [part] * 7
    for liar in liars:
        assert growing.committee.stakeOf(liar)[:2] == (SEAT - PENALTY, False)
    rest = VERIFICATION_FEE + 3 * PENALTY - 7 * part
    assert stage.pool(growing) == before + rest - CHAIN["blockReward"]
    assert stage.credit(growing, 2) == (
        TERMS["reward"] - VERIFICATION_FEE + CHAIN["blockReward"] + READY_BOND
    )
    history_holds(growing)


def test_an_unfounded_challenge_pays_those_who_were_right_in_both_committees(
    growing: Pole, history_holds: HistoryCheck
) -> None:
    round_id, first = judged(growing)
    stage.challenge(growing, round_id)
    second = stage.vote(growing, round_id, AGAIN)
    end(growing, round_id)
    part = (VERIFICATION_FEE + FIRST_BOND) // 10
    for member, parts in earned(growing, first, second).items():
        assert growing.reservoir.creditOf(member) == parts * part
    assert stage.credit(growing, STRANGER) == 0
    history_holds(growing)


def test_any_wallet_challenges_either_attempt_and_the_same_one_both(
    growing: Pole, history_holds: HistoryCheck
) -> None:
    round_id, _ = judged(growing, FALSE)
    stage.challenge(growing, round_id)
    stage.vote(growing, round_id, FALSE)
    stage.challenge(growing, round_id)
    assert stage.field(growing.chain.round(round_id), "challengers") == (accounts[STRANGER],) * 2
    stage.vote(growing, round_id, {2: ok(90, 45, mark=3)})
    stage.finalise(growing, round_id)
    assert stage.credit(growing, STRANGER) == FIRST_BOND + SECOND_BOND
    history_holds(growing)


def test_a_right_challenge_has_its_bond_back_though_another_of_its_own_tally_is_wrong(
    growing: Pole, history_holds: HistoryCheck
) -> None:
    round_id, liars = judged(growing, FALSE)
    stage.challenge(growing, round_id)
    second = stage.vote(growing, round_id, AGAIN)
    stage.challenge(growing, round_id, by=0)
    third = stage.vote(growing, round_id, {2: ok(90, 45, mark=3)})
    stage.finalise(growing, round_id)
    assert (stage.credit(growing, STRANGER), stage.credit(growing, 0)) == (FIRST_BOND, 0)
    part = (VERIFICATION_FEE + SECOND_BOND + 3 * PENALTY) // 18
    for member, parts in earned(growing, second, third).items():
        assert growing.reservoir.creditOf(member) == parts * part
    assert all(growing.committee.stakeOf(liar)[0] == SEAT - PENALTY for liar in liars)
    history_holds(growing)


def test_a_challenge_of_a_tally_without_a_finding_is_spent_on_the_committee_that_finds_one(
    growing: Pole, history_holds: HistoryCheck
) -> None:
    round_id = stage.revealed(growing, MODELS)
    undecided = disagree(growing, round_id)
    stage.challenge(growing, round_id)
    jury = stage.vote(growing, round_id, AGAIN)
    end(growing, round_id)
    assert stage.credit(growing, STRANGER) == 0
    part = (VERIFICATION_FEE + FIRST_BOND + 2 * PENALTY) // 10
    # Only the first of them said what is true.
    for member, parts in earned(growing, undecided[:1], jury).items():
        assert growing.reservoir.creditOf(member) == parts * part
    assert [growing.committee.stakeOf(each)[0] for each in undecided] == [
        SEAT,
        SEAT - PENALTY,
        SEAT - PENALTY,
    ]
    history_holds(growing)


@pytest.mark.parametrize("lost", [Verdict.UNAVAILABLE, Verdict.DATA_UNAVAILABLE])
def test_a_challenge_earns_nothing_by_what_could_not_be_had(
    growing: Pole, history_holds: HistoryCheck, lost: Verdict
) -> None:
    round_id, first = judged(growing, {2: verdict(lost)})
    stage.challenge(growing, round_id)
    jury = stage.vote(growing, round_id, AGAIN)
    end(growing, round_id)
    assert stage.credit(growing, STRANGER) == 0
    part = (VERIFICATION_FEE + FIRST_BOND) // 10
    assert [growing.reservoir.creditOf(member) for member in jury] == [part] * 7
    for member in first:
        # Whoever sat again was right in the end, which ends the row of abstentions.
        assert growing.committee.stakeOf(member) == (SEAT, True, 0, 0 if member in jury else 1)
    history_holds(growing)


@pytest.mark.parametrize("lost", [Verdict.UNAVAILABLE, Verdict.DATA_UNAVAILABLE])
def test_what_a_later_committee_cannot_have_leaves_the_truth_standing(
    growing: Pole, history_holds: HistoryCheck, lost: Verdict
) -> None:
    round_id, first = judged(growing)
    stage.challenge(growing, round_id)
    jury = stage.vote(growing, round_id, {2: verdict(lost)})
    assert growing.committee.findings(ballot_id(round_id, 1)) == growing.committee.findings(
        ballot_id(round_id, 0)
    )
    before = stage.pool(growing)
    end(growing, round_id)
    assert stage.phase(growing, round_id) is Phase.FINAL
    part = (VERIFICATION_FEE + FIRST_BOND) // 10
    for member in {*first, *jury}:
        assert growing.reservoir.creditOf(member) == part * (member in first)
        assert growing.committee.stakeOf(member) == (SEAT, True, 0, int(member in jury))
    assert stage.credit(growing, STRANGER) == 0
    rest = VERIFICATION_FEE + FIRST_BOND - 3 * part
    assert stage.pool(growing) == before + rest - CHAIN["blockReward"]
    history_holds(growing)


def test_challenging_ones_own_lie_earns_nothing(growing: Pole) -> None:
    round_id, liars = judged(growing, FALSE)
    growing.chain.challenge(round_id, {"from": liars[0], "value": FIRST_BOND})
    jury = stage.vote(growing, round_id, AGAIN)
    end(growing, round_id)
    part = (VERIFICATION_FEE + 3 * PENALTY) // 10
    assert growing.reservoir.creditOf(liars[0]) == FIRST_BOND + part * (liars[0] in jury)
    assert growing.committee.stakeOf(liars[0])[0] == SEAT - PENALTY


def test_where_no_larger_committee_is_left_the_tally_stands_and_the_bond_returns(
    growing: Pole, history_holds: HistoryCheck
) -> None:
    for account in (DATA_NODE, 2):
        stage.take_seat(growing, account)
    for verifier in [*stage.VERIFIERS][3:]:
        growing.committee.unstake({"from": accounts[verifier]})
    stage.wait(stage.COMMITTEE["seatAge"])
    # Five seats, two of them barred: it looks as if a larger committee could be had.
    round_id, members = judged(growing)
    stage.challenge(growing, round_id)
    stage.draw(growing, round_id)
    assert stage.phase(growing, round_id) is Phase.SETTLEMENT
    standing = growing.chain.round(round_id).dict()
    assert (standing["attempt"], standing["dropped"]) == (0, True)
    stage.finalise(growing, round_id)
    assert stage.phase(growing, round_id) is Phase.FINAL
    assert stage.credit(growing, STRANGER) == FIRST_BOND
    assert [growing.reservoir.creditOf(member) for member in members] == [VERIFICATION_FEE // 3] * 3
    history_holds(growing)


def test_a_second_growth_that_finds_no_more_seats_returns_its_own_bond_alone(
    growing: Pole, history_holds: HistoryCheck
) -> None:
    stage.take_seat(growing, DATA_NODE)
    growing.committee.unstake({"from": accounts[8]})
    stage.wait(stage.COMMITTEE["seatAge"])
    round_id, _ = judged(growing)
    stage.challenge(growing, round_id)
    assert len(stage.vote(growing, round_id, AGAIN)) == 7
    stage.challenge(growing, round_id, by=0)
    stage.draw(growing, round_id)
    assert stage.phase(growing, round_id) is Phase.SETTLEMENT
    stage.finalise(growing, round_id)
    assert (stage.credit(growing, STRANGER), stage.credit(growing, 0)) == (0, SECOND_BOND)
    history_holds(growing)


def test_a_member_of_any_attempt_owes_its_stake_until_the_round_ends(growing: Pole) -> None:
    round_id, members = judged(growing, FALSE)
    growing.committee.unstake({"from": members[0]})
    left = growing.committee.stakeOf(members[0])[2]
    stage.challenge(growing, round_id)
    stage.vote(growing, round_id, AGAIN)
    stage.wait(10**6)
    with refused("StakeBound", members[0], left + stage.COMMITTEE["seatAge"]):
        growing.committee.reclaim.call({"from": members[0]})
    stage.finalise(growing, round_id)
    growing.committee.reclaim({"from": members[0]})
    assert growing.committee.stakeOf(members[0])[0] == 0


def test_seats_that_are_left_after_the_first_tally_still_sit_in_the_larger_committee(growing: Pole) -> None:
    round_id, liars = judged(growing, FALSE)
    for verifier in stage.VERIFIERS:
        growing.committee.unstake({"from": accounts[verifier]})
    stage.wait(stage.COMMITTEE["seatAge"])
    stage.challenge(growing, round_id)
    assert len(stage.vote(growing, round_id, AGAIN)) == 7
    end(growing, round_id)
    assert all(growing.committee.stakeOf(liar)[0] == SEAT - PENALTY for liar in liars)


def test_who_is_wrong_in_two_committees_loses_twice_where_a_quorum_contradicts_it(
    growing: Pole, history_holds: HistoryCheck
) -> None:
    round_id, liars = judged(growing, FALSE)
    stage.challenge(growing, round_id)
    jury = stage.draw(growing, round_id)
    again = next(liar for liar in liars if liar in jury)
    votes = {member: [ok(80, 30) if member == again else ok(90, 45)] for member in jury}
    stage.commit_votes(growing, round_id, votes)
    stage.reveal_votes(growing, round_id, votes)
    end(growing, round_id)
    for liar in liars:
        assert growing.committee.stakeOf(liar)[0] == SEAT - PENALTY * (2 if liar == again else 1)
    history_holds(growing)


def test_who_contradicts_the_larger_half_of_the_last_committee_loses_its_seat_and_no_stake(
    growing: Pole, history_holds: HistoryCheck
) -> None:
    round_id, _ = judged(growing, {2: ok(85, 35)})
    stage.challenge(growing, round_id)
    jury = stage.draw(growing, round_id)
    # Four of seven agree: no quorum of five, but more than half.
    odd, silent = jury[:2], jury[2]
    votes = {member: [ok(80, 30) if member in odd else ok(90, 45)] for member in jury}
    votes[silent] = [verdict(Verdict.UNAVAILABLE)]
    stage.commit_votes(growing, round_id, votes)
    stage.reveal_votes(growing, round_id, votes)
    end(growing, round_id)
    assert stage.void_reason(growing, round_id) is VoidReason.NO_QUORUM
    for member in jury:
        assert growing.committee.stakeOf(member)[:2] == (SEAT, member not in odd)
    assert growing.committee.stakeOf(silent)[3] == 0
    history_holds(growing)


@pytest.mark.parametrize("agreeing", [5, 4, 3])
def test_a_truth_that_stood_stands_unless_more_than_half_of_the_later_seats_cast_another(
    growing: Pole, history_holds: HistoryCheck, agreeing: int
) -> None:
    round_id, first = judged(growing)
    stage.challenge(growing, round_id)
    jury = stage.draw(growing, round_id)
    abstaining = jury[agreeing:]
    votes = {member: [ok(80, 30, mark=2)] for member in jury}
    votes |= {member: [verdict(Verdict.UNAVAILABLE)] for member in abstaining}
    stage.commit_votes(growing, round_id, votes)
    stage.reveal_votes(growing, round_id, votes)
    (found,) = growing.committee.findings(stage.ballot(growing, round_id))
    # Five of seven are a quorum, four more than half; three undo nothing.
    expected = {5: (Verdict.OK, 80), 4: (Verdict.NONE, 0), 3: (Verdict.OK, 90)}[agreeing]
    assert (Verdict(found[0]), found[1]) == expected
    end(growing, round_id)
    for member in {*first, *jury}:
        lost = PENALTY * (agreeing == 5 and member in first)
        assert growing.committee.stakeOf(member)[0] == SEAT - lost
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
    end(growing, round_id)
    assert growing.committee.stakeOf(jury[0])[0] == SEAT - PENALTY
    assert echo == jury[0] or growing.committee.stakeOf(echo)[0] == SEAT
    history_holds(growing)


def test_every_attempt_of_the_newest_round_can_be_asked_for_and_none_of_older_ones(growing: Pole) -> None:
    round_id, first = judged(growing, FALSE)
    stage.challenge(growing, round_id)
    second = stage.vote(growing, round_id, TRUE)
    ballots = [ballot_id(round_id, attempt) for attempt in range(3)]
    assert [list(growing.committee.members(each)) for each in ballots] == [first, second, []]
    assert [growing.committee.findings(each)[0][1] for each in ballots[:2]] == [80, 90]
    assert growing.committee.voteOf(ballots[0], 0)[1]
    assert [stage.stage_of(growing, each) for each in ballots] == [
        BallotStage.CLOSED,
        BallotStage.CLOSED,
        BallotStage.NONE,
    ]
    end(growing, round_id)
    assert stage.stage_of(growing, ballots[0]) is BallotStage.SETTLED
    other = stage.revealed(growing, MODELS)
    assert len(stage.draw(growing, other)) == 3
    for each in (*ballots, ballot_id(other, 1), ballot_id(other, 2)):
        assert growing.committee.members(each) == ()
        assert growing.committee.findings(each) == ()
        assert growing.committee.voteOf(each, 0) == (stage.NOTHING, False)
        assert stage.stage_of(growing, each) is BallotStage.NONE


def test_a_round_with_one_committee_after_one_with_three_sees_nothing_of_them(
    growing: Pole, history_holds: HistoryCheck
) -> None:
    round_id = stage.revealed(growing, MODELS)
    for _ in range(2):
        disagree(growing, round_id)
        stage.challenge(growing, round_id)
    stage.vote(growing, round_id, AGAIN)
    stage.finalise(growing, round_id)
    for verifier in stage.VERIFIERS:
        held, seated, *_ = growing.committee.stakeOf(accounts[verifier])
        if not seated:
            growing.committee.stake({"from": accounts[verifier], "value": SEAT - held})
    stage.wait(stage.COMMITTEE["seatAge"])
    other, liars = judged(growing, FALSE)
    stage.challenge(growing, other)
    stage.vote(growing, other, TRUE)
    end(growing, other)
    assert stage.phase(growing, other) is Phase.FINAL
    assert all(growing.committee.stakeOf(liar)[0] == SEAT - PENALTY for liar in liars)
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
    told = growing.committee.leak(ballot, 0, sold, b"\x77" * 32, {"from": accounts[STRANGER]})
    assert told.events["Recorded"]["kind"] == RecordKind.VOTE_LEAKED
    stage.commit_votes(growing, round_id, votes)
    stage.reveal_votes(growing, round_id, votes)
    stage.end_votes(growing, round_id)
    end(growing, round_id)
    assert growing.committee.stakeOf(members[0])[0] == SEAT - 2 * PENALTY
    history_holds(growing)


def test_the_seats_that_a_large_reward_asks_for_set_the_price_of_a_challenge(
    history_holds: HistoryCheck,
) -> None:
    sizes = {"committeeSize": 2, "minCommittee": 2, "maxCommittee": 8, "rewardPerSeat": ETHER}
    pole = stage.set_up(chain=sizes, task_list={"maxReward": 8 * ETHER})
    round_id = stage.revealed(pole, MODELS, reward=3 * ETHER)
    stage.vote(pole, round_id, FALSE)
    fee = 3 * ETHER // 10
    for attempt, seats in enumerate((7, 8)):
        assert pole.chain.challengeBond(round_id, attempt) == fee * seats // 3
        stage.challenge(pole, round_id)
        assert len(stage.vote(pole, round_id, {2: ok(90, 45, mark=attempt)})) == seats
    stage.finalise(pole, round_id)
    history_holds(pole)
