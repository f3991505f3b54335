"""Serving a file to some and not to others, now and not then: nobody honest loses, nobody gains."""

import pytest
from brownie import accounts
from tests.contracts import stage
from tests.contracts.attacks import books
from tests.contracts.attacks import devnet as at
from tests.contracts.stage import DATA_NODE, Model, Pole, ok, verdict

from pole.protocol.state import Verdict, VoidReason, Vote

MINER, ACCOMPLICE, VICTIM = 3, 4, 2
MODEL = {MINER: Model()}
TRUE = {MINER: ok(90, 45)}
LOST = {MINER: verdict(Verdict.UNAVAILABLE)}
NO_DATA = {MINER: verdict(Verdict.DATA_UNAVAILABLE)}


def stakes(pole: Pole) -> int:
    return sum(pole.committee.stakeOf(accounts[n])[0] for n in at.SEATS)


@pytest.mark.parametrize("lost", [LOST, NO_DATA], ids=["model", "data"])
def test_what_is_withheld_until_a_challenge_costs_its_maker_the_challenge_and_no_verifier_anything(
    devnet: Pole, lost: dict[int, Vote]
) -> None:
    ledger = books.opened(devnet)
    round_id = stage.revealed(devnet, MODEL, **at.TASK)
    first = stage.vote(devnet, round_id, lost)
    stage.challenge(devnet, round_id, by=ACCOMPLICE)
    second = stage.vote(devnet, round_id, TRUE)
    used = at.end(devnet, round_id)
    assert (len(first), len(second)) == (5, 11)
    part = (at.VERIFICATION_FEE + at.FIRST_BOND) // 16
    rest = at.VERIFICATION_FEE + at.FIRST_BOND - 11 * part
    assert ledger.gains(attacker=[MINER, ACCOMPLICE], verifiers=at.SEATS) == at.lot(used) | {
        "attacker": at.PRIZE - at.FIRST_BOND,
        "verifiers": 11 * part,
        "pool": at.lot(used)["pool"] + rest,
    }
    assert stakes(devnet) == len(at.SEATS) * at.SEAT


@pytest.mark.parametrize(
    ("lost", "data_node"), [(Verdict.UNAVAILABLE, 0), (Verdict.DATA_UNAVAILABLE, DATA_NODE)]
)
def test_what_is_served_first_and_withdrawn_at_a_challenge_costs_the_challenge_and_undoes_no_truth(
    devnet: Pole, lost: Verdict, data_node: int
) -> None:
    ledger = books.opened(devnet)
    round_id = stage.revealed(devnet, {VICTIM: Model()}, **at.TASK)
    stage.vote(devnet, round_id, {VICTIM: ok(90, 45)})
    stage.challenge(devnet, round_id, by=ACCOMPLICE)
    stage.vote(devnet, round_id, {VICTIM: verdict(lost)})
    used = at.end(devnet, round_id)
    pot = at.VERIFICATION_FEE + at.FIRST_BOND
    paid = 5 * (pot // 16)
    gains = ledger.gains(attacker=[data_node, ACCOMPLICE], victim=VICTIM, verifiers=at.SEATS)
    owner = at.lot(used)["data_node"]
    assert gains == {
        **({} if data_node else {"data_node": owner}),
        "attacker": -at.FIRST_BOND + (owner if data_node else 0),
        "victim": at.PRIZE,
        "verifiers": paid,
        "pool": at.lot(used)["pool"] + pot - paid,
    }
    assert stakes(devnet) == len(at.SEATS) * at.SEAT


def test_a_model_served_to_four_of_five_costs_the_fifth_its_part_of_the_fee_and_a_strike(
    devnet: Pole,
) -> None:
    ledger = books.opened(devnet)
    round_id = stage.revealed(devnet, MODEL, **at.TASK)
    members = stage.vote(devnet, round_id, TRUE, m4=LOST)
    used = at.end(devnet, round_id)
    part = at.VERIFICATION_FEE // 5
    assert ledger.gains(attacker=MINER, victim=members[4], verifiers=at.SEATS) == at.lot(used) | {
        "attacker": at.PRIZE,
        "verifiers": 4 * part,
        "pool": at.lot(used)["pool"] + part,
    }
    assert devnet.committee.stakeOf(members[4]) == (at.SEAT, True, 0, 1)


def test_a_model_served_to_one_of_five_costs_its_miner_the_bond_and_the_one_nothing(devnet: Pole) -> None:
    ledger = books.opened(devnet)
    round_id = stage.revealed(devnet, MODEL, **at.TASK)
    members = stage.vote(devnet, round_id, LOST, m0=TRUE)
    used = at.end(devnet, round_id)
    assert ledger.gains(attacker=MINER, victim=members[0], verifiers=at.SEATS) == {
        "data_node": -at.FEE - used,
        "attacker": -at.READY_BOND,
        "pool": at.FEE + used + at.READY_BOND,
    }
    assert devnet.committee.stakeOf(members[0]) == (at.SEAT, True, 0, 0)


def test_a_committee_that_is_split_by_serving_half_of_it_pays_nobody_and_costs_nobody(devnet: Pole) -> None:
    ledger = books.opened(devnet)
    round_id = stage.revealed(devnet, MODEL, **at.TASK)
    stage.vote(devnet, round_id, TRUE, m3=LOST, m4=LOST)
    used = at.end(devnet, round_id)
    assert stage.void_reason(devnet, round_id) is VoidReason.NO_QUORUM
    gains = ledger.gains(attacker=MINER, verifiers=at.SEATS)
    assert gains == {"data_node": -at.FEE - used, "pool": at.FEE + used}


def test_who_calls_all_seats_over_a_model_that_it_serves_to_some_pays_all_of_them(devnet: Pole) -> None:
    ledger = books.opened(devnet)
    round_id = stage.revealed(devnet, MODEL, **at.TASK)
    stage.vote(devnet, round_id, TRUE, m3=LOST, m4=LOST)
    stage.challenge(devnet, round_id, by=ACCOMPLICE)
    stage.vote(devnet, round_id, TRUE, m0=LOST, m1=LOST, m2=LOST, m3=LOST)
    stage.challenge(devnet, round_id, by=ACCOMPLICE)
    assert len(stage.vote(devnet, round_id, TRUE)) == 15
    used = at.end(devnet, round_id)
    called = at.FIRST_BOND + at.SECOND_BOND
    part = (at.VERIFICATION_FEE + called) // 31
    rest = at.VERIFICATION_FEE + called - (3 + 7 + 15) * part
    assert ledger.gains(attacker=[MINER, ACCOMPLICE], verifiers=at.SEATS) == at.lot(used) | {
        "attacker": at.PRIZE - called,
        "verifiers": 25 * part,
        "pool": at.lot(used)["pool"] + rest,
    }
