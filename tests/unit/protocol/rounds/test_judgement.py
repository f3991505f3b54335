from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.protocol.example_rounds import MINERS, ended, fault, found, solution, terms, unrevealed

from pole.protocol.rounds.judgement import (
    Challenge,
    EndedRound,
    Judgement,
    choices_of,
    choose,
    is_proven_bad,
    is_returned,
    judge,
)
from pole.protocol.rounds.tally import NO_FINDING
from pole.protocol.state import Finding, Solution, Verdict, VoidReason


def void(reason: VoidReason) -> Judgement:
    return Judgement(None, (), reason)


def test_a_round_without_keys_is_void() -> None:
    given = ended(keys_posted=False, findings=None)
    assert judge(given) == void(VoidReason.KEYS_MISSING)


def test_a_round_without_a_commitment_is_void() -> None:
    assert judge(ended(findings=None)) == void(VoidReason.NO_COMMITMENT)


def test_a_round_in_which_nobody_reveals_is_void() -> None:
    given = ended(solutions=(unrevealed(0), unrevealed(1)), findings=None)
    assert judge(given) == void(VoidReason.NOTHING_REVEALED)


def test_a_round_without_a_committee_is_void() -> None:
    given = ended(solutions=(solution(0),), findings=None)
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


@pytest.mark.parametrize("verdict", [Verdict.DATA_FAULT, Verdict.DATA_UNAVAILABLE])
def test_data_that_is_wrong_or_could_not_be_had_voids_the_round(verdict: Verdict) -> None:
    assert judge(ended(found(), fault(verdict))) == void(VoidReason[verdict.name])


def test_what_is_proven_of_the_data_comes_before_what_could_not_be_had_of_them() -> None:
    given_ = ended(fault(Verdict.DATA_UNAVAILABLE), fault(Verdict.DATA_FAULT))
    assert judge(given_) == void(VoidReason.DATA_FAULT)


def modest(n: int, train: int = 90, test: int = 6, model: bytes | None = None) -> Solution:
    """Return a solution that claims no more than the training threshold asks, of a model of its own."""
    plain = solution(n, claimed_train_correct=train, claimed_test_correct=test)
    return plain if model is None else replace(plain, model_digest=model)


def judged(*pairs: tuple[Solution, Finding], **changes: Any) -> EndedRound:
    solutions = tuple(solution_ for solution_, _ in pairs)
    return ended(*(finding for _, finding in pairs), solutions=solutions, **changes)


def verdict(ended_: EndedRound) -> tuple[str | None, tuple[str, ...]]:
    """Return who wins, and who are ommers."""
    outcome = judge(ended_)
    return outcome.winner.miner if outcome.winner else None, tuple(each.miner for each in outcome.ommers)


def test_missed_thresholds_void_a_round_that_was_closed_early() -> None:
    assert judge(judged((modest(0, 89), found(train=89)))) == void(VoidReason.THRESHOLD_MISSED)


def test_who_trains_best_is_named_where_only_the_test_threshold_is_missed() -> None:
    given_ = judged(
        (modest(0, 89, 7), found(89, 7)), (modest(1, 90, 5), found(90, 5)), (modest(2, 90, 6), found(91, 6))
    )
    trained = given_.judged[2]
    assert judge(given_) == Judgement(None, (), VoidReason.THRESHOLD_MISSED, trained=trained)


def test_when_time_ran_out_the_most_accurate_wins_without_ommers() -> None:
    given_ = judged((modest(0, 89, 6), found(89, 6)), (modest(1, 89, 7), found(89, 7)), closed_early=False)
    assert verdict(given_) == (MINERS[1], ())


def test_the_best_solution_wins_and_the_others_are_ommers_best_first() -> None:
    given_ = judged(*((modest(n, 90, test), found(90, test)) for n, test in enumerate((8, 10, 9, 7))))
    assert verdict(given_) == (
        MINERS[1],
        (
            MINERS[2],
            MINERS[0],
        ),
    )


def test_a_claim_below_the_finding_counts() -> None:
    given_ = judged((modest(0, 90, 8), found(test=10)), (modest(1, 90, 9), found(test=9)))
    assert verdict(given_) == (MINERS[1], (MINERS[0],))


def test_a_false_claim_neither_wins_nor_is_an_ommer() -> None:
    solutions = (solution(0, claimed_test_correct=10), solution(1), solution(2, claimed_test_correct=8))
    given_ = ended(found(test=9), found(test=8), found(test=8), solutions=solutions)
    assert verdict(given_) == (MINERS[2], ())


def test_ties_go_to_the_earlier_commitment() -> None:
    solutions = (solution(0, order=5), solution(1, order=4))
    assert verdict(ended(found(), found(), solutions=solutions))[0] == MINERS[1]


