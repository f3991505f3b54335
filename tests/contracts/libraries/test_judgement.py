"""Ranking.sol, Judgement.sol and Settlement.sol against their twins in pole.protocol.rounds."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from brownie import Judge, accounts
from brownie.network.contract import ProjectContract
from brownie.test import given
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from tests.contracts.libraries.conftest import Libraries
from tests.contracts.stage import CHAIN, TERMS, Pole, finding_tuple

from pole.protocol.encoding.abi import ZERO_ADDRESS, terms_tuple
from pole.protocol.parameters import ChainParameters
from pole.protocol.rounds.judgement import Challenge, EndedRound, early_void_reason, judge, judged_solutions
from pole.protocol.rounds.payouts import miner_bond, settle
from pole.protocol.rounds.tally import differ
from pole.protocol.state import Finding, Payout, PayoutReason, Solution, TaskTerms, Verdict, VoidReason

PARAMETERS = ChainParameters(*(CHAIN | {"minerBondBps": 700}).values())
MAXIMUM_JUDGED = 3

counts = st.integers(0, 8)
verdicts = st.sampled_from(
    [Verdict.OK] * 6 + [Verdict.NONE, Verdict.UNAVAILABLE, Verdict.MALFORMED] + [Verdict.DATA_FAULT]
)
terms = st.builds(
    replace,
    st.just(TaskTerms(*TERMS.values())),
    reward=st.sampled_from([10**18, 10**18 + 7]),
    data_bond=st.sampled_from([10**16, 2 * 10**18 + 1]),
    required_train_accuracy=st.sampled_from([1, 5000, 10_000]),
    required_test_accuracy=st.sampled_from([0, 5000]),
    train_count=st.just(8),
    test_count=st.just(8),
    audit_count=st.sampled_from([0, 4, 8]),
)


@st.composite
def ended_rounds(draw: st.DrawFn) -> EndedRound:
    """Return a round as it may stand in Settlement, from no commitment at all to a committee's findings."""
    released = draw(st.booleans())
    size = draw(st.integers(0, 5))
    orders = draw(st.permutations(range(size)))
    solutions = []
    for miner, order in enumerate(orders):
        revealed = draw(st.sampled_from([True, True, True, False]))
        test = draw(counts) if revealed and released else 0
        digest = bytes([revealed]) * 32
        address = accounts[2 + miner].address
        solutions.append(Solution(address, b"\x0c" * 32, digest, draw(counts), test, order, 0, revealed))
    judged, findings, asked = None, None, draw(terms)
    if any(each.revealed for each in solutions) and draw(st.sampled_from([True, True, True, False])):
        judged = judged_solutions(solutions, asked, released=released, maximum=MAXIMUM_JUDGED)
        findings = tuple(draw_finding(draw, released) for _ in judged)
        places = {each.miner: place for place, each in enumerate(judged, start=1)}
        solutions = [replace(each, choice=places.get(each.miner, 0)) for each in solutions]
        judged = tuple(replace(each, choice=places[each.miner]) for each in judged)
    return EndedRound(
        data_node=accounts[1].address,
        terms=asked,
        keys_posted=size > 0 or draw(st.booleans()),
        closed_early=size > 0 and draw(st.booleans()),
        released=released and size > 0,
        solutions=tuple(solutions),
        judged=judged,
        findings=findings,
        tolerance=draw(st.sampled_from([0, 2])),
        challenge=draw_challenge(draw, findings, released) if findings else None,
    )


def draw_challenge(draw: st.DrawFn, final: tuple[Finding, ...], released: bool) -> Challenge | None:
    """Return no challenge, an unfounded one, one that no larger committee could judge, or any."""
    kind = draw(st.sampled_from(["none", "unfounded", "dropped", "any"]))
    if kind == "none":
        return None
    found = tuple(draw_finding(draw, released) for _ in final) if kind == "any" else final
    return Challenge(accounts[9].address, PARAMETERS.challenge_bond, found, kind == "dropped")


def draw_finding(draw: st.DrawFn, released: bool) -> Finding:
    verdict = draw(verdicts)
    if verdict is not Verdict.OK:
        return Finding(verdict, 0, 0, 0)
    return Finding(verdict, draw(counts), draw(counts) if released else 0, 1)


def solution_tuple(solution: Solution) -> tuple[Any, ...]:
    return tuple(getattr(solution, name) for name in solution.__slots__)


def evidence_of(ended: EndedRound) -> tuple[Any, ...]:
    return (
        terms_tuple(ended.terms),
        ended.released,
        ended.closed_early,
        ended.tolerance,
        [solution_tuple(each) for each in ended.judged or ()],
        [finding_tuple(each) for each in ended.findings or ()],
    )


