"""What members earned and lost is held against their votes, to the wei."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.protocol.example_rounds import CHAIN, TERMS
from tests.unit.protocol.ledger import HONEST, SEATS, VERIFIERS, Ledger

from pole.errors import IntegrityError
from pole.protocol.ballots import ballot_id, challenge_bond
from pole.protocol.replay.history import verify_history
from pole.protocol.replay.surroundings import Books
from pole.protocol.state import Verdict, Vote

ABSENCE = Vote(Verdict.UNAVAILABLE, 0, 0, bytes(32))
LIE = replace(HONEST, train_correct=94)
BOND = challenge_bond(0, TERMS.reward, CHAIN)
"""Spent: the first tally, of two votes of three, found nothing that the second contradicts."""

FIRST, SECOND = ballot_id(1, 0), ballot_id(1, 1)


def settled() -> Ledger:
    """Return a round whose first committee lied, its third member having leaked its vote.

    Of the second one a member abstained and another was absent.
    """
    ledger = Ledger()
    ledger.post()
    ledger.run_to_reveal(miners=1)
    ledger.draw(1)
    ledger.vote(FIRST, (LIE,), leaked=VERIFIERS[2:])
    ledger.challenge(1)
    ledger.draw(1, SEATS)
    ledger.cast(SECOND, {**dict.fromkeys(SEATS[:5], HONEST), SEATS[5]: ABSENCE})
    ledger.finalise(1)
    return ledger


SETTLED = settled()


def with_books(**books: Mapping[tuple[int, str], Any]) -> Any:
    history = SETTLED.history()
    return replace(history, around=replace(history.around, books=replace(SETTLED.books, **books)))


def test_the_books_of_the_example_are_as_the_rules_have_it() -> None:
    penalty = SETTLED.parameters.committee.penalty
    assert SETTLED.books.penalties == {
        (FIRST, VERIFIERS[0]): (penalty,),
        (FIRST, VERIFIERS[1]): (penalty,),
        (FIRST, VERIFIERS[2]): (penalty,),
        (SECOND, SEATS[6]): (penalty,),
    }
    assert SETTLED.books.leaks == {(FIRST, VERIFIERS[2]): penalty}
    assert SETTLED.books.strikes == {(SECOND, SEATS[5]): 1}
    pot = TERMS.reward // 10 + BOND + 4 * penalty
    assert SETTLED.books.rewards == dict.fromkeys([(SECOND, seat) for seat in SEATS[:5]], pot // 10)
    verify_history(SETTLED.history())


REWARDS, PENALTIES, STRIKES = SETTLED.books.rewards, SETTLED.books.penalties, SETTLED.books.strikes


@pytest.mark.parametrize(
    ("books", "message"),
    [
        ({"rewards": {**REWARDS, (SECOND, SEATS[0]): 1}}, f"{SEATS[0]} was paid 1 wei"),
        ({"rewards": {**REWARDS, (SECOND, SEATS[5]): 1}}, f"{SEATS[5]} was paid 1 wei .* but earned 0"),
        ({"rewards": {}}, f"{SEATS[0]} was paid 0 wei"),
        ({"penalties": {**PENALTIES, (SECOND, SEATS[5]): (500,)}}, "a penalty that it does not owe"),
        ({"penalties": {**PENALTIES, (FIRST, VERIFIERS[0]): ()}}, "owes a penalty of 500 wei, but lost 0"),
        ({"penalties": {**PENALTIES, (FIRST, VERIFIERS[0]): (499,)}}, "but lost 499"),
        ({"penalties": {**PENALTIES, (FIRST, VERIFIERS[0]): (500, 500)}}, "does not owe"),
        ({"penalties": {**PENALTIES, (FIRST, VERIFIERS[2]): ()}}, "but lost 0"),
        ({"leaks": {}}, f"{VERIFIERS[2]} lost 0 wei by a leak, where the penalty is 500"),
        ({"leaks": {(FIRST, VERIFIERS[2]): 501}}, f"{VERIFIERS[2]} lost 501 wei by a leak"),
        ({"strikes": {(SECOND, SEATS[0]): 1}}, f"{SEATS[0]} has strike 1, which its votes do not earn"),
        ({"strikes": {(SECOND, SEATS[5]): 2}}, f"{SEATS[5]} has strike 2, which its votes do not earn"),
    ],
)
def test_books_against_the_rules_are_named(
    books: dict[str, Mapping[tuple[int, str], Any]], message: str
) -> None:
    with pytest.raises(IntegrityError, match=f"in round 1 .*{message}"):
        verify_history(with_books(**books))


def test_who_had_left_its_seat_gets_no_strike() -> None:
    verify_history(with_books(strikes={}))


def test_who_has_little_stake_left_loses_no_more_than_that() -> None:
    """Penalties of another lane's round, in which the verifier was judged too, took the rest of its stake."""
    elsewhere = {(ballot_id(9, 0), VERIFIERS[0]): (500,) * 5}
    spent = {**PENALTIES, **elsewhere, (FIRST, VERIFIERS[0]): (499,)}
    rewards = dict.fromkeys(REWARDS, (TERMS.reward // 10 + BOND + 1999) // 10)
    with pytest.raises(IntegrityError, match="but lost 499"):
        verify_history(with_books(penalties=spent, rewards=rewards))
    more = {(ballot_id(9, 0), VERIFIERS[0]): (500,) * 5, (ballot_id(9, 1), VERIFIERS[0]): (1,)}
    verify_history(with_books(penalties={**spent, **more}, rewards=rewards))


def test_without_a_challenge_penalties_pay_nobody() -> None:
    ledger = Ledger()
    ledger.post(replace(TERMS, reward=1_500_001))
    ledger.run_to_reveal(miners=1)
    ledger.draw(1, SEATS[:4])
    ledger.cast(FIRST, dict.fromkeys(SEATS[:3], HONEST))
    ledger.finalise(1)
    assert ledger.books.rewards == dict.fromkeys([(FIRST, seat) for seat in SEATS[:3]], 150_000 // 4)
    assert list(ledger.books.penalties) == [(FIRST, SEATS[3])]
    verify_history(ledger.history())


def test_strikes_are_counted_in_a_row_and_over_rounds() -> None:
    ledger = Ledger()
    for _ in range(5):
        ledger.post(replace(TERMS, reward=1_500_001))
    for round_id, last in enumerate((ABSENCE, ABSENCE, HONEST, ABSENCE, ABSENCE), start=1):
        ledger.run_to_reveal(miners=1)
        ledger.draw(round_id, SEATS[:4])
        ledger.cast(ballot_id(round_id, 0), {**dict.fromkeys(SEATS[:3], HONEST), SEATS[3]: last})
        ledger.finalise(round_id)
    assert list(ledger.books.strikes.values()) == [1, 2, 1, 2]
    verify_history(ledger.history())
    skipped = Books(ledger.books.rewards, {}, {**ledger.books.strikes, (ballot_id(4, 0), SEATS[3]): 3}, {})
    history = ledger.history()
    with pytest.raises(IntegrityError, match=r"in round 4 .* has strike 3"):
        verify_history(replace(history, around=replace(history.around, books=skipped)))


def test_who_had_no_stake_when_its_vote_leaked_still_owes_the_penalty_of_the_settlement() -> None:
    """It staked anew in between, so the settlement takes a whole penalty, which is part of the pot."""
    elsewhere = {(ballot_id(9, 0), VERIFIERS[2]): (500,) * 6}
    verify_history(with_books(penalties={**PENALTIES, **elsewhere}, leaks={}))
