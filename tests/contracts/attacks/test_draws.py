"""Attempts to choose who judges: by waiting, arming, trying headers, staking and leaving."""

import pytest
from brownie import accounts, chain
from tests.contracts import stage
from tests.contracts.attacks import books, parties
from tests.contracts.attacks import devnet as at
from tests.contracts.attacks.books import Books
from tests.contracts.attacks.parties import LOT, PRIZE, sent
from tests.contracts.stage import (
    CHAIN,
    COMMITTEE,
    DATA_NODE,
    ETHER,
    PENALTY,
    STRANGER,
    VERIFIERS,
    Model,
    Pole,
    refused,
)

from pole.protocol.state import Phase, VoidReason

VICTIM = 2
MODELS = {VICTIM: Model()}
LATECOMERS = (3, 4, 5, 6, 7, 17, 18, 19)


@pytest.fixture
def ready(pole: Pole) -> tuple[Books, int]:
    """Return the books and a round that waits for its draw."""
    ledger = books.opened(pole)
    return ledger, stage.revealed(pole, MODELS)


def test_a_draw_that_nobody_interested_makes_is_made_by_a_stranger(
    pole: Pole, ready: tuple[Books, int]
) -> None:
    ledger, round_id = ready
    stage.wait(10**6)
    chain.mine(300)
    pole.chain.arm(round_id, sent(STRANGER))
    header = stage.mine_named(pole, round_id)
    pole.chain.draw(round_id, header, sent(STRANGER))
    members = pole.committee.members(stage.ballot(pole, round_id))
    votes = {member: [stage.ok(90, 45)] for member in members}
    stage.commit_votes(pole, round_id, votes)
    stage.reveal_votes(pole, round_id, votes)
    stage.finalise(pole, round_id)
    assert ledger.gains(victim=VICTIM) == LOT | {"victim": PRIZE}


def test_who_draws_and_when_changes_nothing(pole: Pole, ready: tuple[Books, int]) -> None:
    _, round_id = ready
    header = stage.mine_named(pole, round_id)
    pole.chain.draw(round_id, header, sent(0))
    first = pole.committee.members(stage.ballot(pole, round_id))
    chain.undo()
    chain.mine(200)
    pole.chain.draw(round_id, header, sent(STRANGER))
    assert pole.committee.members(stage.ballot(pole, round_id)) == first


def test_who_dislikes_a_mix_names_no_other_block_while_anybody_can_draw_with_it(
    pole: Pole, ready: tuple[Books, int]
) -> None:
    _, round_id = ready
    named = stage.field(pole.chain.round(round_id), "drawBlock")
    chain.mine(2)
    for _ in range(3):
        chain.mine(80)
        with refused("DrawPending", round_id, named):
            pole.chain.arm(round_id, sent(3))
    pole.chain.draw(round_id, stage.header_of(named), sent(STRANGER))
    assert len(pole.committee.members(stage.ballot(pole, round_id))) == 4


def test_seats_taken_once_the_round_is_open_are_not_in_the_draw(pole: Pole, ready: tuple[Books, int]) -> None:
    _, round_id = ready
    for latecomer in LATECOMERS:
        stage.take_seat(pole, latecomer)
    stage.wait(COMMITTEE["seatAge"])
    members = stage.draw(pole, round_id)
    assert not {str(accounts[n]) for n in LATECOMERS} & set(members)


def test_nobody_leaves_between_the_mix_and_the_draw_to_change_whom_it_draws(pole: Pole) -> None:
    round_id = stage.revealed(pole, MODELS)
    header = stage.mine_named(pole, round_id)
    pole.chain.draw(round_id, header, sent(0))
    foreseen = pole.committee.members(stage.ballot(pole, round_id))
    chain.undo()
    for verifier in VERIFIERS:
        pole.committee.unstake(sent(verifier))
    stage.wait(COMMITTEE["seatAge"])
    pole.chain.draw(round_id, header, sent(0))
    assert pole.committee.members(stage.ballot(pole, round_id)) == foreseen


def test_who_leaves_before_its_round_opens_sits_while_it_was_seated_long_enough_before(pole: Pole) -> None:
    for verifier in VERIFIERS:
        pole.committee.unstake(sent(verifier))
    round_id = stage.revealed(pole, MODELS)
    assert len(stage.draw(pole, round_id)) == CHAIN["committeeSize"]


def test_who_leaves_after_being_drawn_still_owes_its_vote_and_pays(
    pole: Pole, ready: tuple[Books, int]
) -> None:
    ledger, round_id = ready
    members = stage.draw(pole, round_id)
    pole.committee.unstake({"from": members[0]})
    stage.end_votes(pole, round_id)
    stage.finalise(pole, round_id)
    gains = ledger.gains(deserter=members[0])
    assert gains["deserter"] == -PENALTY


def test_a_draw_by_the_header_of_any_other_block_is_refused(pole: Pole, ready: tuple[Books, int]) -> None:
    ledger, round_id = ready
    named = stage.field(pole.chain.round(round_id), "drawBlock")
    chain.mine(10)
    for number in (named - 2, named - 1, named + 1, named + 7):
        with refused("WrongHeader", named):
            pole.chain.draw(round_id, stage.header_of(number), sent(3))
    parties.judged_fairly(pole, round_id, MODELS)
    assert stage.phase(pole, round_id) is Phase.FINAL
    assert ledger.gains(victim=VICTIM) == LOT | {"victim": PRIZE}


def test_a_seat_of_a_data_node_that_asks_for_all_seats_does_not_void_its_round_once_models_are_shown(
    devnet: Pole,
) -> None:
    stage.take_seat(devnet, DATA_NODE)
    stage.wait(at.RULES.committee.seat_age)
    seats = len(at.SEATS) + 1
    terms = at.TASK | {"reward": seats * at.RULES.chain.reward_per_seat, "fee": ETHER}
    ledger = books.opened(devnet)
    round_id = stage.revealed(devnet, MODELS, **terms)
    members = stage.vote(devnet, round_id, stage.as_claimed(MODELS))
    assert len(members) == seats - 1
    at.end(devnet, round_id, **terms)
    assert stage.phase(devnet, round_id) is Phase.FINAL
    fee = terms["reward"] * at.RULES.chain.verification_fee_bps // 10_000
    assert ledger.gains(victim=VICTIM)["victim"] == terms["reward"] - fee + at.BLOCK_REWARD


def test_where_fewer_seats_can_sit_than_the_smallest_committee_has_nobody_judges(pole: Pole) -> None:
    for verifier in VERIFIERS[CHAIN["minCommittee"] - 1 :]:
        pole.committee.unstake(sent(verifier))
    stage.take_seat(pole, DATA_NODE)
    stage.wait(COMMITTEE["seatAge"] + 1)
    round_id = stage.revealed(pole, MODELS)
    assert stage.draw(pole, round_id) == []
    stage.finalise(pole, round_id)
    assert stage.void_reason(pole, round_id) is VoidReason.COMMITTEE_TOO_SMALL
