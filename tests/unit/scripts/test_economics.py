"""The numbers of docs/economics.md are the script's, and the script's are right where they can be known."""

from fractions import Fraction
from itertools import combinations
from math import comb

import pytest
from scripts.economics.__main__ import PAGE, PICTURE, picture
from scripts.economics.committee import Safety, doubted, drawn, last_word, one_draw, withheld
from scripts.economics.rounds import ATTACKER, DATA_NODE, HONEST, ended_round, outcome, solution, without_keys
from scripts.economics.tables import read_parameters, reference_task, tables
from scripts.pages.tables import written

from pole.protocol.ballots import quorum
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


def test_who_doubts_every_loss_loses_only_where_every_committee_is_lost() -> None:
    for dishonest in range(20):
        assert doubted(seats=60, dishonest=dishonest, n=5, cap=60) == Safety(Fraction(0), Fraction(0))
    assert doubted(seats=60, dishonest=60, n=5, cap=60) == Safety(Fraction(1), Fraction(0))
    first, last = one_draw(seats=100, dishonest=40, n=31), one_draw(seats=100, dishonest=40, n=63)
    lost = first.capture + first.stall
    assert doubted(seats=100, dishonest=40, n=31, cap=63) == Safety(lost * last.capture, lost * last.stall)


def test_where_both_sides_challenge_the_largest_committee_decides() -> None:
    assert last_word(seats=100, dishonest=40, n=5, cap=63) == one_draw(seats=100, dishonest=40, n=63)
    assert last_word(seats=40, dishonest=10, n=5, cap=63) == one_draw(seats=40, dishonest=10, n=40)


def test_withholding_blocks_gives_more_draws_to_whoever_proposes_the_last_ones() -> None:
    chance = Fraction(1, 100)
    assert withheld(chance, Fraction(0)) == pytest.approx(chance)
    # With one slot at most: as likely as not two draws.
    assert withheld(chance, Fraction(1, 2), slots=2) == pytest.approx(
        chance / 2 + (1 - (1 - chance) ** 2) / 4
    )
    assert chance < withheld(chance, Fraction(1, 3)) < 2 * chance


def test_every_wei_of_a_spoiled_round_is_somebodys() -> None:
    honest = [solution(HONEST[0], 0, claims=98), solution(HONEST[1], 1, claims=97)]
    truth: dict[str, int | Verdict] = {HONEST[0]: 98, HONEST[1]: Verdict.MALFORMED}
    judged = ended_round(TERMS, honest, truth)
    for ended in (judged, without_keys(judged)):
        ending = outcome(ended, PARAMETERS)
        assert sum(ending.gains.values()) + ending.verifiers + ending.pool == 0


def test_false_claims_on_every_place_cost_the_reward_and_the_data_node_nothing_but_its_fee() -> None:
    places = PARAMETERS.chain.max_solutions
    for claims, bonds in ((79, TERMS.reward), (100, places * TERMS.reward // 2)):
        crowd = [solution(f"{ATTACKER} {n}", n, claims=claims) for n in range(places)]
        truth: dict[str, int | Verdict] = {each.miner: 10 for each in crowd}
        ending = outcome(ended_round(TERMS, crowd, truth), PARAMETERS)
        assert ending.judgement.void_reason is VoidReason.NONE_QUALIFIED
        assert (ending.gains[DATA_NODE], ending.attacker) == (-TERMS.fee, -bonds)
        assert ending.verifiers == TERMS.reward // 10
