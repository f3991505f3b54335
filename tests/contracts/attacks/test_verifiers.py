"""Verifiers that are absent, copy, sell, lie, and hold a third or a half of the seats."""

from collections.abc import Callable

import pytest
from brownie import accounts
from tests.contracts import stage
from tests.contracts.attacks import books, parties
from tests.contracts.attacks.books import Books
from tests.contracts.attacks.parties import FEE, LOT, PRIZE, sent
from tests.contracts.stage import (
    PENALTY,
    STRANGER,
    VERIFICATION_FEE,
    Model,
    Pole,
    as_tuples,
    ok,
    refused,
)

from pole.protocol.ballots import ballot_id
from pole.protocol.state import Verdict, VoidReason, Vote

VICTIM = 2
MODELS = {VICTIM: Model()}
TRUE, FALSE = [ok(90, 45)], [ok(10, 5)]
SALT = b"\x77" * 32
SEATS = [*range(7, 16), 17, 18, 19]


@pytest.fixture
def drawn(pole: Pole) -> tuple[Books, int, list[str]]:
    """Return the books, a round whose committee of four is drawn, and its members."""
    ledger = books.opened(pole)
    round_id = stage.revealed(pole, MODELS)
    return ledger, round_id, stage.draw(pole, round_id)


def with_one_slashed(penalties: int = PENALTY) -> dict[str, int]:
    """Return the gains of a round of four seats that three decide."""
    shares = VERIFICATION_FEE // 4 * 3
    rest = VERIFICATION_FEE - shares + penalties
    return LOT | {"victim": PRIZE, "verifiers": shares, "attacker": -penalties, "pool": LOT["pool"] + rest}


def decide(pole: Pole, round_id: int, votes: dict[str, list[Vote]]) -> None:
    """Let those of `votes` vote, and end the round."""
    stage.commit_votes(pole, round_id, votes)
    stage.reveal_votes(pole, round_id, votes)
    stage.finalise(pole, round_id)


def test_an_absent_verifier_pays_the_penalty(pole: Pole, drawn: tuple[Books, int, list[str]]) -> None:
    ledger, round_id, members = drawn
    votes = dict.fromkeys(members[1:], TRUE)
    stage.commit_votes(pole, round_id, votes)
    stage.end_votes(pole, round_id)
    stage.reveal_votes(pole, round_id, votes)
    stage.finalise(pole, round_id)
    assert ledger.gains(victim=VICTIM, attacker=members[0]) == with_one_slashed()


@pytest.mark.parametrize("vote", [FALSE, [ok(90, 45, mark=9)]], ids=["a lie", "an echo of the claims"])
def test_a_vote_that_is_wrong_or_made_without_looking_costs_the_penalty(
    pole: Pole, drawn: tuple[Books, int, list[str]], vote: list[Vote]
) -> None:
    ledger, round_id, members = drawn
    decide(pole, round_id, dict.fromkeys(members, TRUE) | {members[0]: vote})
    assert ledger.gains(victim=VICTIM, attacker=members[0]) == with_one_slashed()


def test_a_copied_vote_commitment_cannot_be_opened_by_the_copier(
    pole: Pole, drawn: tuple[Books, int, list[str]]
) -> None:
    ledger, round_id, members = drawn
    votes = dict.fromkeys(members[1:], TRUE)
    stage.commit_votes(pole, round_id, votes)
    ballot = ballot_id(round_id, 0)
    copied = pole.committee.voteOf(ballot, 1)[0]
    pole.committee.commitVote(ballot, 0, copied, {"from": members[0]})
    stage.reveal_votes(pole, round_id, votes)
    with refused("CommitmentMismatch"):
        stage.reveal_votes(pole, round_id, {members[0]: TRUE})
    stage.end_votes(pole, round_id)
    stage.finalise(pole, round_id)
    assert ledger.gains(victim=VICTIM, attacker=members[0]) == with_one_slashed()


