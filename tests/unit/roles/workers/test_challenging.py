"""Rounds whose first tally does not stand: who challenges it, who votes anew, who pays."""

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.roles.conftest import MINERS, OWNER, TEST, TRAIN, VERIFIERS, Stage
from tests.unit.roles.fake_storage import MemoryJournal

from pole.errors import UnreachableError
from pole.learning.evaluation.canonical import Evaluation
from pole.protocol.ballots import ballot_id
from pole.protocol.encoding.commitments import vote_commitment
from pole.protocol.state import FileRef, Phase, Verdict, Vote
from pole.roles.judging import assessment
from pole.roles.judging.assessment import evaluate_model
from pole.roles.workers.miner.miner import MinerSettings

SEATS = (*VERIFIERS, *("0x" + digit * 40 for digit in "3456"))
FIRST, SECOND = ballot_id(1, 0), ballot_id(1, 1)
BOND = 233
LIE = Vote(Verdict.OK, TRAIN - 3, 1, b"\x66" * 32)


@pytest.fixture(autouse=True)
def _more_seats(stage: Stage) -> None:
    stage.world.seats[:] = SEATS


def in_first_vote(stage: Stage, **terms: int) -> None:
    stage.post(min_solutions=1, **terms)
    stage.play(Phase.VOTE_COMMIT, workers=[stage.data_node(), stage.miner()])


def cast(stage: Stage, *votes: Vote, ballot: int = FIRST) -> None:
    """Let the whole committee vote by agreement."""
    members, salt = stage.world.members[ballot], bytes(32)
    for member in members:
        identity = stage.chain(member).identity
        committed = vote_commitment(
            chain_id=identity.chain_id,
            committee_address=identity.committee_address,
            ballot_id=ballot,
            verifier=member,
            votes=votes,
            salt=salt,
        )
        stage.chain(member).commit_vote(ballot, committed, intent=f"scripted/{ballot}")
    for member in members:
        stage.chain(member).reveal_vote(ballot, votes, salt, intent=f"scripted-reveal/{ballot}")


def in_challenge(stage: Stage, *votes: Vote, **terms: int) -> None:
    in_first_vote(stage, **terms)
    cast(stage, *(votes or (LIE,)))
    assert stage.world.moment().phase is Phase.CHALLENGE


def honest_vote(stage: Stage) -> Vote:
    member = stage.world.members[FIRST][0]
    stage.verifier(member).step(stage.world.moment())
    return stage.votes(member, FIRST)[0]


def step_miner(stage: Stage, **settings: Any) -> str | None:
    return stage.miner(settings=MinerSettings(**settings)).step(stage.world.moment())


def test_a_miner_that_was_told_not_to_does_not_challenge(stage: Stage) -> None:
    in_challenge(stage)
    step_miner(stage, challenges=False)
    assert "challenge/4" not in stage.sent(MINERS[0])


