"""A verifier's books: every way a seat can end, with what it paid and cost; what a seat earns on average."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.protocol.example_rounds import PARAMETERS, TERMS
from tests.unit.protocol.ledger import CHALLENGER, HONEST, SEATS, VERIFIERS, Ledger
from tests.unit.protocol.replay.test_books import ABSENCE, FIRST, LIE, SECOND, SETTLED

from pole.protocol.ballots import ballot_id
from pole.protocol.replay.earnings.estimate import SeatEstimate, estimate_seat
from pole.protocol.replay.earnings.places import sums
from pole.protocol.replay.earnings.verifier import SeatEnding, VerifierRow, seats_of_round, verifier_rows
from pole.protocol.replay.earnings.wording import verifier_reason
from pole.protocol.replay.history import replayed_rounds
from pole.protocol.state import Vote

PENALTY = PARAMETERS.committee.penalty
LONE = replace(TERMS, reward=1_500_001)
"""A reward that asks for a committee of four."""


def rows(ledger: Ledger, verifier: str) -> tuple[VerifierRow, ...]:
    return verifier_rows(replayed_rounds(ledger.history()), verifier, ledger.parameters, ledger.books)


def judged(*last: Vote | None) -> Ledger:
    """Return rounds that have ended, in which three of four members say the truth and the last says this."""
    ledger = Ledger()
    for _ in last:
        ledger.post(LONE)
    for vote in last:
        round_id = ledger.run_to_reveal(miners=1)
        ledger.draw(round_id, SEATS[:4])
        others = dict.fromkeys(SEATS[:3], HONEST)
        ledger.cast(ballot_id(round_id, 0), others if vote is None else {**others, SEATS[3]: vote})
        ledger.finalise(round_id)
    return ledger


def test_who_casts_what_is_found_is_paid_its_part() -> None:
    (row,) = rows(judged(HONEST), SEATS[3])
    assert (row.seats[0].ending, row.seats[0].right, row.seats[0].found) == (SeatEnding.RIGHT, 1, 1)
    assert (row.paid, row.lost) == (150_000 // 4, 0)
    assert verifier_reason(row) == "cast what was found"


@pytest.mark.parametrize(
    ("vote", "ending", "lost", "reason"),
    [
        (None, SeatEnding.ABSENT, PENALTY, "absent: committed no votes in time; lost its seat"),
        (LIE, SeatEnding.FALSE, PENALTY, "cast another truth than was found; lost its seat"),
        (ABSENCE, SeatEnding.ABSTAINED, 0, "abstained where a truth was found, strike 1 of 3"),
    ],
)
def test_who_does_not_is_told_why(vote: Vote | None, ending: SeatEnding, lost: int, reason: str) -> None:
    (row,) = rows(judged(vote), SEATS[3])
    assert (row.seats[0].ending, row.paid, row.lost) == (ending, 0, lost)
    assert verifier_reason(row) == reason


def test_each_strike_is_counted() -> None:
    found = rows(judged(*[ABSENCE] * 3), SEATS[3])
    reasons = [verifier_reason(row).partition(", ")[2] for row in found]
    assert reasons == ["strike 1 of 3", "strike 2 of 3", "strike 3 of 3; lost its seat"]
    assert [row.has_lost_seat for row in found] == [False, False, True]


def test_a_leak_costs_one_penalty_at_once_and_one_at_the_end_and_its_informer_earns_half() -> None:
    (row,) = rows(SETTLED, VERIFIERS[2])
    assert [(seat.attempt, seat.ending) for seat in row.seats] == [
        (0, SeatEnding.LEAKED),
        (1, SeatEnding.RIGHT),
    ]
    assert (row.seats[0].leak, row.seats[0].penalty) == (PENALTY, PENALTY)
    assert (row.lost, row.paid) == (2 * PENALTY, SETTLED.books.rewards[SECOND, VERIFIERS[2]])
    (informer,) = rows(SETTLED, CHALLENGER)
    assert (informer.paid, informer.lost, informer.seats) == (PENALTY // 2, 0, ())
    assert verifier_reason(informer) == "showed votes of others before the reveals"


def test_a_leak_without_a_stake_pays_its_informer_nothing() -> None:
    unpaid = replace(SETTLED.books, leaks={})
    played = replayed_rounds(SETTLED.history())
    (informer,) = verifier_rows(played, CHALLENGER, SETTLED.parameters, unpaid)
    assert (informer.paid, verifier_reason(informer)) == (0, "showed votes that held no stake")


def test_several_committees_of_a_round_are_one_row_with_what_each_cost() -> None:
    (row,) = rows(SETTLED, VERIFIERS[0])
    assert verifier_reason(row) == (
        "committee 1: cast another truth than was found, lost 0.0000000000000005 ETH; "
        "committee 2: cast what was found; lost its seat"
    )
    assert FIRST + 1 == SECOND


def test_an_open_round_has_paid_and_cost_nothing_yet() -> None:
    ledger = Ledger()
    ledger.post()
    ledger.draw(ledger.run_to_reveal(miners=1))
    (row,) = rows(ledger, VERIFIERS[0])
    assert (row.seats[0].ending, row.paid, row.lost, row.held) == (SeatEnding.OPEN, 0, 0, 0)


VOTES = st.sampled_from([HONEST, LIE, ABSENCE, None])
COMMITTEES = st.lists(st.lists(VOTES, min_size=4, max_size=4), min_size=1, max_size=3)


def played_out(committees: list[list[Vote | None]], leaked: bool) -> Ledger:
    """Return rounds that have ended, whose four members say this; in the first the first one's vote leaks."""
    ledger = Ledger()
    for _ in committees:
        ledger.post(LONE)
    for votes in committees:
        round_id = ledger.run_to_reveal(miners=1)
        ballot = ballot_id(round_id, 0)
        ledger.draw(round_id, SEATS[:4])
        cast = {seat: vote for seat, vote in zip(SEATS, votes, strict=False) if vote is not None}
        if leaked and SEATS[0] in cast:
            ledger.vote(ballot, (cast.pop(SEATS[0]),), SEATS[:1], leaked=SEATS[:1])
        ledger.cast(ballot, cast)
        ledger.finalise(round_id)
    return ledger


