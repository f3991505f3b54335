"""Informing on a member that showed its vote before the reveals."""

import pytest
from brownie import accounts
from brownie.network.transaction import TransactionReceipt
from tests.contracts import stage
from tests.contracts.stage import (
    NOTHING,
    PENALTY,
    SEAT,
    STRANGER,
    HistoryCheck,
    Model,
    Pole,
    as_tuples,
    ok,
    refused,
)

from pole.protocol.ballots import ballot_id
from pole.protocol.state import BallotStage, Phase, Vote

MODELS = {2: Model(train=90, test=45)}
SALT = b"\x77" * 32

Drawn = tuple[int, list[str], list[Vote]]


@pytest.fixture
def drawn(pole: Pole) -> Drawn:
    """Return a round whose first member has committed, its members, and what that one committed to."""
    round_id = stage.revealed(pole, MODELS)
    members = stage.draw(pole, round_id)
    votes = [ok(90, 45)]
    stage.commit_votes(pole, round_id, {members[0]: votes})
    return round_id, members, votes


def leak(
    pole: Pole,
    round_id: int,
    member: int,
    votes: list[Vote],
    salt: bytes = SALT,
    by: int = STRANGER,
) -> TransactionReceipt:
    return pole.committee.leak(ballot_id(round_id, 0), member, as_tuples(votes), salt, {"from": accounts[by]})


def test_votes_or_a_salt_that_do_not_open_the_commitment_leak_nothing(pole: Pole, drawn: Drawn) -> None:
    round_id, _, votes = drawn
    with refused("CommitmentMismatch"):
        leak(pole, round_id, 0, [ok(90, 44)])
    with refused("CommitmentMismatch"):
        leak(pole, round_id, 0, votes, salt=b"\x78" * 32)


def test_who_has_committed_nothing_leaks_nothing(pole: Pole, drawn: Drawn) -> None:
    round_id, members, votes = drawn
    with refused("NothingToLeak", ballot_id(round_id, 0), members[1]):
        leak(pole, round_id, 1, votes)


def test_only_a_members_vote_can_be_leaked(pole: Pole, drawn: Drawn) -> None:
    round_id, _, votes = drawn
    with refused("NotMember", ballot_id(round_id, 0), 4, accounts[STRANGER]):
        leak(pole, round_id, 4, votes)


def test_a_vote_is_leaked_before_the_reveals_or_never(pole: Pole, drawn: Drawn) -> None:
    round_id, _, votes = drawn
    stage.end_votes(pole, round_id)
    with refused("WrongStage", ballot_id(round_id, 0), BallotStage.REVEAL, BallotStage.COMMIT):
        leak(pole, round_id, 0, votes)


def test_a_vote_is_leaked_once(pole: Pole, drawn: Drawn) -> None:
    round_id, members, votes = drawn
    leak(pole, round_id, 0, votes)
    with refused("NothingToLeak", ballot_id(round_id, 0), members[0]):
        leak(pole, round_id, 0, votes)


def test_the_informer_gets_half_of_the_penalty_and_the_pool_the_rest(pole: Pole, drawn: Drawn) -> None:
    round_id, members, votes = drawn
    before = stage.pool(pole)
    told = leak(pole, round_id, 0, votes)
    assert stage.credit(pole, STRANGER) == PENALTY // 2
    assert stage.pool(pole) == before + PENALTY - PENALTY // 2
    assert pole.committee.stakeOf(members[0])[:2] == (SEAT - PENALTY, False)
    assert told.events["VoteLeaked"]["reward"] == PENALTY // 2


def test_a_leaked_vote_can_neither_be_revealed_nor_replaced(pole: Pole, drawn: Drawn) -> None:
    round_id, members, votes = drawn
    leak(pole, round_id, 0, votes)
    assert pole.committee.voteOf(ballot_id(round_id, 0), 0) == (NOTHING, False)
    with refused("AlreadyVoted", ballot_id(round_id, 0), members[0]):
        pole.committee.commitVote(ballot_id(round_id, 0), 0, b"\x01" * 32, {"from": members[0]})
    stage.end_votes(pole, round_id)
    with refused("CommitmentMismatch"):
        stage.reveal_votes(pole, round_id, {members[0]: votes})


def test_a_leaked_member_is_slashed_again_and_the_others_decide(
    pole: Pole, drawn: Drawn, history_holds: HistoryCheck
) -> None:
    round_id, members, votes = drawn
    leak(pole, round_id, 0, votes)
    others = dict.fromkeys(members[1:], votes)
    stage.commit_votes(pole, round_id, others)
    stage.reveal_votes(pole, round_id, others)
    stage.end_votes(pole, round_id)
    stage.finalise(pole, round_id)
    assert stage.phase(pole, round_id) is Phase.FINAL
    assert pole.committee.stakeOf(members[0])[0] == SEAT - 2 * PENALTY
    assert pole.reservoir.creditOf(members[0]) == 0
    history_holds()


def test_informing_on_oneself_loses(pole: Pole, drawn: Drawn) -> None:
    round_id, members, votes = drawn
    pole.committee.leak(ballot_id(round_id, 0), 0, as_tuples(votes), SALT, {"from": members[0]})
    held = pole.committee.stakeOf(members[0])[0] + pole.reservoir.creditOf(members[0])
    assert held == SEAT - PENALTY + PENALTY // 2
