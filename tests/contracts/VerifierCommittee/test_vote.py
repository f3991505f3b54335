"""Committing and revealing votes."""

import pytest
from brownie import accounts, chain
from brownie.network.account import Account
from tests.contracts import stage
from tests.contracts.stage import ANYBODY, NOTHING, HistoryCheck, Model, Pole, as_tuples, ok, refused, verdict

from pole.protocol.ballots import ballot_id
from pole.protocol.state import BallotStage, Verdict, Vote

MODELS = {2: Model(train=90, test=45), 3: Model(train=85, test=40)}
SALT = b"\x77" * 32

Drawn = tuple[int, list[str], list[Vote]]


@pytest.fixture
def drawn(pole: Pole) -> Drawn:
    """Return a round whose committee judges two solutions, its members, and what each finds."""
    round_id = stage.revealed(pole, MODELS)
    members = stage.draw(pole, round_id)
    return round_id, members, stage.ballot_of(pole, round_id, stage.as_claimed(MODELS))


def outsider(members: list[str]) -> Account:
    return next(accounts[n] for n in stage.VERIFIERS if accounts[n] not in members)


def test_before_a_draw_there_is_nothing_to_vote_on(pole: Pole) -> None:
    with refused("WrongStage", 8, BallotStage.NONE, BallotStage.COMMIT):
        pole.committee.commitVote.call(8, 0, b"\x01" * 32, {"from": accounts[8]})
    with refused("WrongStage", 0, BallotStage.NONE, BallotStage.REVEAL):
        pole.committee.revealVote.call(0, 0, [], SALT, {"from": accounts[8]})


def test_only_members_vote(pole: Pole, drawn: Drawn) -> None:
    round_id, members, _ = drawn
    other = outsider(members)
    for member in (0, 3, 4):
        with refused("NotMember", ballot_id(round_id, 0), member, other):
            pole.committee.commitVote.call(ballot_id(round_id, 0), member, b"\x01" * 32, {"from": other})
    with refused("NotMember", ballot_id(round_id, 0), 1, members[0]):
        pole.committee.commitVote.call(ballot_id(round_id, 0), 1, b"\x01" * 32, {"from": members[0]})


def test_an_empty_commitment_is_refused(pole: Pole, drawn: Drawn) -> None:
    round_id, members, _ = drawn
    with refused("EmptyCommitment"):
        pole.committee.commitVote.call(ballot_id(round_id, 0), 0, NOTHING, {"from": members[0]})


def test_a_member_commits_once(pole: Pole, drawn: Drawn) -> None:
    round_id, members, _ = drawn
    pole.committee.commitVote(ballot_id(round_id, 0), 0, b"\x01" * 32, {"from": members[0]})
    with refused("AlreadyVoted", ballot_id(round_id, 0), members[0]):
        pole.committee.commitVote.call(ballot_id(round_id, 0), 0, b"\x02" * 32, {"from": members[0]})


def test_votes_are_revealed_only_when_no_vote_can_be_committed_any_more(pole: Pole, drawn: Drawn) -> None:
    round_id, members, found = drawn
    stage.commit_votes(pole, round_id, {members[0]: found})
    with refused("WrongStage", ballot_id(round_id, 0), BallotStage.COMMIT, BallotStage.REVEAL):
        pole.committee.revealVote.call(
            ballot_id(round_id, 0), 0, as_tuples(found), SALT, {"from": members[0]}
        )
    stage.end_votes(pole, round_id)
    with refused("WrongStage", ballot_id(round_id, 0), BallotStage.REVEAL, BallotStage.COMMIT):
        pole.committee.commitVote.call(ballot_id(round_id, 0), 1, b"\x01" * 32, {"from": members[1]})


def test_a_vote_committed_by_another_member_cannot_be_revealed_as_ones_own(pole: Pole, drawn: Drawn) -> None:
    round_id, members, found = drawn
    stage.commit_votes(pole, round_id, {members[0]: found})
    copied = pole.committee.voteOf(ballot_id(round_id, 0), 0)[0]
    pole.committee.commitVote(ballot_id(round_id, 0), 1, copied, {"from": members[1]})
    stage.end_votes(pole, round_id)
    stage.reveal_votes(pole, round_id, {members[0]: found})
    with refused("CommitmentMismatch"):
        pole.committee.revealVote.call(
            ballot_id(round_id, 0), 1, as_tuples(found), SALT, {"from": members[1]}
        )