@pytest.fixture(scope="session")
def judge_contract(deployed: Pole) -> ProjectContract:
    return Judge.at(deployed.chain.judge())


def several(rounds: st.SearchStrategy[EndedRound]) -> st.SearchStrategy[list[EndedRound]]:
    return st.lists(rounds, min_size=1, max_size=15)


def solution_tuples(solutions: Iterable[Solution]) -> list[tuple[Any, ...]]:
    return [solution_tuple(each) for each in solutions]


def ending_of(ended: EndedRound) -> tuple[Any, ...]:
    return (
        int(early_void_reason(ended)),
        ended.data_node,
        sum(each.revealed for each in ended.solutions),
        solution_tuples(ended.solutions),
        evidence_of(ended),
        PARAMETERS.verification_fee_bps,
        PARAMETERS.fault_share_bps,
        miner_bond(ended.terms.reward, PARAMETERS),
        *challenge_of(ended.challenge),
    )


def challenge_of(challenge: Challenge | None) -> tuple[Any, ...]:
    """Return bond, challenger, last ballot, ballot challenged, and what that one had found."""
    if challenge is None:
        return PARAMETERS.challenge_bond, ZERO_ADDRESS, 4, 4, []
    last = 4 if challenge.dropped else 5
    return challenge.bond, challenge.challenger, last, 4, [finding_tuple(each) for each in challenge.findings]


@settings(max_examples=5, deadline=None)
@given(rounds=several(ended_rounds()))
def test_the_solutions_judged_are_those_of_python(libraries: Libraries, rounds: list[EndedRound]) -> None:
    calls = [
        (
            solution_tuples(ended.solutions),
            sum(each.revealed for each in ended.solutions),
            MAXIMUM_JUDGED,
            ended.terms.required_train_accuracy * ended.terms.train_count,
            ended.released,
        )
        for ended in rounds
    ]
    for ended, best in zip(rounds, libraries.ask("rank", calls), strict=True):
        expected = judged_solutions(
            ended.solutions, ended.terms, released=ended.released, maximum=MAXIMUM_JUDGED
        )
        assert [ended.solutions[index].miner for index in best] == [each.miner for each in expected]


@settings(max_examples=12, deadline=None)
@given(rounds=several(ended_rounds().filter(lambda ended: ended.findings)))
def test_judgements_are_those_of_python(libraries: Libraries, rounds: list[EndedRound]) -> None:
    outcomes = libraries.ask("judge", [(evidence_of(ended),) for ended in rounds])
    for ended, (reason, winner, ommers, best_ommer) in zip(rounds, outcomes, strict=True):
        expected = judge(ended)
        assert VoidReason(reason) is expected.void_reason
        assert ommers == len(expected.ommers)
        assert expected.winner in (None, winner)
        assert not expected.ommers or expected.ommers[0] == best_ommer


# Hypothesis first tries examples not much larger than the smallest, a round without commitments; few fit.
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.data_too_large])
@given(rounds=st.lists(ended_rounds(), min_size=1, max_size=4))
def test_rounds_end_and_pay_as_in_python(judge_contract: ProjectContract, rounds: list[EndedRound]) -> None:
    for ended in rounds:
        judgement = judge(ended)
        expected = settle(ended, judgement, PARAMETERS)
        ruling = judge_contract.rule(ending_of(ended))
        reason, winner, ommer, fee = (ruling[name] for name in ("voidReason", "winner", "ommer", "fee"))
        payouts, count = ruling["payouts"]
        assert (ruling["own"], ruling["referenced"][5]) == (count, 0)
        assert VoidReason(reason) is judgement.void_reason
        assert fee == expected.verification_fee
        paid = tuple(Payout(payee, PayoutReason(why), amount) for payee, why, amount in payouts[:count])
        assert paid == expected.payouts
        assert ommer[5] == len(judgement.ommers)
        informer = ZERO_ADDRESS
        if ended.challenge and ended.findings and differ(ended.challenge.findings, ended.findings):
            informer = ended.challenge.challenger
        assert ruling["informer"] == informer
        if judgement.winner is None:
            assert winner[0] == ZERO_ADDRESS
        else:
            assert ended.findings
            assert ended.judged
            found = ended.findings[judgement.winner]
            assert winner[0] == ended.judged[judgement.winner].miner
            counts_ = (ruling["trainCorrect"], ruling["testCorrect"])
            assert counts_ == (found.train_correct, found.test_correct)
        if judgement.ommers:
            assert ended.judged
            assert ommer[1] == ended.judged[judgement.ommers[0]].miner
