"""The numbers of docs/economics.md are the script's, and the script's are right where they can be known."""

from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from math import comb

import pytest
from scripts.economics.__main__ import PAGE, PICTURE, picture
from scripts.economics.committee import Safety, challenged, drawn, growing, one_draw
from scripts.economics.rounds import ATTACKER, DATA_NODE, HONEST, ended_round, outcome, solution, without_keys
from scripts.economics.tables import read_parameters, reference_task, tables
from scripts.pages.tables import written

from pole.protocol.rounds.tally import quorum
from pole.protocol.state import Verdict, VoidReason

PARAMETERS = read_parameters("parameters.json")
TERMS = reference_task(PARAMETERS)


def test_the_page_says_what_the_script_computes() -> None:
    page = PAGE.read_text()
    assert written(page, tables()) == page, "write it anew with `python -m scripts.economics`"
    assert PICTURE.read_text() == picture()


def test_draws_are_counted_as_by_hand() -> None:
    seats = [True, True, True, False, False, False, False]
    for n in range(1, 8):
        counts = [sum(seats[i] for i in committee) for committee in combinations(range(7), n)]
        for bad, chance in drawn(seats=7, dishonest=3, n=n).items():
            assert chance == Fraction(counts.count(bad), comb(7, n))


@pytest.mark.parametrize(("seats", "dishonest", "n"), [(100, 33, 15), (63, 31, 63), (10, 0, 5), (10, 10, 4)])
def test_the_chances_of_a_draw_add_up_to_one(seats: int, dishonest: int, n: int) -> None:
    assert sum(drawn(seats=seats, dishonest=dishonest, n=n).values()) == 1


def test_a_minority_that_cannot_fill_a_quorum_never_captures() -> None:
    few = quorum(31) - 1
    assert one_draw(seats=100, dishonest=few, n=31).capture == 0
    assert one_draw(seats=100, dishonest=100, n=31) == Safety(Fraction(1), Fraction(0))


def test_a_committee_of_all_seats_is_certain() -> None:
    assert one_draw(seats=60, dishonest=19, n=60) == Safety(Fraction(0), Fraction(0))
    assert one_draw(seats=60, dishonest=20, n=60) == Safety(Fraction(0), Fraction(1))
    assert one_draw(seats=60, dishonest=41, n=60) == Safety(Fraction(1), Fraction(0))


def test_growth_to_all_seats_leaves_no_veto_below_a_third_and_never_makes_capture_rarer() -> None:
    for dishonest in range(20):
        alone = one_draw(seats=60, dishonest=dishonest, n=5)
        grown = growing(seats=60, dishonest=dishonest, n=5, cap=60)
        assert grown.stall == 0
        assert alone.capture <= grown.capture <= alone.capture + alone.stall


def test_a_round_that_takes_one_challenge_is_as_safe_as_its_second_committee_where_nobody_stalls() -> None:
    # One dishonest seat of 60: two of the first committee's one seat capture it, three are never stalled.
    second = one_draw(seats=60, dishonest=1, n=3)
    assert one_draw(seats=60, dishonest=1, n=1).capture == Fraction(1, 60)
    assert challenged(seats=60, dishonest=1, n=1, cap=60) == second.capture + second.stall * 0


def test_challenges_on_both_sides_end_all_that_can_happen() -> None:
    both = challenged(seats=60, dishonest=25, n=5, cap=60)
    honest = challenged(seats=60, dishonest=60, n=5, cap=60)
    assert 0 < both < 1
    assert honest == 1
    assert (
        challenged(seats=100, dishonest=40, n=63, cap=63) == one_draw(seats=100, dishonest=40, n=63).capture
    )


def test_a_committee_at_its_cap_does_not_grow() -> None:
    assert growing(seats=100, dishonest=40, n=63, cap=63) == one_draw(seats=100, dishonest=40, n=63)


def test_every_wei_of_a_spoiled_round_is_somebodys() -> None:
    honest = [solution(HONEST[0], 0, claims=98), solution(HONEST[1], 1, claims=97)]
    truth: dict[str, int | Verdict] = {HONEST[0]: 98, HONEST[1]: Verdict.MALFORMED}
    judged = ended_round(PARAMETERS, TERMS, honest, truth)
    for ended in (judged, without_keys(judged)):
        ending = outcome(ended, PARAMETERS)
        assert sum(ending.gains.values()) + ending.verifiers + ending.pool == 0


@pytest.mark.parametrize("reward", [TERMS.reward, 10 * TERMS.reward])
def test_false_claims_on_every_judged_place_cost_a_part_of_the_reward_and_the_data_node_nothing_but_its_fee(
    reward: int,
) -> None:
    crowd = [solution(f"{ATTACKER} {n}", 1 + n, claims=100) for n in range(PARAMETERS.chain.judged_solutions)]
    terms, truth = replace(TERMS, reward=reward), {HONEST[0]: 98, **{each.miner: 97 for each in crowd}}
    honest = solution(HONEST[0], 0, claims=98)
    ending = outcome(ended_round(PARAMETERS, terms, [honest, *crowd], truth), PARAMETERS)
    assert ending.judgement.void_reason is VoidReason.NONE_QUALIFIED
    assert ending.gains[HONEST[0]] == 0
    assert ending.gains[DATA_NODE] == -terms.fee
    assert ending.attacker == -reward // 5
    assert ending.verifiers == reward // 10
