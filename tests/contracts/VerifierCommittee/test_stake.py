"""Taking a seat, giving it up, and getting the stake back."""

from brownie import accounts, chain
from tests.contracts import stage
from tests.contracts.stage import COMMITTEE, ETHER, STRANGER, Model, Pole, refused

LONGEST = 2**64 - 1


def test_a_seat_costs_exactly_its_stake(pole: Pole) -> None:
    for sent in (ETHER - 1, ETHER + 1, 0):
        with refused("WrongStake", sent, ETHER):
            pole.committee.stake.call({"from": accounts[STRANGER], "value": sent})


def test_one_wallet_holds_one_seat(pole: Pole) -> None:
    with refused("AlreadySeated", accounts[8]):
        pole.committee.stake.call({"from": accounts[8], "value": ETHER})


def test_who_has_no_seat_gives_none_up_and_reclaims_nothing(pole: Pole) -> None:
    with refused("NotStaked", accounts[STRANGER]):
        pole.committee.unstake.call({"from": accounts[STRANGER]})
    with refused("NotStaked", accounts[STRANGER]):
        pole.committee.reclaim.call({"from": accounts[STRANGER]})


def test_a_stake_is_bound_while_seated_and_while_unbonding(pole: Pole) -> None:
    with refused("StakeBound", accounts[8], 0):
        pole.committee.reclaim.call({"from": accounts[8]})
    pole.committee.unstake({"from": accounts[8]})
    until = chain[-1].timestamp + COMMITTEE["unbondingTime"]
    assert pole.committee.stakeOf(accounts[8]) == (ETHER, False, until)
    chain.mine(timestamp=until - 1)
    with refused("StakeBound", accounts[8], until):
        pole.committee.reclaim.call({"from": accounts[8]})
    chain.mine(timestamp=until)
    pole.committee.reclaim({"from": accounts[8]})
    assert stage.credit(pole, 8) == ETHER
    assert pole.committee.stakeOf(accounts[8])[0] == 0
    with refused("NotStaked", accounts[8]):
        pole.committee.reclaim.call({"from": accounts[8]})


def test_a_seat_given_up_can_be_taken_again_for_nothing_more(pole: Pole) -> None:
    pole.committee.unstake({"from": accounts[8]})
    with refused("WrongStake", ETHER, 0):
        pole.committee.stake.call({"from": accounts[8], "value": ETHER})
    pole.committee.stake({"from": accounts[8], "value": 0})
    assert pole.committee.stakeOf(accounts[8]) == (ETHER, True, 0)


def test_a_drawn_member_owes_its_vote_even_without_its_seat(pole: Pole) -> None:
    models = {2: Model()}
    round_id = stage.revealed(pole, models)
    members = stage.draw(pole, round_id)
    pole.committee.unstake({"from": members[0]})
    stage.wait(COMMITTEE["unbondingTime"])
    with refused("StakeBound", members[0], LONGEST):
        pole.committee.reclaim.call({"from": members[0]})
    stage.finalise(pole, round_id)
    assert pole.committee.stakeOf(members[0])[0] == ETHER - COMMITTEE["penalty"]
    pole.committee.reclaim({"from": members[0]})
    assert pole.reservoir.creditOf(members[0]) == ETHER - COMMITTEE["penalty"]


def test_nobody_gives_a_seat_up_while_a_draw_is_armed(pole: Pole) -> None:
    round_id = stage.revealed(pole, {2: Model()})
    pole.chain.armDraw(round_id, {"from": accounts[0]})
    chain.mine(2)
    with refused("StakeBound", accounts[8], LONGEST):
        pole.committee.unstake.call({"from": accounts[8]})
    pole.chain.drawCommittee(round_id, {"from": accounts[0]})
    pole.committee.unstake({"from": accounts[8]})


def test_seats_are_free_again_when_the_hash_of_an_armed_draw_is_lost(pole: Pole) -> None:
    round_id = stage.revealed(pole, {2: Model()})
    pole.chain.armDraw(round_id, {"from": accounts[0]})
    last = pole.chain.round(round_id).dict()["drawBlock"] + 256
    chain.mine(last - chain.height)
    with refused("StakeBound", accounts[8], LONGEST):
        pole.committee.unstake.call({"from": accounts[8]})
    chain.mine()
    pole.committee.unstake({"from": accounts[8]})


def test_only_the_chain_matures_freezes_draws_keeps_and_settles(pole: Pole) -> None:
    stranger = {"from": accounts[STRANGER]}
    with refused("NotChain", accounts[STRANGER]):
        pole.committee.matureSeats.call(stranger)
    with refused("NotChain", accounts[STRANGER]):
        pole.committee.freezeSeats.call(1, stranger)
    with refused("NotChain", accounts[STRANGER]):
        pole.committee.draw.call(4, b"\x01" * 32, 3, 1, 3, [], 1, 10, 10, stranger)
    with refused("NotChain", accounts[STRANGER]):
        pole.committee.settle.call(4, [], 0, stage.POOL, 4, stage.ZERO, stranger)
    with refused("NotChain", accounts[STRANGER]):
        pole.committee.keepFindings.call(4, stranger)


def test_a_seat_matures_when_the_next_round_opens(pole: Pole) -> None:
    assert pole.committee.seatCount() == (8, 0)
    stage.post(pole)
    stage.open_round(pole)
    assert pole.committee.seatCount() == (8, 8)
    pole.committee.stake({"from": accounts[STRANGER], "value": ETHER})
    assert pole.committee.seatCount() == (9, 8)


def test_leaving_keeps_the_mature_seats_in_front(pole: Pole) -> None:
    stage.post(pole)
    stage.open_round(pole)
    for late in (2, 3):
        pole.committee.stake({"from": accounts[late], "value": ETHER})
    pole.committee.unstake({"from": accounts[9]})
    seats = [pole.committee.seatAt(index) for index in range(9)]
    assert seats == [accounts[n] for n in (8, 15, 10, 11, 12, 13, 14, 3, 2)]
    assert pole.committee.seatCount() == (9, 7)