def test_without_a_test_set_the_training_set_decides() -> None:
    given_ = judged((modest(0, 90, 0), found(90, 0)), (modest(1, 95, 0), found(95, 0)), released=False)
    assert verdict(given_) == (MINERS[1], (MINERS[0],))


def test_no_test_threshold_binds_where_the_task_sets_none() -> None:
    lenient = terms(required_test_accuracy=0)
    assert verdict(judged((modest(0, 90, 0), found(test=0)), terms=lenient))[0] == MINERS[0]


@pytest.mark.parametrize(("train", "winner"), [(90, MINERS[0]), (89, None)])
def test_the_training_threshold_binds_exactly(train: int, winner: str | None) -> None:
    assert verdict(judged((modest(0, train, 9), found(train=train))))[0] == winner


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
    given_ = ended(finding)
    assert is_proven_bad(given_, given_.judged[0]) is bad


def test_test_claims_bind_only_where_the_test_set_was_released() -> None:
    given_ = ended(found(test=0), released=False)
    assert not is_proven_bad(given_, given_.judged[0])


def choices(*solutions: Solution) -> list[int]:
    return [each.choice for each in choose(solutions)]


def test_everything_revealed_is_judged_in_the_order_of_places() -> None:
    shown = (solution(0, claimed_train_correct=1), unrevealed(1), solution(2, order=9), solution(3))
    assert choices(*shown) == [1, 0, 2, 3]


def test_equal_models_are_one_choice_of_all_who_showed_them() -> None:
    same = solution(2).model_digest
    shown = (solution(0, model_digest=same, order=5), solution(1), solution(2, order=4), unrevealed(3))
    assert choices(*shown) == [1, 2, 1, 0]
    assert choices_of(choose(shown)) == 2


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 2)), max_size=4))
def test_every_model_that_was_revealed_is_judged_once(shown: list[tuple[bool, int]]) -> None:
    solutions = choose(
        [
            solution(n, revealed=revealed, model_digest=bytes([digest]) * 32)
            for n, (revealed, digest) in enumerate(shown)
        ]
    )
    models = {each.choice: each.model_digest for each in solutions if each.revealed}
    assert sorted(models) == [*range(1, choices_of(solutions) + 1)]
    assert len(set(models.values())) == len(models)
    for each in solutions:
        assert models[each.choice] == each.model_digest if each.revealed else each.choice == 0


def equal(*claims: int, found_: int = 8) -> EndedRound:
    """Return a round of one model, which has so many correct on the test set, and of claims on it."""
    shown = [modest(n, test=claim, model=b"m" * 32) for n, claim in enumerate(claims)]
    return ended(found(90, found_), solutions=shown)


def test_a_false_claim_of_an_equal_model_shuts_no_honest_one_out() -> None:
    given_ = equal(9, 8)
    assert verdict(given_) == (MINERS[1], ())
    assert [is_proven_bad(given_, each) for each in given_.judged] == [True, False]


def test_every_false_claim_of_one_model_is_proven_bad() -> None:
    given_ = equal(9, 10, 9)
    assert judge(given_) == void(VoidReason.NONE_QUALIFIED)
    assert all(is_proven_bad(given_, each) for each in given_.judged)


def test_of_equal_models_the_earliest_true_claim_wins_and_no_other_is_an_ommer() -> None:
    assert verdict(equal(8, 8, 7)) == (MINERS[0], ())


def test_equal_models_of_several_are_one_ommer() -> None:
    shown = [modest(0, test=9), *(modest(n, test=8, model=b"s" * 32) for n in (1, 2))]
    assert verdict(ended(found(90, 9), found(90, 8), solutions=shown)) == (MINERS[0], (MINERS[1],))


def challenge(*findings: Finding) -> Challenge:
    return Challenge(MINERS[3], 9_001, findings)


def test_a_challenge_is_returned_where_the_last_tally_contradicts_the_one_it_doubted() -> None:
    for doubted in (found(train=80), fault(Verdict.MALFORMED)):
        assert is_returned(ended(found(), challenges=(challenge(doubted),)), 0)


@pytest.mark.parametrize("doubted", [Finding(Verdict.OK, 95, 9, 2), fault(Verdict.UNAVAILABLE), NO_FINDING])
def test_a_challenge_earns_nothing_from_availability_or_from_agreement(doubted: Finding) -> None:
    assert not is_returned(ended(found(), challenges=(challenge(doubted),)), 0)
    assert not is_returned(ended(doubted, challenges=(challenge(found()),)), 0)


def test_a_challenge_that_no_committee_could_judge_is_not_held_against_anybody() -> None:
    first, second = challenge(found()), challenge(found())
    assert is_returned(ended(found(), challenges=(first,), dropped=True), 0)
    both = ended(found(), challenges=(first, second), dropped=True)
    assert [is_returned(both, attempt) for attempt in range(2)] == [False, True]
