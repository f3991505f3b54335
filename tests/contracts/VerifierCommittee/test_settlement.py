"""What verifiers earn and lose."""

from brownie import accounts
from tests.contracts import stage
from tests.contracts.stage import (
    COMMITTEE,
    ETHER,
    VERIFICATION_FEE,
    HistoryCheck,
    Model,
    Pole,
    ok,
    refused,
    verdict,
)

from pole.protocol.state import Phase, Verdict

MODELS = {2: Model(train=90, test=45)}
TRUE = {2: ok(90, 45)}


def test_a_slashed_seat_is_lost_and_its_stake_can_be_topped_up(pole: Pole) -> None:
    round_id = stage.revealed(pole, MODELS)
    members = stage.vote(pole, round_id, TRUE, m1={2: ok(91, 45)})
    stage.finalise(pole, round_id)
    left = ETHER - COMMITTEE["penalty"]
    assert pole.committee.stakeOf(members[1])[:2] == (left, False)
    with refused("WrongStake", ETHER, COMMITTEE["penalty"]):
        pole.committee.stake.call({"from": members[1], "value": ETHER})
    pole.committee.stake({"from": members[1], "value": COMMITTEE["penalty"]})
    assert pole.committee.stakeOf(members[1]) == (ETHER, True, 0)


def test_a_penalty_takes_no_more_than_what_is_left(pole: Pole) -> None:
    first = stage.revealed(pole, MODELS)
    members = stage.draw(pole, first)
    stage.wait(stage.CHAIN["voteCommitWindow"])
    stage.finalise(pole, first)
    for member in members:
        assert pole.committee.stakeOf(member)[0] == ETHER - COMMITTEE["penalty"]
    assert pole.reservoir.balanceOf(pole.committee, stage.STAKES) == 8 * ETHER - 4 * COMMITTEE["penalty"]


def test_coherent_members_share_the_fee_equally(pole: Pole, history_holds: HistoryCheck) -> None:
    round_id = stage.revealed(pole, MODELS)
    members = stage.vote(pole, round_id, TRUE)
    stage.finalise(pole, round_id)
    for member in members:
        assert pole.reservoir.creditOf(member) == VERIFICATION_FEE // 4
        assert pole.committee.stakeOf(member) == (ETHER, True, 0)
    history_holds()


def test_what_division_leaves_of_the_fee_goes_to_the_pool(pole: Pole) -> None:
    round_id = stage.revealed(pole, MODELS)
    members = stage.vote(pole, round_id, TRUE, m3={2: ok(90, 44)})
    before = stage.pool(pole)
    ended = stage.finalise(pole, round_id)
    share = VERIFICATION_FEE // 3
    for member in members[:3]:
        assert pole.reservoir.creditOf(member) == share
    drawn = stage.CHAIN["blockReward"]
    assert stage.pool(pole) == before + COMMITTEE["penalty"] + VERIFICATION_FEE - 3 * share - drawn
    assert [event["verifier"] for event in ended.events["Slashed"]] == [members[3]]
    assert [event["verifier"] for event in ended.events["Rewarded"]] == members[:3]


def test_an_unrevealed_vote_is_slashed(pole: Pole) -> None:
    round_id = stage.revealed(pole, MODELS)
    members = stage.draw(pole, round_id)
    votes = {member: [ok(90, 45)] for member in members}
    stage.commit_votes(pole, round_id, votes)
    votes.pop(members[2])
    stage.reveal_votes(pole, round_id, votes)
    stage.wait(stage.CHAIN["voteRevealWindow"])
    stage.finalise(pole, round_id)
    assert stage.phase(pole, round_id) is Phase.FINAL
    assert pole.committee.stakeOf(members[2])[:2] == (ETHER - COMMITTEE["penalty"], False)
    assert pole.reservoir.creditOf(members[2]) == 0


def test_echoing_the_claims_with_invented_predictions_is_slashed(pole: Pole) -> None:
    round_id = stage.revealed(pole, MODELS)
    members = stage.vote(pole, round_id, TRUE, m0={2: ok(90, 45, mark=9)})
    stage.finalise(pole, round_id)
    assert pole.committee.stakeOf(members[0])[0] == ETHER - COMMITTEE["penalty"]


def test_without_a_quorum_those_who_revealed_lose_and_earn_nothing(pole: Pole) -> None:
    round_id = stage.revealed(pole, MODELS)
    members = stage.vote(pole, round_id, TRUE, m0={2: ok(1, 1)}, m1={2: verdict(Verdict.MALFORMED)})
    stage.finalise(pole, round_id)
    for member in members:
        assert pole.committee.stakeOf(member) == (ETHER, True, 0)
        assert pole.reservoir.creditOf(member) == 0


def test_settlement_happens_once(pole: Pole) -> None:
    round_id = stage.won(pole, MODELS)
    with refused("WrongPhase", round_id, Phase.FINAL, Phase.SETTLEMENT):
        pole.chain.finalise.call(round_id, {"from": accounts[0]})
