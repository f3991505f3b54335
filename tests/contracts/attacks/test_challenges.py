"""Larger committees that a third keeps from a quorum, after a truth and after a lie, by devnet rules."""

import pytest
from brownie import accounts
from tests.contracts import stage
from tests.contracts.attacks import books
from tests.contracts.attacks import devnet as at
from tests.contracts.stage import Model, Pole, ok, verdict

from pole.protocol.state import Verdict, VoidReason, Vote

VICTIM, ATTACKER = 2, 3
MODELS = {VICTIM: Model()}
TRUE, LIE, NONE = ok(90, 45), ok(90, 5), verdict(Verdict.UNAVAILABLE)
THIRD = 4
"""Seats that keep the other seven of eleven from a quorum, and not the other eleven of fifteen."""


def split(
    pole: Pole, round_id: int, own: Vote, theirs: list[str], count: int = THIRD
) -> tuple[list[str], list[str]]:
    """Let so many seats vote their own, of `theirs` where they can, and all others the truth; return both."""
    members = stage.draw(pole, round_id)
    liars = sorted(members, key=lambda member: member not in theirs)[:count]
    # Fingerprints bind to the attempt.
    truth = ok(90, 45, mark=2 + stage.field(pole.chain.round(round_id), "attempt"))
    votes = {member: [own if member in liars else truth] for member in members}
    stage.commit_votes(pole, round_id, votes)
    stage.reveal_votes(pole, round_id, votes)
    return liars, [member for member in members if member not in liars]


def harmed(pole: Pole, attackers: list[str]) -> list[str]:
    """Return the seats that are not the attacker's and lost stake, seat or standing."""
    everybody = [str(accounts[n]) for n in at.SEATS]
    standing = {seat: pole.committee.stakeOf(seat) for seat in everybody if seat not in attackers}
    return [seat for seat, stake in standing.items() if stake != (at.SEAT, True, 0, 0)]


@pytest.mark.parametrize("own", [NONE, ok(1, 1)], ids=["abstaining", "lying"])
def test_a_true_tally_that_a_liar_challenges_stands_though_a_third_keeps_the_next_from_a_quorum(
    devnet: Pole, own: Vote
) -> None:
    ledger = books.opened(devnet)
    round_id = stage.revealed(devnet, MODELS, **at.TASK)
    first = stage.vote(devnet, round_id, {VICTIM: TRUE})
    stage.challenge(devnet, round_id, by=ATTACKER)
    liars, honest = split(devnet, round_id, own, [])
    assert (len(first), len(liars), len(honest)) == (5, 4, 7)
    used = at.end(devnet, round_id)
    pot = at.VERIFICATION_FEE + at.FIRST_BOND
    part = pot // 16
    theirs = sum(member in liars for member in first)
    gains = ledger.gains(victim=VICTIM, attacker=[ATTACKER, *liars], verifiers=at.SEATS)
    assert gains == at.lot(used) | {
        "victim": at.PRIZE,
        "attacker": -at.FIRST_BOND + theirs * part,
        "verifiers": (12 - theirs) * part,
        "pool": at.lot(used)["pool"] + pot - 12 * part,
    }
    assert harmed(devnet, liars) == []


def test_a_lie_that_more_than_half_contradict_does_not_stand_and_costs_no_honest_seat_anything(
    devnet: Pole,
) -> None:
    ledger = books.opened(devnet)
    round_id = stage.revealed(devnet, MODELS, **at.TASK)
    captured = stage.vote(devnet, round_id, {VICTIM: LIE})
    stage.challenge(devnet, round_id, by=VICTIM)
    liars, _ = split(devnet, round_id, NONE, captured)
    (found,) = devnet.committee.findings(stage.ballot(devnet, round_id))
    assert Verdict(found[0]) is Verdict.NONE
    used = at.end(devnet, round_id)
    assert stage.void_reason(devnet, round_id) is VoidReason.NO_QUORUM
    gains = ledger.gains(victim=VICTIM, attacker=[*captured, *liars], verifiers=at.SEATS)
    # Nobody was right, so the pool has what the honest challenger paid.
    assert gains == {
        "data_node": -at.FEE - used,
        "victim": -at.FIRST_BOND,
        "pool": at.FEE + used + at.FIRST_BOND,
    }
    assert harmed(devnet, [*captured, *liars]) == []


def test_a_second_challenge_finds_the_truth_that_a_third_kept_from_the_first_one(devnet: Pole) -> None:
    ledger = books.opened(devnet)
    round_id = stage.revealed(devnet, MODELS, **at.TASK)
    captured = stage.vote(devnet, round_id, {VICTIM: LIE})
    stage.challenge(devnet, round_id, by=VICTIM)
    liars, second = split(devnet, round_id, NONE, captured)
    stage.challenge(devnet, round_id, by=VICTIM)
    last, third = split(devnet, round_id, NONE, liars)
    assert (len(second), len(third)) == (7, 11)
    used = at.end(devnet, round_id)
    attackers = {*captured, *liars, *last}
    lost = len(captured) * at.PENALTY
    # The lie is contradicted, so its challenge is free; that of a tally without a finding is spent.
    pot = at.VERIFICATION_FEE + at.SECOND_BOND + lost
    part = pot // 31
    theirs = sum(member in attackers for member in (*second, *third))
    gains = ledger.gains(victim=VICTIM, attacker=list(attackers), verifiers=at.SEATS)
    assert gains == at.lot(used) | {
        "victim": at.PRIZE - at.SECOND_BOND,
        "attacker": theirs * part - lost,
        "verifiers": (18 - theirs) * part,
        "pool": at.lot(used)["pool"] + pot - 18 * part,
    }
    assert harmed(devnet, list(attackers)) == []


def test_a_lie_that_no_later_committee_found_costs_nobody_anything_who_contradicted_it_in_between(
    devnet: Pole,
) -> None:
    round_id = stage.revealed(devnet, MODELS, **at.TASK)
    captured = stage.vote(devnet, round_id, {VICTIM: LIE})
    stage.challenge(devnet, round_id, by=VICTIM)
    abstaining, honest = split(devnet, round_id, NONE, captured, 6)
    stage.challenge(devnet, round_id, by=VICTIM)
    others = [str(accounts[n]) for n in at.SEATS if str(accounts[n]) not in honest]
    still, again = split(devnet, round_id, NONE, others, 10)
    assert sorted(again) == sorted(honest)
    at.end(devnet, round_id)
    # The lie stands: only committees that abstained came after it.
    assert stage.void_reason(devnet, round_id) is VoidReason.NONE_QUALIFIED
    assert harmed(devnet, [*captured, *abstaining, *still]) == []