def test_other_votes_or_another_salt_than_committed_are_refused(pole: Pole, drawn: Drawn) -> None:
    round_id, members, found = drawn
    stage.commit_votes(pole, round_id, {members[0]: found})
    stage.end_votes(pole, round_id)
    with refused("CommitmentMismatch"):
        pole.committee.revealVote.call(
            ballot_id(round_id, 0), 0, as_tuples(found[::-1]), SALT, {"from": members[0]}
        )
    with refused("CommitmentMismatch"):
        pole.committee.revealVote.call(
            ballot_id(round_id, 0), 0, as_tuples(found), b"\x78" * 32, {"from": members[0]}
        )
    with refused("CommitmentMismatch"):
        pole.committee.revealVote.call(
            ballot_id(round_id, 0), 1, as_tuples(found), SALT, {"from": members[1]}
        )


@pytest.mark.parametrize(
    "malformed",
    [
        [ok(90, 45)],
        [ok(90, 45), ok(85, 40), ok(1, 1)],
        [ok(90, 45), verdict(Verdict.NONE)],
        [ok(90, 45), Vote(Verdict.UNAVAILABLE, 1, 0, bytes(32))],
        [ok(90, 45), Vote(Verdict.MALFORMED, 0, 1, bytes(32))],
        [ok(90, 45), Vote(Verdict.DATA_FAULT, 0, 0, b"\x01" * 32)],
        [ok(90, 45), Vote(Verdict.DATA_UNAVAILABLE, 0, 1, bytes(32))],
    ],
)
def test_malformed_votes_cannot_be_revealed(pole: Pole, drawn: Drawn, malformed: list[Vote]) -> None:
    round_id, members, _ = drawn
    stage.commit_votes(pole, round_id, {members[0]: malformed})
    stage.end_votes(pole, round_id)
    with refused("MalformedVotes", ballot_id(round_id, 0)):
        pole.committee.revealVote.call(
            ballot_id(round_id, 0), 0, as_tuples(malformed), SALT, {"from": members[0]}
        )


def test_a_vote_is_revealed_once(pole: Pole, drawn: Drawn) -> None:
    round_id, members, found = drawn
    stage.commit_votes(pole, round_id, dict.fromkeys(members[:2], found))
    stage.end_votes(pole, round_id)
    stage.reveal_votes(pole, round_id, {members[0]: found})
    with refused("AlreadyVoted", ballot_id(round_id, 0), members[0]):
        pole.committee.revealVote.call(
            ballot_id(round_id, 0), 0, as_tuples(found), SALT, {"from": members[0]}
        )


def test_the_stages_end_early_when_everybody_has_acted(pole: Pole, drawn: Drawn) -> None:
    round_id, members, found = drawn
    assert stage.stage_of(pole, ballot_id(round_id, 0)) is BallotStage.COMMIT
    stage.commit_votes(pole, round_id, dict.fromkeys(members, found))
    assert stage.stage_of(pole, ballot_id(round_id, 0)) is BallotStage.REVEAL
    ballot = pole.committee.ballot(ballot_id(round_id, 0)).dict()
    assert ballot["deadline"] == chain[-1].timestamp + stage.CHAIN["voteRevealWindow"]
    assert ballot["deadlineBlock"] == chain.height + stage.CHAIN["windowBlocks"]
    stage.reveal_votes(pole, round_id, dict.fromkeys(members, found))
    ballot = pole.committee.ballot(ballot_id(round_id, 0)).dict()
    assert BallotStage(ballot["stage"]) is BallotStage.CLOSED
    assert (ballot["deadline"], ballot["deadlineBlock"]) == (chain[-1].timestamp, chain.height)


def test_a_ballot_without_any_commitment_closes_when_somebody_ends_the_commitments(
    pole: Pole, drawn: Drawn
) -> None:
    round_id, _, _ = drawn
    ended = stage.end_votes(pole, round_id)
    ballot = pole.committee.ballot(ballot_id(round_id, 0)).dict()
    assert BallotStage(ballot["stage"]) is BallotStage.CLOSED
    assert (ballot["deadline"], ballot["deadlineBlock"]) == (ended.timestamp, ended.block_number)
    with refused("WrongStage", ballot_id(round_id, 0), BallotStage.CLOSED, BallotStage.REVEAL):
        pole.committee.endVotes.call(ballot_id(round_id, 0), {"from": accounts[ANYBODY]})


