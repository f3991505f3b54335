"""What verifiers earn and lose."""

import pytest
from brownie import accounts
from tests.contracts import stage
from tests.contracts.stage import (
    CHAIN,
    PENALTY,
    SEAT,
    VERIFICATION_FEE,
    HistoryCheck,
    Model,
    Pole,
    ok,
    refused,
    verdict,
)

from pole.protocol.state import Phase, Verdict, VoidReason, Vote

MODELS = {2: Model(train=90, test=45)}
TRUE = {2: ok(90, 45)}
LOST = [Verdict.UNAVAILABLE, Verdict.DATA_UNAVAILABLE]


def standing(pole: Pole, members: list[str]) -> list[tuple[int, bool, int, int]]:
    return [pole.committee.stakeOf(member) for member in members]


def test_a_slashed_seat_is_lost_and_its_stake_can_be_topped_up(pole: Pole) -> None:
    round_id = stage.revealed(pole, MODELS)
    members = stage.vote(pole, round_id, TRUE, m1={2: ok(91, 45)})
    stage.finalise(pole, round_id)
    assert pole.committee.stakeOf(members[1])[:2] == (SEAT - PENALTY, False)
    with refused("WrongStake", SEAT, PENALTY):
        pole.committee.stake.call({"from": members[1], "value": SEAT})
    pole.committee.stake({"from": members[1], "value": PENALTY})
    assert pole.committee.stakeOf(members[1]) == (SEAT, True, 0, 0)


def test_every_member_that_never_votes_loses_a_penalty_and_no_more(pole: Pole) -> None:
    first = stage.revealed(pole, MODELS)
    members = stage.draw(pole, first)
    stage.end_votes(pole, first)
    stage.finalise(pole, first)
    for member in members:
        assert pole.committee.stakeOf(member)[0] == SEAT - PENALTY
    assert pole.reservoir.balanceOf(pole.committee, stage.STAKES) == 8 * SEAT - 4 * PENALTY


def test_a_penalty_takes_no_more_than_what_is_left(history_holds: HistoryCheck) -> None:
    half = SEAT // 2
    sizes = {"committeeSize": 3, "minCommittee": 3, "maxCommittee": 4}
    pole = stage.set_up(
        verifiers=[*stage.VERIFIERS][:4], committee={"penalty": half, "lanes": 1}, chain=sizes
    )
    round_id = stage.revealed(pole, MODELS)
    # A vote that is shown costs two penalties, and staying away from the larger committee a third.
    seller, *first = stage.draw(pole, round_id)
    sold = [ok(90, 45)]
    stage.commit_votes(pole, round_id, {seller: sold})
    shown = stage.member_of(pole, round_id, seller), stage.as_tuples(sold), b"\x77" * 32
    pole.committee.leak(stage.ballot(pole, round_id), *shown, {"from": accounts[stage.STRANGER]})
    assert pole.committee.stakeOf(seller)[0] == SEAT - half
    stage.commit_votes(pole, round_id, dict.fromkeys(first, sold))
    stage.reveal_votes(pole, round_id, dict.fromkeys(first, sold))
    stage.end_votes(pole, round_id)
    stage.challenge(pole, round_id)
    votes = dict.fromkeys((each for each in stage.draw(pole, round_id) if each != seller), sold)
    stage.commit_votes(pole, round_id, votes)
    stage.end_votes(pole, round_id)
    stage.reveal_votes(pole, round_id, votes)
    stage.finalise(pole, round_id)
    assert pole.committee.stakeOf(seller)[0] == 0
    history_holds(pole)


def test_members_that_found_the_truth_share_the_fee_equally(pole: Pole, history_holds: HistoryCheck) -> None:
    round_id = stage.revealed(pole, MODELS)
    members = stage.vote(pole, round_id, TRUE)
    stage.finalise(pole, round_id)
    for member in members:
        assert pole.reservoir.creditOf(member) == VERIFICATION_FEE // 4
        assert pole.committee.stakeOf(member) == (SEAT, True, 0, 0)
    history_holds()


