"""A chain below that stands still in a window of votes or of the test set: nobody honest loses anything."""

import pytest
from brownie import accounts, chain
from tests.contracts import stage
from tests.contracts.attacks import books, parties
from tests.contracts.attacks.books import Books
from tests.contracts.attacks.parties import COMPENSATED, LOT, PRIZE, sent
from tests.contracts.stage import PENALTY, VERIFICATION_FEE, Model, Pole, ok, refused

from pole.protocol.state import BallotStage, Phase

VICTIM, ATTACKER = 2, 3
MODELS = {VICTIM: Model()}
UNTESTED = {VICTIM: Model(test=0)}
TRUE = [ok(90, 45)]
HALT = 10**6


@pytest.fixture(scope="module")
def patient_deployed(deployed: Pole) -> Pole:
    """Return contracts whose windows last as many blocks as everybody's steps, one in a block, take."""
    return stage.set_up(chain={"windowBlocks": 12})


@pytest.fixture
def patient(patient_deployed: Pole, isolation: None) -> Pole:
    return patient_deployed


@pytest.fixture
def ledger(patient: Pole) -> Books:
    return books.opened(patient)


def halt(pole: Pole, round_id: int) -> None:
    """Let eleven days pass without a block but the one that ends them; whoever tries ends no window then."""
    chain.sleep(HALT)
    chain.mine()
    ballot = stage.ballot(pole, round_id)
    if stage.stage_of(pole, ballot) is not BallotStage.NONE:
        with refused("VotesAwaited"):
            pole.committee.endVotes.call(ballot, sent(ATTACKER))


def with_one_absent() -> dict[str, int]:
    """Return the gains of a round of which one seat of four stays away."""
    paid = VERIFICATION_FEE // 4 * 3
    pool = LOT["pool"] + PENALTY + VERIFICATION_FEE - paid
    return LOT | {"victim": PRIZE, "verifiers": paid, "absent": -PENALTY, "pool": pool}


def test_a_halt_in_either_window_of_votes_costs_nobody_that_votes_when_the_chain_goes_on(
    patient: Pole, ledger: Books
) -> None:
    round_id = stage.revealed(patient, MODELS)
    absent, *members = stage.draw(patient, round_id)
    votes = dict.fromkeys(members, TRUE)
    halt(patient, round_id)
    stage.commit_votes(patient, round_id, votes)
    # The attacker ends the commitments as soon as it can; the reveals have their whole window from there.
    stage.end_votes(patient, round_id)
    halt(patient, round_id)
    stage.reveal_votes(patient, round_id, votes)
    stage.finalise(patient, round_id)
    assert ledger.gains(victim=VICTIM, absent=absent) == with_one_absent()


def test_votes_later_than_their_windows_count_where_nobody_ended_them(patient: Pole, ledger: Books) -> None:
    round_id = stage.revealed(patient, MODELS)
    absent, *members = stage.draw(patient, round_id)
    votes = dict.fromkeys(members, TRUE)
    for step in (stage.commit_votes, stage.reveal_votes):
        chain.sleep(HALT)
        chain.mine(20)
        step(patient, round_id, votes)
        if step is stage.commit_votes:
            stage.end_votes(patient, round_id)
    stage.finalise(patient, round_id)
    assert ledger.gains(victim=VICTIM, absent=absent) == with_one_absent()


def test_a_halt_after_a_test_set_that_never_came_costs_no_miner_its_reveal(
    patient: Pole, ledger: Books
) -> None:
    round_id = stage.training(patient)
    stage.commit(patient, round_id, VICTIM, UNTESTED[VICTIM])
    stage.close(patient, round_id)
    stage.end_test_release(patient, round_id)
    halt(patient, round_id)
    assert stage.phase(patient, round_id) is Phase.REVEAL
    stage.reveal(patient, round_id, VICTIM, UNTESTED[VICTIM])
    parties.judged_fairly(patient, round_id, UNTESTED)
    assert ledger.gains(victim=VICTIM) == COMPENSATED


def test_a_halt_while_the_test_set_is_waited_for_costs_its_data_node_nothing(
    patient: Pole, ledger: Books
) -> None:
    round_id = stage.training(patient)
    stage.commit(patient, round_id, VICTIM, MODELS[VICTIM])
    stage.close(patient, round_id)
    halt(patient, round_id)
    with refused("TestSetAwaited"):
        patient.chain.endTestRelease.call(round_id, {"from": accounts[ATTACKER]})
    stage.release(patient, round_id)
    stage.reveal(patient, round_id, VICTIM, MODELS[VICTIM])
    parties.judged_fairly(patient, round_id, MODELS)
    assert ledger.gains(victim=VICTIM) == LOT | {"victim": PRIZE}