def nobody_ends_it_yet(pole: Pole, round_id: int) -> None:
    voted = pole.committee.ballot(ballot_id(round_id, 0)).dict()
    with refused("VotesAwaited", ballot_id(round_id, 0), voted["deadline"], voted["deadlineBlock"]):
        pole.committee.endVotes.call(ballot_id(round_id, 0), {"from": accounts[ANYBODY]})


@pytest.mark.parametrize("by_blocks", [True, False], ids=["blocks", "seconds"])
def test_nobody_ends_a_window_of_votes_before_it_is_over(pole: Pole, drawn: Drawn, by_blocks: bool) -> None:
    round_id, members, found = drawn
    stage.commit_votes(pole, round_id, {members[0]: found})
    for expected in (BallotStage.COMMIT, BallotStage.REVEAL):
        voted = pole.committee.ballot(ballot_id(round_id, 0)).dict()
        if by_blocks:
            chain.mine(timestamp=voted["deadline"])
            chain.mine(voted["deadlineBlock"] - chain.height - 1)
        else:
            stage.wait_until(voted["deadline"] - 1)
        nobody_ends_it_yet(pole, round_id)
        stage.wait_out(voted["deadline"], voted["deadlineBlock"])
        assert stage.stage_of(pole, ballot_id(round_id, 0)) is expected
        pole.committee.endVotes(ballot_id(round_id, 0), {"from": accounts[ANYBODY]})
    assert stage.stage_of(pole, ballot_id(round_id, 0)) is BallotStage.CLOSED


def test_the_reveals_have_their_whole_window_however_late_somebody_ends_the_commitments(
    pole: Pole, drawn: Drawn
) -> None:
    round_id, members, found = drawn
    stage.commit_votes(pole, round_id, {members[0]: found})
    chain.sleep(10**6)
    chain.mine(20)
    ended = stage.end_votes(pole, round_id)
    ballot = pole.committee.ballot(ballot_id(round_id, 0)).dict()
    assert ballot["deadline"] == ended.timestamp + stage.CHAIN["voteRevealWindow"]
    assert ballot["deadlineBlock"] == ended.block_number + stage.CHAIN["windowBlocks"]


def test_votes_that_are_late_count_until_somebody_ends_their_window(
    pole: Pole, drawn: Drawn, history_holds: HistoryCheck
) -> None:
    round_id, members, found = drawn
    votes = dict.fromkeys(members[:3], found)
    stage.wait(10**6)
    stage.commit_votes(pole, round_id, votes)
    stage.end_votes(pole, round_id)
    stage.wait(10**6)
    stage.reveal_votes(pole, round_id, votes)
    assert stage.stage_of(pole, ballot_id(round_id, 0)) is BallotStage.CLOSED
    assert [each[1] for each in pole.committee.findings(ballot_id(round_id, 0))] == [90, 85]
    stage.finalise(pole, round_id)
    history_holds()


def test_findings_and_votes_can_be_read_when_the_ballot_is_settled(pole: Pole, drawn: Drawn) -> None:
    round_id, members, found = drawn
    votes = dict.fromkeys(members, found)
    stage.commit_votes(pole, round_id, votes)
    stage.reveal_votes(pole, round_id, votes)
    fingerprint = int.from_bytes(b"\x01" * 7, "big")
    assert pole.committee.findings(ballot_id(round_id, 0)) == (
        (1, 90, 45, fingerprint),
        (1, 85, 40, fingerprint),
    )
    pole.chain.finalise(round_id, {"from": accounts[ANYBODY]})
    assert stage.stage_of(pole, ballot_id(round_id, 0)) is BallotStage.SETTLED
    commitment, is_revealed = pole.committee.voteOf(ballot_id(round_id, 0), 3)
    assert commitment != NOTHING
    assert is_revealed
    assert pole.committee.voteOf(ballot_id(round_id, 0), len(members)) == (NOTHING, False)