def test_a_vote_seen_in_the_reveals_cannot_be_taken_over(
    pole: Pole, drawn: tuple[Books, int, list[str]]
) -> None:
    ledger, round_id, members = drawn
    stage.commit_votes(pole, round_id, dict.fromkeys(members[1:], TRUE) | {members[0]: FALSE})
    stage.reveal_votes(pole, round_id, dict.fromkeys(members[1:], TRUE))
    with refused("CommitmentMismatch"):
        stage.reveal_votes(pole, round_id, {members[0]: TRUE})
    stage.end_votes(pole, round_id)
    stage.finalise(pole, round_id)
    assert ledger.gains(victim=VICTIM, attacker=members[0]) == with_one_slashed()


def test_a_vote_shown_to_a_buyer_puts_the_stake_into_the_buyers_hands(
    pole: Pole, drawn: tuple[Books, int, list[str]]
) -> None:
    ledger, round_id, members = drawn
    stage.commit_votes(pole, round_id, {members[0]: TRUE})
    pole.committee.leak(ballot_id(round_id, 0), 0, as_tuples(TRUE), SALT, sent(STRANGER))
    votes = dict.fromkeys(members[1:], TRUE)
    stage.commit_votes(pole, round_id, votes)
    stage.reveal_votes(pole, round_id, votes)
    stage.end_votes(pole, round_id)
    stage.finalise(pole, round_id)
    expected = with_one_slashed(2 * PENALTY)
    expected |= {"buyer": PENALTY // 2, "pool": expected["pool"] - PENALTY // 2}
    assert ledger.gains(victim=VICTIM, attacker=members[0], buyer=STRANGER) == expected


def test_a_committee_that_never_votes_pays_for_the_void_round(
    pole: Pole, drawn: tuple[Books, int, list[str]]
) -> None:
    ledger, round_id, members = drawn
    stage.end_votes(pole, round_id)
    stage.finalise(pole, round_id)
    assert stage.void_reason(pole, round_id) is VoidReason.NO_QUORUM
    penalties = 4 * PENALTY
    assert ledger.gains(attacker=members) == {
        "data_node": -FEE,
        "attacker": -penalties,
        "pool": FEE + penalties,
    }


@pytest.fixture(scope="module")
def twelve_deployed(deployed: Pole) -> Pole:
    """Return contracts with twelve seats, whose committees are six and then all."""
    return stage.set_up(verifiers=SEATS, chain={"committeeSize": 6, "maxCommittee": len(SEATS)})


@pytest.fixture
def twelve(twelve_deployed: Pole, isolation: None) -> Pole:
    return twelve_deployed


BOND = VERIFICATION_FEE * len(SEATS) // 6
"""What calling all twelve seats costs."""


def ballots_with(
    pole: Pole, choose: Callable[[list[str], list[str]], list[str]]
) -> tuple[Books, int, list[str]]:
    """Play a round whose committee grows to all seats, with liars chosen out of the first one and of all.

    Return the books, the round and the liars.
    """
    ledger = books.opened(pole)
    round_id = stage.revealed(pole, MODELS)
    members = stage.draw(pole, round_id)
    liars = choose(members, [str(accounts[n]) for n in SEATS if str(accounts[n]) not in members])
    first = {member: FALSE if member in liars else TRUE for member in members}
    stage.commit_votes(pole, round_id, first)
    stage.reveal_votes(pole, round_id, first)
    stage.challenge(pole, round_id, by=VICTIM)
    everybody = {member: FALSE if member in liars else TRUE for member in stage.draw(pole, round_id)}
    assert len(everybody) == len(SEATS)
    decide(pole, round_id, everybody)
    return ledger, round_id, liars


def overruled(right: int, choices: int = 1) -> dict[str, int]:
    """Return the gains where two liars stall the first committee and all seats decide against them.

    The victim's bond pays the larger committee: no tally was contradicted.
    """
    penalties = 4 * PENALTY
    pot = VERIFICATION_FEE + BOND + penalties
    paid = pot // (18 * choices) * right
    return LOT | {
        "victim": PRIZE - BOND,
        "verifiers": paid,
        "attacker": -penalties,
        "pool": LOT["pool"] + pot - paid,
    }


def test_a_third_of_a_committee_stalls_it_and_pays_when_all_seats_decide(twelve: Pole) -> None:
    ledger, _, liars = ballots_with(twelve, lambda members, _: members[:2])
    assert ledger.gains(victim=VICTIM, attacker=liars, verifiers=SEATS) == overruled(right=14)


def test_a_third_of_all_seats_voids_the_round_and_loses_its_seats_and_no_stake(twelve: Pole) -> None:
    ledger, round_id, liars = ballots_with(twelve, lambda members, rest: [*members[:2], *rest[:2]])
    assert stage.void_reason(twelve, round_id) is VoidReason.NO_QUORUM
    gains = ledger.gains(victim=VICTIM, attacker=liars, verifiers=SEATS)
    assert gains == {"data_node": -FEE, "victim": -BOND, "pool": FEE + BOND}
    # Eight of twelve agreed against them: no quorum of nine, but more than half.
    assert {twelve.committee.stakeOf(liar)[:2] for liar in liars} == {(stage.SEAT, False)}


def test_half_of_all_seats_voids_the_round_earns_nothing_and_keeps_its_seats(twelve: Pole) -> None:
    ledger, round_id, liars = ballots_with(twelve, lambda members, rest: [*members[:3], *rest[:3]])
    assert stage.void_reason(twelve, round_id) is VoidReason.NO_QUORUM
    gains = ledger.gains(victim=VICTIM, attacker=liars, verifiers=SEATS)
    assert gains == {"data_node": -FEE, "victim": -BOND, "pool": FEE + BOND}
    assert {twelve.committee.stakeOf(liar)[:2] for liar in liars} == {(stage.SEAT, True)}


def test_a_veto_of_the_better_model_alone_is_overruled_by_all_seats(twelve: Pole) -> None:
    mediocre = 3
    models = {VICTIM: Model(test=45), mediocre: Model(test=41)}
    ledger = books.opened(twelve)
    round_id = stage.revealed(twelve, models)
    members = stage.draw(twelve, round_id)
    fair = stage.ballot_of(twelve, round_id, stage.as_claimed(models))
    veto = stage.ballot_of(twelve, round_id, {VICTIM: ok(10, 5), mediocre: ok(90, 41)})
    liars = members[:2]
    first = {member: veto if member in liars else fair for member in members}
    stage.commit_votes(twelve, round_id, first)
    stage.reveal_votes(twelve, round_id, first)
    verdicts = [found[0] for found in twelve.committee.findings(stage.ballot(twelve, round_id))]
    assert verdicts == [Verdict.NONE, Verdict.OK]
    stage.challenge(twelve, round_id, by=VICTIM)
    decide(twelve, round_id, {each: veto if each in liars else fair for each in stage.draw(twelve, round_id)})
    gains = ledger.gains(victim=VICTIM, attacker=[mediocre, *liars], verifiers=SEATS)
    assert gains == overruled(right=28, choices=2)


def test_a_dishonest_quorum_that_nobody_challenges_takes_the_reward_and_no_honest_bond(pole: Pole) -> None:
    attacker = 3
    ledger = books.opened(pole)
    models = {VICTIM: Model(test=45), attacker: Model(test=46)}
    round_id = stage.revealed(pole, models)
    # The attacker's model is worth 5 on the test set; three of four seats say otherwise.
    lie = {VICTIM: ok(90, 45), attacker: ok(90, 46)}
    members = stage.vote(pole, round_id, lie, m3={VICTIM: ok(90, 45), attacker: ok(90, 5)})
    stage.finalise(pole, round_id)
    gains = ledger.gains(attacker=attacker, victim=VICTIM, honest=members[3])
    assert gains["attacker"] == PRIZE
    assert gains["honest"] == -PENALTY
    assert "victim" not in gains
    assert gains["data_node"] == -parties.PRICE
