"""Showing a vote that was not kept secret."""

import pytest
from tests.unit.roles.conftest import MINERS, VERIFIERS, Stage

from pole.errors import IntegrityError, RefusedError
from pole.protocol.ballots import ballot_id
from pole.protocol.formats.leaked_vote import LeakedVote
from pole.protocol.state import Phase
from pole.roles.judging.leaking import leak

BALLOT = ballot_id(1, 0)


def leaked_by(stage: Stage, verifier: str) -> LeakedVote:
    stage.post()
    stage.play(Phase.VOTE_COMMIT, workers=[stage.data_node(), stage.miner()])
    stage.verifier(verifier).step(stage.world.moment())
    salt = stage.journal(verifier).kept[f"vote-salt/{BALLOT}"]
    return LeakedVote(verifier, stage.votes(verifier, BALLOT), salt)


def test_what_opens_nothing_is_not_sent(stage: Stage) -> None:
    leaked = leaked_by(stage, VERIFIERS[0])
    for wrong in (
        LeakedVote(VERIFIERS[1], leaked.votes, leaked.salt),
        LeakedVote(leaked.verifier, leaked.votes, bytes(32)),
        LeakedVote(leaked.verifier, leaked.votes[:0], leaked.salt),
    ):
        with pytest.raises(IntegrityError, match=r"do not open what .* committed"):
            leak(stage.chain(MINERS[1]), BALLOT, wrong, intent="leak")
    with pytest.raises(IntegrityError, match="check the file and the round"):
        leak(stage.chain(MINERS[1]), ballot_id(1, 1), leaked, intent="leak")
    assert stage.sent(MINERS[1]) == []


def test_a_vote_is_leaked_once(stage: Stage) -> None:
    leaked = leaked_by(stage, VERIFIERS[0])
    leak(stage.chain(MINERS[1]), BALLOT, leaked, intent="leak")
    with pytest.raises(IntegrityError, match="or its vote was leaked already"):
        leak(stage.chain(MINERS[1]), BALLOT, leaked, intent="again")


def test_it_is_too_late_when_votes_are_revealed(stage: Stage) -> None:
    leaked = leaked_by(stage, VERIFIERS[0])
    stage.play(Phase.VOTE_REVEAL, workers=[])
    with pytest.raises(RefusedError):
        leak(stage.chain(MINERS[1]), BALLOT, leaked, intent="leak")


def test_a_leaked_vote_is_neither_revealed_nor_cast_again(stage: Stage) -> None:
    leaked = leaked_by(stage, VERIFIERS[0])
    leak(stage.chain(MINERS[1]), BALLOT, leaked, intent="leak")
    stage.play(Phase.FINAL, Phase.VOID, workers=[*map(stage.verifier, VERIFIERS)])
    assert stage.voting(VERIFIERS[0]) == [f"vote/{BALLOT}"]
