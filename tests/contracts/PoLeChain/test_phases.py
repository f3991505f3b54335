"""Every phase and deadline, held against the Python clock at each step of rounds."""

from dataclasses import replace

from brownie import accounts, chain, web3
from tests.contracts import stage
from tests.contracts.stage import CHAIN, COMMITTEE, VERIFIERS, Model, Pole, as_ballot, as_round

from pole.protocol.parameters import ChainParameters
from pole.protocol.rounds.clock import Moment, phase_of
from pole.protocol.state import Phase

CLOCK = ChainParameters(*CHAIN.values())
SAID = {
    Phase.TEST_RELEASE: stage.end_test_release,
    Phase.VOTE_COMMIT: stage.end_votes,
    Phase.VOTE_REVEAL: stage.end_votes,
}
"""How the windows end that another follows."""
GROWING = replace(CLOCK, committee_size=3, max_committee=len(VERIFIERS))


def agree(pole: Pole, round_id: int, clock: ChainParameters = CLOCK) -> Phase:
    """Check the phase now and around its deadline by seconds and by blocks; go on to the next."""
    phase, deadline = same_phase(pole, round_id, clock)
    if deadline.time:
        stage.wait_until(deadline.time - 1)
        assert same_phase(pole, round_id, clock)[0] is phase
        chain.mine(timestamp=deadline.time)
    return after(pole, round_id, phase, clock)


def agree_by_blocks(pole: Pole, round_id: int, clock: ChainParameters = CLOCK) -> Phase:
    """Let the time of a phase pass and then, one by one, its blocks."""
    phase, deadline = same_phase(pole, round_id, clock)
    chain.sleep(10**6)
    while chain.height < deadline.block - 1:
        chain.mine()
        assert same_phase(pole, round_id, clock)[0] is phase
    chain.mine()
    return after(pole, round_id, phase, clock)


def after(pole: Pole, round_id: int, ended: Phase, clock: ChainParameters) -> Phase:
    """Return the phase after one whose time is over, once somebody has said so where that is asked for."""
    if ended in SAID:
        assert same_phase(pole, round_id, clock)[0] is ended
        SAID[ended](pole, round_id)
    return same_phase(pole, round_id, clock)[0]


def same_phase(pole: Pole, round_id: int, clock: ChainParameters = CLOCK) -> tuple[Phase, Moment]:
    standing = as_round(round_id, pole.chain.round(round_id))
    ballot = as_ballot(pole.committee.ballot(stage.ballot(pole, round_id)))
    seats = pole.committee.seatsAt(standing.opened_at - COMMITTEE["seatAge"])
    newest = web3.eth.get_block("latest")
    now = Moment(newest["timestamp"], newest["number"])
    expected, deadline = phase_of(standing, ballot, clock, seats, now)
    assert pole.chain.phaseOf(round_id) == (expected, deadline.time, deadline.block)
    return expected, deadline


def committed(pole: Pole) -> int:
    round_id = stage.training(pole)
    for miner in (2, 3):
        stage.commit(pole, round_id, miner, Model(test=0))
    return round_id


def test_phases_of_a_round_in_which_everybody_is_as_late_as_can_be(pole: Pole) -> None:
    stage.post(pole)
    round_id = stage.open_round(pole)
    assert agree(pole, round_id) is Phase.SEED
    stage.draw(pole, round_id)
    same_phase(pole, round_id)
    stage.post_keys(pole, round_id)
    for miner in (2, 3):
        stage.commit(pole, round_id, miner, Model(test=0))
    assert agree(pole, round_id) is Phase.TEST_RELEASE
    pole.chain.closeSubmissions(round_id, {"from": accounts[stage.STRANGER]})
    assert agree(pole, round_id) is Phase.REVEAL
    stage.reveal(pole, round_id, 2, Model(test=0))
    assert agree(pole, round_id) is Phase.DRAW
    members = stage.draw(pole, round_id)
    votes = {members[0]: [stage.ok(1, 0)], members[1]: [stage.ok(1, 0)]}
    stage.commit_votes(pole, round_id, votes)
    assert agree(pole, round_id) is Phase.VOTE_REVEAL
    stage.reveal_votes(pole, round_id, {members[0]: votes[members[0]]})
    assert agree(pole, round_id) is Phase.SETTLEMENT
    stage.finalise(pole, round_id)
    assert same_phase(pole, round_id)[0] is Phase.VOID