def test_what_nobody_earns_of_the_fee_goes_to_the_pool_with_the_penalties(pole: Pole) -> None:
    round_id = stage.revealed(pole, MODELS)
    members = stage.vote(pole, round_id, TRUE, m3={2: ok(90, 44)})
    before = stage.pool(pole)
    ended = stage.finalise(pole, round_id)
    # A part for every seat, whether it earns it or not: nobody gains by another's loss.
    part = VERIFICATION_FEE // 4
    for member in members[:3]:
        assert pole.reservoir.creditOf(member) == part
    drawn = CHAIN["blockReward"]
    assert stage.pool(pole) == before + PENALTY + VERIFICATION_FEE - 3 * part - drawn
    assert [event["verifier"] for event in ended.events["Slashed"]] == [members[3]]
    assert [event["verifier"] for event in ended.events["Rewarded"]] == members[:3]


def test_an_unrevealed_vote_is_slashed(pole: Pole) -> None:
    round_id = stage.revealed(pole, MODELS)
    members = stage.draw(pole, round_id)
    votes = {member: [ok(90, 45)] for member in members}
    stage.commit_votes(pole, round_id, votes)
    votes.pop(members[2])
    stage.reveal_votes(pole, round_id, votes)
    stage.end_votes(pole, round_id)
    stage.finalise(pole, round_id)
    assert stage.phase(pole, round_id) is Phase.FINAL
    assert pole.committee.stakeOf(members[2])[:2] == (SEAT - PENALTY, False)
    assert pole.reservoir.creditOf(members[2]) == 0


@pytest.mark.parametrize("other", [ok(90, 45, mark=9), ok(89, 45), ok(90, 44), verdict(Verdict.MALFORMED)])
def test_another_truth_than_the_one_found_is_slashed_to_the_bit(pole: Pole, other: Vote) -> None:
    round_id = stage.revealed(pole, MODELS)
    members = stage.vote(pole, round_id, TRUE, m0={2: other})
    stage.finalise(pole, round_id)
    assert pole.committee.stakeOf(members[0])[:2] == (SEAT - PENALTY, False)


def test_where_nobody_agrees_nobody_loses_and_nobody_earns(pole: Pole) -> None:
    round_id = stage.revealed(pole, MODELS)
    members = stage.vote(pole, round_id, TRUE, m0={2: ok(1, 1)}, m1={2: verdict(Verdict.MALFORMED)})
    stage.finalise(pole, round_id)
    assert stage.void_reason(pole, round_id) is VoidReason.NO_QUORUM
    for member in members:
        assert pole.committee.stakeOf(member) == (SEAT, True, 0, 0)
        assert pole.reservoir.creditOf(member) == 0


def test_settlement_happens_once(pole: Pole) -> None:
    round_id = stage.won(pole, MODELS)
    with refused("WrongPhase", round_id, Phase.FINAL, Phase.SETTLEMENT):
        pole.chain.finalise.call(round_id, {"from": accounts[0]})


@pytest.mark.parametrize("kind", LOST)
def test_who_abstains_where_a_truth_is_found_gets_a_strike_and_no_pay(
    pole: Pole, history_holds: HistoryCheck, kind: Verdict
) -> None:
    round_id = stage.revealed(pole, MODELS)
    members = stage.vote(pole, round_id, TRUE, m0={2: verdict(kind)})
    ended = stage.finalise(pole, round_id)
    assert stage.phase(pole, round_id) is Phase.FINAL
    assert pole.committee.stakeOf(members[0]) == (SEAT, True, 0, 1)
    assert pole.reservoir.creditOf(members[0]) == 0
    assert dict(ended.events["Struck"]) == {
        "ballotId": stage.ballot(pole, round_id),
        "verifier": members[0],
        "strikes": 1,
    }
    history_holds()


def test_one_ballot_is_one_strike_however_many_models_were_missed(pole: Pole) -> None:
    models = {2: Model(test=45), 3: Model(test=40)}
    round_id = stage.revealed(pole, models)
    away = {miner: verdict(Verdict.UNAVAILABLE) for miner in models}
    members = stage.vote(pole, round_id, stage.as_claimed(models), m0=away)
    stage.finalise(pole, round_id)
    assert pole.committee.stakeOf(members[0])[3] == 1


def test_a_member_is_paid_for_every_model_that_it_judged_and_struck_for_the_one_it_missed(
    pole: Pole, history_holds: HistoryCheck
) -> None:
    models = {2: Model(test=45), 3: Model(test=40)}
    round_id = stage.revealed(pole, models)
    partly = stage.as_claimed(models) | {3: verdict(Verdict.UNAVAILABLE)}
    members = stage.vote(pole, round_id, stage.as_claimed(models), m0=partly)
    stage.finalise(pole, round_id)
    part = VERIFICATION_FEE // 8
    assert [pole.reservoir.creditOf(member) for member in members] == [part, *[2 * part] * 3]
    assert pole.committee.stakeOf(members[0])[3] == 1
    history_holds()


