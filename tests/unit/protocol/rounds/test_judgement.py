from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.protocol.example_rounds import MINERS, ended, fault, found, solution, terms, unrevealed

from pole.protocol.rounds.judgement import (
    Challenge,
    Judgement,
    is_proven_bad,
    is_upheld,
    judge,
    judged_solutions,
)
from pole.protocol.rounds.tally import NO_FINDING
from pole.protocol.state import Finding, Verdict, VoidReason


def void(reason: VoidReason) -> Judgement:
    return Judgement(None, (), reason)


def test_a_round_without_keys_is_void() -> None:
    given = ended(keys_posted=False, judged=None, findings=None)
    assert judge(given) == void(VoidReason.KEYS_MISSING)


def test_a_round_without_a_commitment_is_void() -> None:
    assert judge(ended(judged=None, findings=None)) == void(VoidReason.NO_COMMITMENT)


def test_a_round_in_which_nobody_reveals_is_void() -> None:
    given = ended(solutions=(unrevealed(0), unrevealed(1)), judged=None, findings=None)
    assert judge(given) == void(VoidReason.NOTHING_REVEALED)


def test_a_round_without_a_committee_is_void() -> None:
    given = ended(solutions=(solution(0),), judged=None, findings=None)
    assert judge(given) == void(VoidReason.COMMITTEE_TOO_SMALL)


def test_a_round_without_a_quorum_is_void() -> None:
    assert judge(ended(NO_FINDING, fault(Verdict.MALFORMED))) == void(VoidReason.NO_QUORUM)


@pytest.mark.parametrize(
    "findings", [(fault(Verdict.MALFORMED),), (found(test=8), fault(Verdict.UNAVAILABLE)), (found(train=94),)]
)
def test_a_round_in_which_everything_is_proven_bad_is_void(findings: tuple[Finding, ...]) -> None:
    assert judge(ended(*findings)) == void(VoidReason.NONE_QUALIFIED)
    assert judge(ended(*findings, closed_early=False)) == void(VoidReason.NONE_QUALIFIED)


def test_where_a_choice_has_no_finding_what_is_proven_bad_leaves_no_quorum() -> None:
    assert judge(ended(found(test=8), NO_FINDING)) == void(VoidReason.NO_QUORUM)


def test_one_data_fault_voids_the_round() -> None:
    assert judge(ended(found(), fault(Verdict.DATA_FAULT))) == void(VoidReason.DATA_FAULT)


def test_missed_thresholds_void_a_round_that_was_closed_early() -> None:
    given = ended(found(train=89), found(test=7), tolerance=100)
    assert judge(given) == void(VoidReason.THRESHOLD_MISSED)


def test_when_time_ran_out_the_most_accurate_wins_without_ommers() -> None:
    given = ended(found(train=89, test=6), found(train=89, test=7), closed_early=False, tolerance=6)
    assert judge(given) == Judgement(1, (), VoidReason.NONE)


def test_the_best_solution_wins_and_the_others_are_ommers_best_first() -> None:
    solutions = tuple(solution(n, claimed_test_correct=10) for n in range(4))
    findings_ = found(test=8), found(test=10), found(test=9), found(test=7)
    given = ended(*findings_, solutions=solutions, judged=solutions, tolerance=3)
    assert judge(given) == Judgement(1, (2, 0), VoidReason.NONE)


def test_a_claim_below_the_finding_counts() -> None:
    given = ended(found(test=10), found(test=9))
    assert judge(given).winner == 0
    assert judge(ended(found(test=8), found(test=10))).winner == 1


def test_a_false_claim_neither_wins_nor_is_an_ommer() -> None:
    solutions = (solution(0, claimed_test_correct=10), solution(1), solution(2, claimed_test_correct=8))
    given = ended(found(test=9), found(test=8), found(test=8), solutions=solutions, judged=solutions)
    assert judge(given) == Judgement(2, (), VoidReason.NONE)
    assert judge(replace(given, tolerance=1)) == Judgement(0, (1, 2), VoidReason.NONE)


def test_ties_go_to_the_earlier_commitment() -> None:
    solutions = (solution(0, order=5), solution(1, order=4))
    assert judge(ended(found(), found(), solutions=solutions, judged=solutions)).winner == 1


def test_without_a_test_set_the_training_set_decides() -> None:
    solutions = tuple(solution(n, claimed_test_correct=0) for n in range(2))
    given = ended(
        found(90, 0), found(95, 0), released=False, solutions=solutions, judged=solutions, tolerance=5
    )
    assert judge(given) == Judgement(1, (0,), VoidReason.NONE)


def test_an_audit_s_thresholds_speak_of_the_sample() -> None:
    audited = terms(audit_count=20)
    assert judge(ended(found(train=18), terms=audited)).winner == 0
    assert judge(ended(found(train=17), terms=audited)).void_reason is VoidReason.THRESHOLD_MISSED


