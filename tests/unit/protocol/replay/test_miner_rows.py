"""A miner's books: every way a round can end for it, with what it paid and cost."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.unit.protocol.example_rounds import CHAIN, MINERS, PARAMETERS, TERMS
from tests.unit.protocol.ledger import CHALLENGER, HONEST, SEATS, Ledger

from pole.protocol.ballots import ballot_id, challenge_bond
from pole.protocol.encoding.records import SolutionDisplaced
from pole.protocol.replay.earnings.endings import Ending
from pole.protocol.replay.earnings.miner import Deposit, MinerRow, miner_rows
from pole.protocol.replay.earnings.places import by_day, sums
from pole.protocol.replay.earnings.wording import miner_reason
from pole.protocol.replay.history import replayed_rounds
from pole.protocol.state import PayoutReason, Verdict, VoidReason, Vote

BOND = CHAIN.miner_bond
FEE = TERMS.reward // 10
WON = TERMS.reward - FEE


def rows(ledger: Ledger, miner: int = 0) -> tuple[MinerRow, ...]:
    return miner_rows(replayed_rounds(ledger.history()), MINERS[miner], ledger.parameters)


def judged(votes: tuple[Vote, ...], *tests: int, trains: tuple[int, ...] = ()) -> Ledger:
    """Return a round that has ended, in which miners claim so much and every verifier casts these votes."""
    ledger = Ledger()
    ledger.post()
    round_id = ledger.run_to_training()
    claims = trains or (95,) * len(tests)
    for n, train in enumerate(claims):
        ledger.commit(round_id, n, train)
    ledger.reveal_all(round_id)
    for n, (train, test) in enumerate(zip(claims, tests, strict=True)):
        ledger.reveal(round_id, n, train, test)
    ledger.draw(round_id)
    ledger.vote(ballot_id(round_id, 0), votes)
    ledger.finalise(round_id)
    return ledger


def found(train: int, test: int) -> Vote:
    return replace(HONEST, train_correct=train, test_correct=test)


def verdict(kind: Verdict) -> Vote:
    return Vote(kind, 0, 0, bytes(32))


def test_the_winner_has_its_bond_back_and_the_reward_less_the_fee() -> None:
    (row,) = rows(judged((found(95, 9), found(95, 8)), 9, 8))
    assert row.ending.ending is Ending.WON
    assert (row.ending.rank, row.ending.behind, row.claimed) == (1, 0, 95)
    assert row.earned == {PayoutReason.TASK_REWARD: WON, PayoutReason.BLOCK_REWARD: CHAIN.block_reward}
    assert row.bond == Deposit(BOND, BOND)
    assert (row.paid, row.lost, row.held) == (WON + CHAIN.block_reward, 0, 0)
    assert miner_reason(row) == "won"


@pytest.mark.parametrize(
    ("votes", "tests", "trains", "ending", "reason"),
    [
        (
            (found(95, 10), found(95, 8)),
            (10, 8),
            (95, 95),
            Ending.OUTRANKED,
            "lost to 0x90F8…c9C1 by 2 samples of the test set",
        ),
        (
            (found(95, 9), found(95, 8)),
            (9, 8),
            (95, 95),
            Ending.OUTRANKED,
            "lost to 0x90F8…c9C1 by 1 sample of the test set",
        ),
        (
            (found(95, 9), found(95, 9)),
            (9, 9),
            (95, 95),
            Ending.OUTRANKED,
            "lost to 0x90F8…c9C1, which has as many right and committed earlier",
        ),
        (
            (found(95, 9), found(89, 9)),
            (9, 9),
            (95, 89),
            Ending.BELOW_TRAINING_THRESHOLD,
            "below the training threshold with 89 of 100",
        ),
        (
            (found(95, 9), found(95, 7)),
            (9, 7),
            (95, 95),
            Ending.BELOW_TEST_THRESHOLD,
            "below the test threshold with 7 of 10",
        ),
        (
            (found(95, 9), verdict(Verdict.DATA_FAULT)),
            (9, 9),
            (95, 95),
            Ending.VOID,
            "the round is void: its data is faulty",
        ),
    ],
)
def test_who_does_not_win_keeps_its_bond_and_is_told_why(
    votes: tuple[Vote, ...], tests: tuple[int, ...], trains: tuple[int, ...], ending: Ending, reason: str
) -> None:
    (row,) = rows(judged(votes, *tests, trains=trains), miner=1)
    assert (row.ending.ending, miner_reason(row)) == (ending, reason)
    assert row.bond == Deposit(BOND, BOND)
    assert row.lost == 0


@pytest.mark.parametrize(
    ("vote", "ending", "reason"),
    [
        (found(94, 9), Ending.FALSE_CLAIM, "claimed 95/9 where 94/9 were found"),
        (found(95, 8), Ending.FALSE_CLAIM, "claimed 95/9 where 95/8 were found"),
        (verdict(Verdict.UNAVAILABLE), Ending.UNAVAILABLE, "the committee could not get its model"),
        (verdict(Verdict.MALFORMED), Ending.MALFORMED, "the committee found its model malformed"),
    ],
)
def test_who_is_proven_bad_loses_its_bond(vote: Vote, ending: Ending, reason: str) -> None:
    (row,) = rows(judged((found(95, 9), vote), 9, 9), miner=1)
    assert (row.ending.ending, miner_reason(row), row.ending.rank) == (ending, reason, None)
    assert (row.paid, row.lost, row.bond) == (0, BOND, Deposit(BOND, 0))


def test_who_showed_an_earlier_model_again_is_told_whose() -> None:
    ledger = Ledger()
    ledger.post()
    round_id = ledger.run_to_training()
    for n in range(2):
        ledger.commit(round_id, n, model=0)
    ledger.reveal_all(round_id)
    for n in range(2):
        ledger.reveal(round_id, n, model=0)
    ledger.draw(round_id)
    ledger.vote(ballot_id(round_id, 0), (HONEST,))
    ledger.finalise(round_id)
    (row,) = rows(ledger, miner=1)
    assert (row.ending.ending, row.ending.rank, row.lost) == (Ending.SAME_MODEL, 2, 0)
    assert miner_reason(row) == "showed the model of 0x90F8…c9C1, which committed earlier"


def test_who_reveals_nothing_loses_its_bond_in_a_round_that_another_wins() -> None:
    ledger = Ledger()
    ledger.post()
    round_id = ledger.run_to_training()
    for n in range(2):
        ledger.commit(round_id, n)
    ledger.reveal_all(round_id, 0)
    ledger.draw(round_id)
    ledger.vote(ballot_id(round_id, 0), (HONEST,))
    ledger.finalise(round_id)
    (row,) = rows(ledger, miner=1)
    assert (row.ending.ending, row.lost, row.ending.found) == (Ending.NOT_REVEALED, BOND, None)
    assert miner_reason(row) == "its model was not revealed in time"


def test_a_round_that_no_committee_agreed_in_gives_the_bond_back() -> None:
    ledger = Ledger()
    ledger.post()
    ledger.run(miners=1, vote=None)
    (row,) = rows(ledger)
    assert (row.ending.ending, row.void_reason) == (Ending.NO_FINDING, VoidReason.NO_QUORUM)
    assert (row.bond, row.place.height) == (Deposit(BOND, BOND), 0)


def test_a_void_round_without_a_committee_is_told_with_its_reason() -> None:
    ledger = Ledger()
    ledger.post()
    ledger.finalise(ledger.run_to_reveal(miners=1))
    (row,) = rows(ledger)
    assert (row.ending.ending, row.lost) == (Ending.VOID, 0)
    assert miner_reason(row) == "the round is void: too few verifiers could be drawn"


def displaced(again: int | None = None) -> Ledger:
    """Return a round whose four places are taken, in which a higher claim takes that of miner 0."""
    dear = replace(CHAIN, ready_bond_bps=2_000, max_solutions=1)
    ledger = Ledger(replace(PARAMETERS, chain=dear))
    ledger.post()
    round_id = ledger.run_to_training()
    ledger.commit(round_id, 0, 50)
    ledger.commit(round_id, 0, 95)
    ledger.add(SolutionDisplaced(round_id, MINERS[0]))
    ledger.commit(round_id, 1, 96)
    if again is not None:
        ledger.add(SolutionDisplaced(round_id, MINERS[1]))
        ledger.commit(round_id, 0, again)
    last, claim = (1, 96) if again is None else (0, again)
    ledger.reveal_all(round_id, last, train=claim)
    ledger.draw(round_id)
    ledger.vote(ballot_id(round_id, 0), (found(claim, 9),))
    ledger.finalise(round_id)
    return ledger


def test_who_is_displaced_has_all_back_that_its_claims_cost() -> None:
    (row,) = rows(displaced())
    assert (row.ending.ending, row.claimed) == (Ending.DISPLACED, 95)
    assert row.bond == Deposit(TERMS.reward // 5, TERMS.reward // 5)
    assert miner_reason(row) == "a higher claim took its place"


def test_who_was_displaced_and_comes_back_pays_its_bond_twice_and_has_it_back_twice() -> None:
    (row,) = rows(displaced(again=97))
    assert (row.ending.ending, row.claimed) == (Ending.WON, 97)
    assert row.bond == Deposit(2 * (TERMS.reward // 5), 2 * (TERMS.reward // 5))


def test_an_ommer_is_paid_in_the_round_whose_block_names_it() -> None:
    ledger = Ledger()
    for _ in range(2):
        ledger.post()
    ledger.run(miners=2)
    ledger.run(miners=1)
    first, second = rows(ledger, miner=1)
    assert first.ending.ending is Ending.OUTRANKED
    assert second.ending.ending is Ending.OMMER
    assert second.earned == {PayoutReason.OMMER_REWARD: CHAIN.block_reward}
    assert (second.place.round_id, second.claimed, second.bond) == (2, None, Deposit())
    assert miner_reason(second) == "paid as an ommer"


LIE = replace(HONEST, train_correct=60, test_correct=5)


@pytest.mark.parametrize(
    ("first", "lost", "reason"),
    [
        (LIE, 0, "its challenge came back"),
        (
            HONEST,
            challenge_bond(0, TERMS.reward, CHAIN),
            "its challenge changed nothing that stands",
        ),
    ],
)
def test_the_bond_of_a_challenge_is_lost_where_it_changes_nothing(
    first: Vote, lost: int, reason: str
) -> None:
    ledger = Ledger()
    ledger.post()
    ledger.run_to_reveal(miners=1)
    ledger.draw(1)
    ledger.vote(ballot_id(1, 0), (first,))
    ledger.challenge(1)
    ledger.draw(1, SEATS)
    ledger.vote(ballot_id(1, 1), (HONEST,), SEATS)
    ledger.finalise(1)
    (row,) = miner_rows(replayed_rounds(ledger.history()), CHALLENGER, ledger.parameters)
    assert (row.ending.ending, row.lost) == (Ending.CHALLENGED, lost)
    assert miner_reason(row) == f"challenged the tally; {reason}"


@pytest.mark.parametrize(
    "until", [lambda ledger: ledger.run_to_reveal(), lambda ledger: ledger.draw(ledger.run_to_reveal())]
)
def test_an_open_round_holds_the_bond_and_nothing_is_lost_yet(until: Callable[[Ledger], int]) -> None:
    ledger = Ledger()
    ledger.post()
    until(ledger)
    (row,) = rows(ledger)
    assert (row.ending.ending, row.paid, row.lost, row.held) == (Ending.OPEN, 0, 0, BOND)
    assert row.place.day is None


def test_who_took_no_part_has_no_row() -> None:
    ledger = Ledger()
    ledger.post()
    ledger.run(miners=1)
    assert rows(ledger, miner=2) == ()


def test_days_have_the_rows_of_the_rounds_that_ended_on_them_and_open_rounds_come_last() -> None:
    ledger = Ledger()
    for _ in range(3):
        ledger.post()
    for _ in range(2):
        ledger.run(miners=1)
    ledger.run_to_reveal(miners=1)
    mined = rows(ledger)
    days = by_day((mined[0], replace(mined[1], place=replace(mined[1].place, ended_at=90_000)), mined[2]))
    assert [str(day.day) for day in days] == ["1970-01-01", "1970-01-02", "None"]
    total = sums(mined)
    assert (total.rounds, total.lost, total.held) == (3, 0, BOND)
    assert total.paid == sum(sums(day.rows).paid for day in days)