def test_a_miner_that_cannot_pay_the_bond_says_so_once_and_goes_on(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    in_challenge(stage)
    stage.chain(MINERS[0]).balance = BOND - 1
    for _ in range(2):
        assert step_miner(stage) is None
    assert caplog.text.count("cannot challenge the tally: The wallet cannot pay the bond") == 1


def test_who_is_late_with_its_challenge_does_not_mind(stage: Stage) -> None:
    in_challenge(stage)
    moment = stage.world.moment()
    stage.chain(OWNER).challenge(1, bond=BOND, intent="faster")
    assert stage.miner().step(moment) is None


def test_a_true_tally_is_not_challenged(stage: Stage) -> None:
    in_first_vote(stage)
    own = honest_vote(stage)
    stage.world.vote_commitments.clear()
    stage.chains.clear()
    cast(stage, own)
    assert step_miner(stage) is None
    assert stage.journal(MINERS[0]).kept[f"tally-considered/{FIRST}"]


@pytest.mark.parametrize("verdict", [Verdict.UNAVAILABLE, Verdict.DATA_UNAVAILABLE])
def test_a_miner_doubts_a_tally_without_its_model_where_it_would_win(stage: Stage, verdict: Verdict) -> None:
    in_challenge(stage, Vote(verdict, 0, 0, bytes(32)))
    assert step_miner(stage) == "challenged"


def test_a_tally_without_its_model_stands_where_the_bond_is_more_than_the_reward(stage: Stage) -> None:
    stage.with_chain(verification_fee_bps=4000)
    in_challenge(stage, Vote(Verdict.UNAVAILABLE, 0, 0, bytes(32)))
    assert step_miner(stage) is None
    assert "challenge/4" not in stage.sent(MINERS[0])


def test_a_tally_without_its_model_stands_where_another_would_win(stage: Stage) -> None:
    stage.post(min_solutions=2)
    stage.play(Phase.VOTE_COMMIT, workers=[stage.data_node(), *map(stage.miner, MINERS)])
    winner = replace(LIE, train_correct=TRAIN, test_correct=TEST)
    first = stage.world.solutions[1][0].miner
    cast(stage, winner, Vote(Verdict.UNAVAILABLE, 0, 0, bytes(32)))
    other = next(each for each in MINERS if each != first)
    assert stage.miner(other).step(stage.world.moment()) is None


def test_fingerprints_alone_are_no_reason(stage: Stage) -> None:
    in_first_vote(stage)
    own = honest_vote(stage)
    stage.world.vote_commitments.clear()
    stage.chains.clear()
    cast(stage, replace(own, predictions=bytes(32)))
    assert step_miner(stage) is None


def test_a_miner_without_a_judged_solution_has_nothing_to_doubt(stage: Stage) -> None:
    in_challenge(stage)
    stage.world.solutions[1] = [replace(stage.world.solutions[1][0], choice=0)]
    assert step_miner(stage) is None
    stage.journals[MINERS[0]] = MemoryJournal()
    assert step_miner(stage) is None


def test_a_miner_that_cannot_judge_does_not_challenge(stage: Stage) -> None:
    in_challenge(stage)
    stage.world.tests[1] = stage.world.keys[1]
    assert step_miner(stage) is None


def test_a_store_that_is_down_is_asked_again(stage: Stage) -> None:
    in_challenge(stage)
    stage.world.tests[1] = FileRef("bafkmissing", stage.world.tests[1].digest[::-1])
    with pytest.raises(UnreachableError):
        step_miner(stage)
    assert f"tally-considered/{FIRST}" not in stage.journal(MINERS[0]).kept


def test_a_draw_that_is_not_larger_leaves_the_tally(stage: Stage) -> None:
    in_challenge(stage)
    assert step_miner(stage) == "challenged"
    stage.world.seats[:] = VERIFIERS
    stage.play(Phase.VOID, workers=[stage.miner()])
    assert stage.world.rounds[1].dropped
    stage.miner().step(stage.world.moment())
    assert stage.chain(MINERS[0]).balance >= 10**20


def test_a_miner_challenges_a_lie_about_its_model_and_is_paid(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    in_challenge(stage)
    with caplog.at_level("INFO", "pole.miner"):
        assert step_miner(stage) == "challenged"
    told = next(record for record in caplog.records if getattr(record, "event", "") == "challenged")
    assert vars(told)["details"] == {"round": 1, "attempt": 0, "wei": str(BOND)}
    assert "it says OK 9/1 of its model, which is OK 12/6" in told.message
    assert stage.chain(MINERS[0]).balance == 10**20 - BOND

    stage.play(Phase.FINAL, workers=[stage.miner(), *map(stage.verifier, SEATS)])
    assert len(stage.world.members[SECOND]) == len(SEATS)
    assert stage.world.rounds[1].challengers[0] == MINERS[0]
    stage.miner().step(stage.world.moment())
    reward, miner_bond = 1000 * 9 // 10, 10
    assert stage.chain(MINERS[0]).balance == 10**20 + reward + miner_bond
    assert f"challenge/{SECOND}" not in stage.sent(MINERS[0])


def test_a_verifier_votes_in_every_ballot_and_evaluates_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_first_vote(stage)
    first = stage.world.members[FIRST][0]
    stage.with_chain(challenge_window=10)
    verifier = stage.verifier(first)
    evaluations: list[object] = []

    def counted(*given: Any) -> Evaluation:
        evaluations.append(given)
        return evaluate_model(*given)

    monkeypatch.setattr(assessment, "evaluate_model", counted)
    stage.play(Phase.CHALLENGE, workers=[verifier])
    stage.chain(OWNER).challenge(1, bond=BOND, intent="bought")
    evaluated = len(evaluations)
    assert evaluated == 2
    stage.play(Phase.VOTE_COMMIT, workers=[verifier])
    assert verifier.step(stage.world.moment()) == "voted"
    assert len(evaluations) == evaluated
    kept = stage.journal(first).kept
    votes, again = (stage.votes(first, ballot)[0] for ballot in (FIRST, SECOND))
    assert votes.predictions != again.predictions
    assert replace(votes, predictions=again.predictions) == again
    assert kept[f"vote-salt/{FIRST}"] != kept[f"vote-salt/{SECOND}"]


def test_a_model_that_was_unavailable_is_looked_for_again(stage: Stage) -> None:
    in_first_vote(stage)
    model = stage.world.models[1][MINERS[0]].cid
    stage.store.missing.add(model)
    verifiers = list(map(stage.verifier, SEATS))
    stage.world.pass_time(55)
    for verifier in verifiers:
        verifier.step(stage.world.moment())
    stage.store.missing.clear()
    stage.play(Phase.FINAL, workers=[stage.miner(), *verifiers])
    tallies = [stage.world.findings(ballot)[0].verdict for ballot in (FIRST, SECOND)]
    assert tallies == [Verdict.UNAVAILABLE, Verdict.OK]