def test_an_audit_without_a_test_set_ranks_by_the_finding_alone() -> None:
    given = ended(found(18, 0), found(19, 0), terms=terms(audit_count=20), released=False)
    assert judge(given).winner == 1


def test_no_test_threshold_binds_where_the_task_sets_none() -> None:
    modest = (solution(0, claimed_test_correct=0),)
    lenient = terms(required_test_accuracy=0)
    assert judge(ended(found(test=0), terms=lenient, solutions=modest, judged=modest)).winner == 0


@pytest.mark.parametrize(("train", "winner"), [(90, 0), (89, None)])
def test_the_training_threshold_binds_exactly(train: int, winner: int | None) -> None:
    modest = (solution(0, claimed_train_correct=train),)
    assert judge(ended(found(train=train), solutions=modest, judged=modest)).winner == winner


@pytest.mark.parametrize(
    ("finding", "bad"),
    [
        (fault(Verdict.UNAVAILABLE), True),
        (fault(Verdict.MALFORMED), True),
        (fault(Verdict.DATA_FAULT), False),
        (NO_FINDING, False),
        (found(), False),
        (found(train=94), True),
        (found(test=8), True),
        (found(train=96, test=10), False),
    ],
)
def test_a_missing_malformed_or_overclaimed_model_is_bad(finding: Finding, bad: bool) -> None:
    assert is_proven_bad(ended(finding), 0) is bad


def test_a_claim_within_the_tolerance_is_honest() -> None:
    assert not is_proven_bad(ended(found(train=94, test=8), tolerance=1), 0)
    assert is_proven_bad(ended(found(train=93), tolerance=1), 0)


def test_an_audit_proves_a_train_claim_false_that_chance_does_not_explain() -> None:
    """Of 95 claimed of 100, a sample of 20 should hold 19; it may fall 3 sqrt(20) = 13.4 short of that."""
    sampled = terms(audit_count=20)
    assert not is_proven_bad(ended(found(train=6), terms=sampled), 0)
    assert is_proven_bad(ended(found(train=5), terms=sampled), 0)
    assert not is_proven_bad(ended(found(train=5), terms=sampled, tolerance=1), 0)
    assert is_proven_bad(ended(found(train=94), terms=terms(audit_count=100)), 0)


@given(st.integers(1, 60), st.integers(0, 60), st.randoms(use_true_random=True))
def test_a_true_claim_is_not_proven_false_by_the_sample_that_is_drawn(
    audited: int, wrong: int, chance: Random
) -> None:
    labels = [1] * (100 - wrong) + [0] * wrong
    sample = sum(chance.sample(labels, audited))
    claim = (solution(0, claimed_train_correct=100 - wrong),)
    truth = ended(found(train=sample), terms=terms(audit_count=audited), solutions=claim, judged=claim)
    assert not is_proven_bad(truth, 0)


def test_test_claims_bind_only_where_the_test_set_was_released() -> None:
    assert not is_proven_bad(ended(found(test=0), released=False), 0)


def test_the_best_claims_are_judged() -> None:
    solutions = (
        solution(0, claimed_test_correct=7),
        solution(1, claimed_test_correct=9, order=7),
        unrevealed(2, claimed_train_correct=100),
        solution(3, claimed_test_correct=9, order=4),
    )
    judged = judged_solutions(solutions, terms(), released=True, maximum=2)
    assert judged == (solutions[3], solutions[1])


@pytest.mark.parametrize("released", [True, False])
def test_claims_below_the_training_threshold_are_judged_after_all_that_reach_it(released: bool) -> None:
    junk = tuple(solution(n, claimed_train_correct=89, claimed_test_correct=10) for n in range(3))
    able = solution(3, claimed_train_correct=90, claimed_test_correct=0)
    asked = terms(required_train_accuracy=9_000, train_count=100)
    assert judged_solutions((*junk, able), asked, released=released, maximum=3) == (able, *junk[:2])


def test_train_claims_rank_where_no_test_set_was_released() -> None:
    solutions = (solution(0, claimed_train_correct=90), solution(1, claimed_train_correct=91))
    assert judged_solutions(solutions, terms(), released=False, maximum=3) == (solutions[1], solutions[0])


def challenge(*findings: Finding, dropped: bool = False) -> Challenge:
    return Challenge(MINERS[3], 9_001, findings, dropped)


def test_a_challenge_is_upheld_by_another_verdict_or_count() -> None:
    assert is_upheld(ended(found(), challenge=challenge(found(train=80))))
    assert is_upheld(ended(found(), challenge=challenge(fault(Verdict.MALFORMED))))
    assert is_upheld(ended(NO_FINDING, challenge=challenge(found())))


def test_a_challenge_that_changes_nothing_is_not_upheld() -> None:
    assert not is_upheld(ended(found(), challenge=challenge(Finding(Verdict.OK, 95, 9, 2))))
    assert not is_upheld(ended(found()))


def test_a_challenge_that_no_committee_could_judge_is_not_held_against_anybody() -> None:
    assert is_upheld(ended(found(), challenge=challenge(found(), dropped=True)))