def test_a_chain_that_stood_still_leaves_everybody_the_blocks_of_every_window(pole: Pole) -> None:
    round_id = committed(pole)
    assert agree_by_blocks(pole, round_id) is Phase.TEST_RELEASE
    pole.chain.closeSubmissions(round_id, {"from": accounts[stage.STRANGER]})
    assert agree_by_blocks(pole, round_id) is Phase.REVEAL
    stage.reveal(pole, round_id, 2, Model(test=0))
    assert agree_by_blocks(pole, round_id) is Phase.DRAW
    members = stage.draw(pole, round_id)
    stage.commit_votes(pole, round_id, {members[0]: [stage.ok(1, 0)]})
    assert agree_by_blocks(pole, round_id) is Phase.VOTE_REVEAL
    assert agree_by_blocks(pole, round_id) is Phase.SETTLEMENT


def test_the_keys_and_the_grace_last_their_blocks_too(pole: Pole) -> None:
    round_id = stage.opened(pole)
    assert agree_by_blocks(pole, round_id) is Phase.SETTLEMENT
    stage.finalise(pole, round_id)
    assert agree_by_blocks(pole, stage.training(pole)) is Phase.SETTLEMENT


def test_phases_of_a_round_in_which_everybody_acts_at_once(pole: Pole) -> None:
    round_id = stage.training(pole)
    stage.commit(pole, round_id, 2, Model())
    assert same_phase(pole, round_id)[0] is Phase.TRAINING
    stage.close(pole, round_id)
    assert same_phase(pole, round_id)[0] is Phase.TEST_RELEASE
    stage.release(pole, round_id)
    assert same_phase(pole, round_id)[0] is Phase.REVEAL
    stage.reveal(pole, round_id, 2, Model())
    assert same_phase(pole, round_id)[0] is Phase.DRAW
    members = stage.draw(pole, round_id)
    assert same_phase(pole, round_id)[0] is Phase.VOTE_COMMIT
    votes = {member: [stage.ok(90, 45)] for member in members}
    stage.commit_votes(pole, round_id, votes)
    assert same_phase(pole, round_id)[0] is Phase.VOTE_REVEAL
    stage.reveal_votes(pole, round_id, votes)
    assert same_phase(pole, round_id)[0] is Phase.SETTLEMENT
    stage.finalise(pole, round_id)
    assert same_phase(pole, round_id)[0] is Phase.FINAL


def test_a_committee_that_commits_nothing_goes_straight_to_settlement(pole: Pole) -> None:
    round_id = stage.revealed(pole, {2: Model()})
    stage.draw(pole, round_id)
    assert agree(pole, round_id) is Phase.SETTLEMENT


def test_phases_of_a_round_whose_committee_grows_to_all(growing: Pole) -> None:
    round_id = stage.revealed(growing, {2: Model()})
    for marks in ([1, 2, 3], range(1, 8)):
        members = stage.draw(growing, round_id)
        votes = {member: [stage.ok(90, 45, mark)] for member, mark in zip(members, marks, strict=True)}
        stage.commit_votes(growing, round_id, votes)
        stage.reveal_votes(growing, round_id, votes)
        assert same_phase(growing, round_id, GROWING)[0] is Phase.CHALLENGE
        stage.challenge(growing, round_id)
        assert same_phase(growing, round_id, GROWING)[0] is Phase.DRAW
    members = stage.draw(growing, round_id)
    stage.commit_votes(growing, round_id, {members[0]: [stage.ok(90, 45)]})
    assert agree(growing, round_id, GROWING) is Phase.VOTE_REVEAL
    assert agree(growing, round_id, GROWING) is Phase.SETTLEMENT


def test_a_ballot_that_closes_at_its_deadlines_can_be_challenged_from_then_on(growing: Pole) -> None:
    round_id = stage.revealed(growing, {2: Model()})
    stage.draw(growing, round_id)
    assert agree(growing, round_id, GROWING) is Phase.CHALLENGE
    assert agree_by_blocks(growing, round_id, GROWING) is Phase.SETTLEMENT
    stage.finalise(growing, round_id)
    other = stage.revealed(growing, {2: Model()})
    members = stage.draw(growing, other)
    stage.commit_votes(growing, other, {members[0]: [stage.ok(90, 45)]})
    assert agree(growing, other, GROWING) is Phase.VOTE_REVEAL
    assert agree(growing, other, GROWING) is Phase.CHALLENGE
    assert agree(growing, other, GROWING) is Phase.SETTLEMENT


def test_anybody_can_take_every_step_that_no_party_owns(pole: Pole) -> None:
    stage.post(pole)
    stranger = {"from": accounts[stage.STRANGER]}
    pole.chain.openRound(0, stranger)
    round_id = pole.chain.newestRound(0)
    pole.chain.draw(round_id, stage.mine_named(pole, round_id), stranger)
    stage.wait(CHAIN["keyWindow"])
    pole.chain.finalise(round_id, stranger)
    assert same_phase(pole, round_id)[0] is Phase.VOID
