"""The books of miners and verifiers sum to what the contracts paid and took, to the wei, after any run."""

from collections.abc import Iterable
from dataclasses import replace
from random import SystemRandom

import pytest
from tests.contracts.stateful.interface import artifacts
from tests.contracts.stateful.people import PEOPLE
from tests.contracts.stateful.run import Counts, Course, run, seeded
from tests.parity.histories import Money, told_of

from pole.protocol.encoding.hashing import address
from pole.protocol.replay.earnings.miner import MinerRow, miner_rows
from pole.protocol.replay.earnings.places import Row, by_day, sums
from pole.protocol.replay.earnings.verifier import SeatEnding, VerifierRow, verifier_rows
from pole.protocol.replay.earnings.wording import miner_reason, verifier_reason
from pole.protocol.replay.history import History, replayed_rounds
from pole.protocol.replay.standing import ReplayedRound
from pole.protocol.state import PayoutReason

RUNS, STEPS = 2, 250
OF_OWNERS = (PayoutReason.DATA_BOND, PayoutReason.REWARD_REFUND, PayoutReason.RENT_REFUND)
COMMIT, CHALLENGE = "PoLeChain.commit", "PoLeChain.challenge"
STAKE, VOTE = "VerifierCommittee.stake", "VerifierCommittee.commitVote"


@pytest.fixture(params=range(RUNS))
def course() -> Course:
    # A run may end before anybody voted: then no seat was paid.
    while True:
        course, counts = played()
        if counts.calls[COMMIT, "ok"] and counts.calls[VOTE, "ok"]:
            return course


def played() -> tuple[Course, Counts]:
    # A new seed every time; a failure shows the course.
    counts = Counts()
    return run(artifacts(), seeded(SystemRandom().getrandbits(64)), STEPS, counts), counts


def check_sums(history: History, money: Money) -> tuple[list[MinerRow], list[VerifierRow]]:
    rounds = replayed_rounds(history)
    mined: list[MinerRow] = []
    judged: list[VerifierRow] = []
    for person in map(address, PEOPLE):
        own = miner_rows(rounds, person, history.around.parameters)
        check_miner(own, person, rounds, money)
        votes = verifier_rows(rounds, person, history.around.parameters, history.around.books)
        check_verifier(votes, person, history, money)
        check_days(own)
        check_days(votes)
        mined += own
        judged += votes
    return mined, judged


def check_miner(rows: Iterable[MinerRow], person: str, rounds: Iterable[ReplayedRound], money: Money) -> None:
    rows = list(rows)
    credited = money.credited[person, "PoLeChain"] - owners_part(person, rounds)
    deposited = money.paid_in[person, COMMIT] + money.paid_in[person, CHALLENGE]
    returned = sum(row.bond.returned + row.challenges.returned for row in rows)
    made = sum(row.bond.made + row.challenges.made for row in rows)
    assert credited == sum(row.paid for row in rows) + returned
    assert deposited == made
    assert credited - deposited == sum(row.paid - row.lost - row.held for row in rows)
    assert all(row.bond.missing >= 0 and row.challenges.missing >= 0 for row in rows)


def owners_part(person: str, rounds: Iterable[ReplayedRound]) -> int:
    """Return what the person has back as the data node of rounds."""
    payouts = [each for played in rounds if (paid := played.traced.payouts) for each in paid.payouts]
    return sum(each.amount for each in payouts if each.payee == person and each.reason in OF_OWNERS)


def check_verifier(rows: Iterable[VerifierRow], person: str, history: History, money: Money) -> None:
    rows, books = list(rows), history.around.books
    penalties = sum(sum(taken) for (_, who), taken in books.penalties.items() if who == person)
    leaks = sum(taken for (_, who), taken in books.leaks.items() if who == person)
    assert sum(row.lost for row in rows) == penalties + leaks
    # What is left of its stakes when everybody has gone was paid back.
    reclaimed = money.credited[person, "VerifierCommittee"] - sum(row.paid for row in rows)
    assert reclaimed == money.paid_in[person, STAKE] - penalties - leaks


def check_days(rows: Iterable[Row]) -> None:
    rows = list(rows)
    days = by_day(rows)
    assert sum(sums(day.rows).paid for day in days) == sums(rows).paid
    assert [row for day in days for row in day.rows] == sorted(rows, key=lambda row: row.place.day is None)


def test_rows_sum_to_what_the_contracts_paid_and_took(course: Course) -> None:
    mined, judged = check_sums(*told_of(course))
    assert mined
    assert judged
    assert all(row.held == 0 for row in mined)
    assert all(miner_reason(row) for row in mined)
    assert all(verifier_reason(row) for row in judged)
    assert all(seat.ending is not SeatEnding.OPEN for row in judged for seat in row.seats)


def test_an_open_round_holds_what_was_deposited_and_has_not_come_back(course: Course) -> None:
    count = len(course.actions)
    for part in (count // 4, count // 2, 3 * count // 4):
        history, money = told_of(replace(course, actions=course.actions[:part]))
        rounds = replayed_rounds(history)
        for person in map(address, PEOPLE):
            check_miner(miner_rows(rounds, person, history.around.parameters), person, rounds, money)