def estimated(ledger: Ledger, seats: int) -> SeatEstimate:
    played = replayed_rounds(ledger.history())
    counts = {each.round_id: seats for each in played}
    return estimate_seat(played, counts, ledger.books, ledger.parameters.committee)


@settings(max_examples=40, deadline=None)
@given(COMMITTEES, st.booleans(), st.integers(4, 50))
def test_rows_and_the_estimate_sum_to_the_committee_s_books(
    committees: list[list[Vote | None]], leaked: bool, seats: int
) -> None:
    ledger = played_out(committees, leaked)
    books = ledger.books
    all_rows = [row for who in (*SEATS, CHALLENGER) for row in rows(ledger, who)]
    shares = sum(taken // 2 for taken in books.leaks.values())
    lost = sum(map(sum, books.penalties.values())) + sum(books.leaks.values())
    assert sums(all_rows).paid == sum(books.rewards.values()) + shares
    assert sums(all_rows).lost == lost
    found = estimated(ledger, seats)
    assert found.fees * seats == sum(books.rewards.values())
    assert found.penalties * seats == lost
    assert found.drawn == Fraction(4 * len(committees), seats)
    assert found.endings.total() == 4 * len(committees)


def test_a_seat_that_is_always_right_earns_what_right_members_did() -> None:
    found = estimated(judged(HONEST, None), seats=8)
    assert found.right == 2 * Fraction(4, 8) * (150_000 // 4)
    assert found.fees == Fraction((4 + 3) * (150_000 // 4), 8)
    assert found.penalties == Fraction(PENALTY, 8)
    assert found.absent == 2 * Fraction(4, 8) * PENALTY
    assert found.net == found.fees - found.penalties


def test_penalties_of_a_challenged_round_are_in_the_pay_of_right_votes() -> None:
    found = estimated(SETTLED, seats=10)
    assert found.right == Fraction(10, 10) * SETTLED.books.rewards[SECOND, SEATS[0]]


def test_rounds_without_a_committee_count_and_pay_nothing() -> None:
    ledger = Ledger()
    ledger.post()
    ledger.finalise(ledger.run_to_reveal(miners=1))
    found = estimated(ledger, seats=3)
    assert (found.rounds, found.judged) == (1, 0)
    assert found.drawn == found.net == 0
    assert seats_of_round(replayed_rounds(ledger.history())[0], ledger.books) == ()