@pytest.fixture(scope="module")
def few_deployed(deployed: Pole) -> Pole:
    """Return contracts whose four seats all sit in every committee."""
    return stage.set_up(verifiers=[*stage.VERIFIERS][:4])


@pytest.fixture
def few(few_deployed: Pole, isolation: None) -> Pole:
    return few_deployed


def play(pole: Pole, found: dict[str, Vote]) -> None:
    """Play a round in which `found` members find something of their own, and all others the truth."""
    round_id = stage.revealed(pole, MODELS)
    members = stage.draw(pole, round_id)
    votes = {member: [found.get(member, ok(90, 45))] for member in members}
    stage.commit_votes(pole, round_id, votes)
    stage.reveal_votes(pole, round_id, votes)
    stage.finalise(pole, round_id)


def test_the_third_abstention_in_a_row_costs_the_seat_and_no_stake(
    few: Pole, history_holds: HistoryCheck
) -> None:
    absent = str(accounts[8])
    away = {absent: verdict(Verdict.UNAVAILABLE)}
    for strikes in (1, 2):
        play(few, away)
        assert few.committee.stakeOf(absent) == (SEAT, True, 0, strikes)
    play(few, away)
    held, seated, left, strikes = few.committee.stakeOf(absent)
    assert (held, seated, strikes) == (SEAT, False, 0)
    assert left > 0
    few.committee.stake({"from": absent, "value": 0})
    history_holds(few)


def test_a_ballot_judged_in_full_ends_the_row_of_abstentions(few: Pole, history_holds: HistoryCheck) -> None:
    absent = str(accounts[8])
    away = {absent: verdict(Verdict.DATA_UNAVAILABLE)}
    for _ in range(2):
        play(few, away)
    play(few, {})
    assert few.committee.stakeOf(absent) == (SEAT, True, 0, 0)
    play(few, away)
    assert few.committee.stakeOf(absent) == (SEAT, True, 0, 1)
    history_holds(few)


@pytest.mark.parametrize("kind", LOST)
def test_a_committee_split_on_availability_alone_costs_nobody_anything(
    few: Pole, history_holds: HistoryCheck, kind: Verdict
) -> None:
    members = [str(accounts[n]) for n in [*stage.VERIFIERS][:4]]
    play(few, dict.fromkeys(members[:2], verdict(kind)))
    assert standing(few, members) == [(SEAT, True, 0, 0)] * 4
    history_holds(few)


def test_who_had_what_a_quorum_could_not_have_loses_nothing(few: Pole, history_holds: HistoryCheck) -> None:
    members = [str(accounts[n]) for n in [*stage.VERIFIERS][:4]]
    play(few, dict.fromkeys(members[:3], verdict(Verdict.UNAVAILABLE)))
    assert standing(few, members) == [(SEAT, True, 0, 0)] * 4
    history_holds(few)


def test_who_contradicts_more_than_half_of_all_seats_loses_its_seat_where_others_abstain(
    history_holds: HistoryCheck,
) -> None:
    pole = stage.set_up(
        verifiers=[*stage.VERIFIERS][:5],
        chain={"committeeSize": 5, "maxCommittee": 5},
    )
    members = [str(accounts[n]) for n in [*stage.VERIFIERS][:5]]
    play(pole, {members[0]: ok(10, 5), members[1]: verdict(Verdict.UNAVAILABLE)})
    assert standing(pole, members[1:]) == [(SEAT, True, 0, 0)] * 4
    assert pole.committee.stakeOf(members[0])[:2] == (SEAT, False)
    assert [pole.reservoir.creditOf(member) for member in members] == [0] * 5
    history_holds(pole)


def test_half_of_all_seats_is_not_enough_to_cost_anybody_its_seat(few: Pole) -> None:
    members = [str(accounts[n]) for n in [*stage.VERIFIERS][:4]]
    play(few, dict.fromkeys(members[:2], ok(10, 5)))
    assert standing(few, members) == [(SEAT, True, 0, 0)] * 4
