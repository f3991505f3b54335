"""Attempts to choose the committee: by waiting, arming, staking and leaving."""

import pytest
from brownie import accounts, chain
from tests.contracts import stage
from tests.contracts.attacks import books, parties
from tests.contracts.attacks.books import Books
from tests.contracts.attacks.parties import LOT, PRIZE, sent
from tests.contracts.stage import ETHER, STRANGER, VERIFIERS, Model, Pole, refused

VICTIM = 2
MODELS = {VICTIM: Model()}
LATECOMERS = (3, 4, 5, 6, 7, 17, 18, 19)


@pytest.fixture
def ready(pole: Pole) -> tuple[Books, int]:
    """Return the books and a round that waits for its draw."""
    ledger = books.opened(pole)
    return ledger, stage.revealed(pole, MODELS)


def test_a_draw_that_nobody_interested_arms_is_armed_by_a_stranger(
    pole: Pole, ready: tuple[Books, int]
) -> None:
    ledger, round_id = ready
    stage.wait(10**6)
    chain.mine(300)
    pole.chain.armDraw(round_id, sent(STRANGER))
    chain.mine(2)
    pole.chain.drawCommittee(round_id, sent(STRANGER))
    members = pole.committee.members(stage.ballot(pole, round_id))
    votes = {member: [stage.ok(90, 45)] for member in members}
    stage.commit_votes(pole, round_id, votes)
    stage.reveal_votes(pole, round_id, votes)
    stage.finalise(pole, round_id)
    assert ledger.gains(victim=VICTIM) == LOT | {"victim": PRIZE}


def test_who_draws_and_when_changes_nothing(pole: Pole, ready: tuple[Books, int]) -> None:
    _, round_id = ready
    pole.chain.armDraw(round_id, sent(0))
    chain.mine(2)
    pole.chain.drawCommittee(round_id, sent(0))
    first = pole.committee.members(stage.ballot(pole, round_id))
    chain.undo()
    chain.mine(200)
    pole.chain.drawCommittee(round_id, sent(STRANGER))
    assert pole.committee.members(stage.ballot(pole, round_id)) == first


def test_who_dislikes_a_hash_cannot_arm_again_while_anybody_can_draw_with_it(
    pole: Pole, ready: tuple[Books, int]
) -> None:
    _, round_id = ready
    pole.chain.armDraw(round_id, sent(3))
    armed = stage.field(pole.chain.round(round_id), "drawBlock")
    chain.mine(2)
    for _ in range(3):
        chain.mine(80)
        with refused("DrawPending", round_id, armed):
            pole.chain.armDraw(round_id, sent(3))
    pole.chain.drawCommittee(round_id, sent(STRANGER))
    assert len(pole.committee.members(stage.ballot(pole, round_id))) == 4


def test_seats_taken_once_the_seed_is_known_are_not_in_the_draw(pole: Pole, ready: tuple[Books, int]) -> None:
    _, round_id = ready
    for latecomer in LATECOMERS:
        pole.committee.stake(sent(latecomer, ETHER))
    assert pole.committee.seatCount() == (16, 8)
    members = stage.draw(pole, round_id)
    assert not {str(accounts[n]) for n in LATECOMERS} & set(members)


def test_seats_left_and_taken_again_once_the_seed_is_known_are_not_in_the_draw(
    pole: Pole, ready: tuple[Books, int]
) -> None:
    _, round_id = ready
    again = [*VERIFIERS][:3]
    for verifier in again:
        pole.committee.unstake(sent(verifier))
        pole.committee.stake(sent(verifier))
    members = stage.draw(pole, round_id)
    assert not {str(accounts[n]) for n in again} & set(members)


def test_nobody_leaves_between_the_hash_and_the_draw_to_change_whom_it_draws(
    pole: Pole, ready: tuple[Books, int]
) -> None:
    _, round_id = ready
    pole.chain.armDraw(round_id, sent(0))
    chain.mine(2)
    for verifier in VERIFIERS:
        with refused("StakeBound", accounts[verifier], 2**64 - 1):
            pole.committee.unstake(sent(verifier))
    pole.chain.drawCommittee(round_id, sent(0))


def test_a_seat_given_up_before_arming_makes_room_for_others_and_earns_nothing(
    pole: Pole, ready: tuple[Books, int]
) -> None:
    ledger, round_id = ready
    for verifier in [*VERIFIERS][:4]:
        pole.committee.unstake(sent(verifier))
    members = parties.judged_fairly(pole, round_id, MODELS)
    assert set(members) == {str(accounts[n]) for n in [*VERIFIERS][4:]}
    assert ledger.gains(victim=VICTIM) == LOT | {"victim": PRIZE}


def test_who_leaves_after_being_drawn_still_owes_its_vote_and_pays(
    pole: Pole, ready: tuple[Books, int]
) -> None:
    ledger, round_id = ready
    members = stage.draw(pole, round_id)
    pole.committee.unstake({"from": members[0]})
    stage.wait(stage.CHAIN["voteCommitWindow"])
    stage.finalise(pole, round_id)
    gains = ledger.gains(deserter=members[0])
    assert gains["deserter"] == -parties.PENALTY
