"""Taking a seat, giving it up, and getting the stake back."""

from brownie import accounts, chain
from tests.contracts import stage
from tests.contracts.stage import CHAIN, COMMITTEE, PENALTY, SEAT, STRANGER, Model, Pole, refused

AGE = COMMITTEE["seatAge"]


def seats_at(pole: Pole, time: int) -> list[str]:
    return [pole.committee.seatAt(time, index) for index in range(pole.committee.seatsAt(time))]


def test_a_seat_costs_exactly_its_stake(pole: Pole) -> None:
    for sent in (SEAT - 1, SEAT + 1, 0):
        with refused("WrongStake", sent, SEAT):
            pole.committee.stake.call({"from": accounts[STRANGER], "value": sent})


def test_one_wallet_holds_one_seat(pole: Pole) -> None:
    with refused("AlreadySeated", accounts[8]):
        pole.committee.stake.call({"from": accounts[8], "value": SEAT})


def test_who_has_no_seat_gives_none_up_and_reclaims_nothing(pole: Pole) -> None:
    with refused("NotStaked", accounts[STRANGER]):
        pole.committee.unstake.call({"from": accounts[STRANGER]})
    with refused("NotStaked", accounts[STRANGER]):
        pole.committee.reclaim.call({"from": accounts[STRANGER]})


def test_a_stake_is_bound_while_seated_and_while_the_seat_can_still_be_drawn(pole: Pole) -> None:
    with refused("StakeBound", accounts[8], 0):
        pole.committee.reclaim.call({"from": accounts[8]})
    pole.committee.unstake({"from": accounts[8]})
    left = chain[-1].timestamp
    assert pole.committee.stakeOf(accounts[8]) == (SEAT, False, left, 0)
    chain.mine(timestamp=left + AGE)
    with refused("StakeBound", accounts[8], left + AGE):
        pole.committee.reclaim.call({"from": accounts[8]})
    chain.mine(timestamp=left + AGE + 1)
    pole.committee.reclaim({"from": accounts[8]})
    assert stage.credit(pole, 8) == SEAT
    assert pole.committee.stakeOf(accounts[8])[0] == 0
    with refused("NotStaked", accounts[8]):
        pole.committee.reclaim.call({"from": accounts[8]})


def test_a_round_that_opened_before_the_seat_was_too_old_binds_the_stake_and_a_later_one_does_not(
    pole: Pole,
) -> None:
    stage.post(pole)
    stage.post(pole)
    pole.committee.unstake({"from": accounts[8]})
    left = chain[-1].timestamp
    early = stage.open_round_at(pole, left + AGE)
    late = stage.open_round_at(pole, left + AGE + 1, 1)
    stage.draw(pole, early)
    stage.wait(CHAIN["keyWindow"])
    with refused("StakeBound", accounts[8], left + AGE):
        pole.committee.reclaim.call({"from": accounts[8]})
    stage.finalise(pole, early)
    assert pole.chain.oldestOpening() == stage.field(pole.chain.round(late), "openedAt") > left + AGE
    pole.committee.reclaim({"from": accounts[8]})
    assert stage.credit(pole, 8) == SEAT


def test_a_seat_given_up_can_be_taken_again_for_nothing_more(pole: Pole) -> None:
    pole.committee.unstake({"from": accounts[8]})
    with refused("WrongStake", SEAT, 0):
        pole.committee.stake.call({"from": accounts[8], "value": SEAT})
    pole.committee.stake({"from": accounts[8], "value": 0})
    assert pole.committee.stakeOf(accounts[8]) == (SEAT, True, 0, 0)


def test_a_drawn_member_owes_its_vote_even_without_its_seat(pole: Pole) -> None:
    round_id = stage.revealed(pole, {2: Model()})
    members = stage.draw(pole, round_id)
    pole.committee.unstake({"from": members[0]})
    left = chain[-1].timestamp
    stage.wait(AGE)
    stage.end_votes(pole, round_id)
    with refused("StakeBound", members[0], left + AGE):
        pole.committee.reclaim.call({"from": members[0]})
    stage.finalise(pole, round_id)
    assert pole.committee.stakeOf(members[0])[0] == SEAT - PENALTY
    pole.committee.reclaim({"from": members[0]})
    assert pole.reservoir.creditOf(members[0]) == SEAT - PENALTY


def test_only_the_chain_draws_and_settles(pole: Pole) -> None:
    stranger = {"from": accounts[STRANGER]}
    summons: tuple[object, ...] = (1, 3, 1, 1, 1, [], 10, 10, 4)
    with refused("NotChain", accounts[STRANGER]):
        pole.committee.draw.call(8, b"\x01" * 32, summons, stranger)
    with refused("NotChain", accounts[STRANGER]):
        pole.committee.settle.call(8, [], 0, stranger)


def test_seats_of_a_time_stay_as_they_were_whoever_comes_and_goes(pole: Pole) -> None:
    before = chain[-1].timestamp
    seated = [accounts[n] for n in stage.VERIFIERS]
    assert seats_at(pole, before) == seated
    chain.sleep(10)
    pole.committee.unstake({"from": accounts[9]})
    left = chain[-1].timestamp
    chain.sleep(10)
    stage.take_seat(pole, 2)
    pole.committee.unstake({"from": accounts[15]})
    chain.sleep(10)
    chain.mine()
    # The last seat moves to the place that is left.
    assert seats_at(pole, left) == [accounts[n] for n in (8, 15, 10, 11, 12, 13, 14)]
    assert seats_at(pole, chain[-1].timestamp - 1) == [accounts[n] for n in (8, 2, 10, 11, 12, 13, 14)]
    assert seats_at(pole, left - 1) == seats_at(pole, before) == seated
    assert pole.committee.seatsAt(1) == 0


def test_who_leaves_and_comes_back_starts_its_age_anew(pole: Pole) -> None:
    pole.committee.unstake({"from": accounts[8]})
    chain.sleep(AGE)
    pole.committee.stake({"from": accounts[8], "value": 0})
    came = chain[-1].timestamp
    chain.mine()
    assert accounts[8] not in seats_at(pole, came - 1)
    chain.mine(timestamp=chain.time() + 2)
    assert accounts[8] in seats_at(pole, came)
