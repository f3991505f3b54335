"""Histories in which tallies are challenged and votes leak: what does not follow from the rules is named."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.protocol.example_rounds import CHAIN, MINERS, PARAMETERS, TERMS
from tests.unit.protocol.ledger import CHALLENGER, HONEST, SALT, SEATS, VERIFIERS, Ledger
from tests.unit.protocol.replay.test_history import index_of, rewritten

from pole.errors import IntegrityError
from pole.protocol.ballots import ballot_id, challenge_bond
from pole.protocol.encoding.records import (
    CommitteeDrawn,
    DrawArmed,
    Payouts,
    RecordData,
    RoundVoided,
    TallyChallenged,
    VoteLeaked,
    VoteRevealed,
    decode_record,
)
from pole.protocol.replay.history import verify_history
from pole.protocol.state import Payout, PayoutReason, RecordKind, Verdict, VoidReason, Vote

LIE = Vote(Verdict.OK, 60, 5, b"\x66" * 32)
MISSING = Vote(Verdict.UNAVAILABLE, 0, 0, bytes(32))
NO_VOTE = None
BOND = challenge_bond(0, TERMS.reward, CHAIN)
REWARDED = Payout(CHALLENGER, PayoutReason.CHALLENGE_BOND, BOND)


def cast(ledger: Ledger, attempt: int, vote: Vote | None, seats: tuple[str, ...]) -> None:
    """Draw the committee of an attempt and let all of it cast `vote` on every solution, or nothing."""
    choices = ledger.draw(1, seats)
    if vote is not None:
        ledger.vote(ballot_id(1, attempt), (vote,) * choices, seats)


def judged_once(vote: Vote | None, leaked: tuple[str, ...] = ()) -> Ledger:
    """Return a round whose first committee, of three, has voted."""
    ledger = Ledger()
    ledger.post()
    ledger.run_to_reveal()
    if leaked and vote:
        ledger.vote(ballot_id(1, 0), (vote,) * ledger.draw(1), leaked=leaked)
    else:
        cast(ledger, 0, vote, VERIFIERS)
    return ledger


def judged_again(first: Vote | None, second: Vote | None) -> Ledger:
    """Return a round whose first tally was challenged, and judged anew by more."""
    ledger = judged_once(first)
    ledger.challenge(1)
    cast(ledger, 1, second, SEATS)
    return ledger


SMALL = replace(PARAMETERS, chain=replace(CHAIN, committee_size=1, min_committee=1))


def grown(*committees: tuple[str, ...], vote: Vote | None = None) -> Ledger:
    """Return a round that was judged by these committees, each tally but the last being challenged."""
    ledger = Ledger(SMALL)
    ledger.post(replace(TERMS, reward=400_000))
    ledger.run_to_reveal()
    for attempt, seats in enumerate(committees):
        if attempt:
            ledger.challenge(1, attempt - 1)
        cast(ledger, attempt, vote, seats)
    return ledger


def paid(ledger: Ledger) -> tuple[Payout, ...]:
    (payouts,) = [each for each in ledger.round_records if isinstance(each, Payouts)]
    return payouts.payouts


def without_bond(record: Payouts) -> Payouts:
    return replace(record, payouts=tuple(payout for payout in record.payouts if payout != REWARDED))


def overturned() -> Ledger:
    ledger = judged_again(LIE, HONEST)
    ledger.finalise(1)
    return ledger


def require_breach(ledger: Ledger, message: str) -> None:
    with pytest.raises(IntegrityError, match=f"in round 1 .*{message}"):
        verify_history(ledger.history())


@pytest.mark.parametrize(
    ("kind", "nth", "change", "message"),
    [
        (RecordKind.TALLY_CHALLENGED, 0, lambda r: replace(r, attempt=1), "attempt 1 was challenged at att"),
        (RecordKind.TALLY_CHALLENGED, 0, lambda r: replace(r, bond=0), f"with 0 wei, but {BOND} were due"),
        (RecordKind.TALLY_CHALLENGED, 0, lambda r: replace(r, bond=BOND + 1), f"but {BOND} were due"),
        (RecordKind.TALLY_CHALLENGED, 0, lambda r: replace(r, challenger=MINERS[0]), "paid out otherwise"),
        (RecordKind.TALLY_CHALLENGED, 0, lambda r: replace(r, round_id=2), "round 2 is not open"),
        (RecordKind.TALLY_CHALLENGED, 0, lambda _: DrawArmed(1, 7), "a DrawArmed record comes after a VoteR"),
        (RecordKind.COMMITTEE_DRAWN, 1, lambda r: replace(r, members=VERIFIERS), "3 members sits, where 4"),
        (RecordKind.COMMITTEE_DRAWN, 1, lambda r: replace(r, entropy=bytes(32)), "does not follow from its"),
        (RecordKind.COMMITTEE_DRAWN, 1, lambda r: replace(r, members=(MINERS[0], *SEATS[1:])), "a miner of"),
        (RecordKind.COMMITTEE_DRAWN, 1, lambda _: DrawArmed(1, 7), "there are votes, but no committee"),
        (RecordKind.COMMITTEE_DRAWN, 0, lambda _: DrawArmed(1, 7), "there are votes, but no committee"),
        (RecordKind.VOTE_COMMITTED, 3, lambda r: replace(r, ballot_id=4), "votes of another ballot than 5"),
        (RecordKind.VOTE_COMMITTED, 0, lambda r: replace(r, ballot_id=5), "votes of another ballot than 4"),
        (RecordKind.VOTE_REVEALED, 3, lambda r: replace(r, ballot_id=8), "round 2 is not open"),
        (RecordKind.VOTE_REVEALED, 4, lambda _: VoteLeaked(5, SEATS[1], CHALLENGER), "comes after a VoteR"),
        (RecordKind.PAYOUTS, 0, without_bond, "paid out otherwise"),
    ],
)
def test_a_record_of_a_challenged_round_against_the_rules_is_named(
    kind: RecordKind, nth: int, change: Callable[[Any], RecordData], message: str
) -> None:
    history = overturned().history()
    with pytest.raises(IntegrityError, match=f"Height 1.*{message}"):
        verify_history(rewritten(history, index_of(history, kind, nth), change))


def test_an_opened_vote_of_one_ballot_does_not_open_its_commitment_in_another() -> None:
    history = overturned().history()
    salts = {**history.around.vote_salts, (ballot_id(1, 1), SEATS[0]): bytes(32)}
    with pytest.raises(IntegrityError, match=f"the votes of {SEATS[0]} do not open"):
        verify_history(replace(history, around=replace(history.around, vote_salts=salts)))


def test_every_challenge_has_the_bond_that_its_larger_committee_earns() -> None:
    ledger = grown(SEATS[:1], SEATS[:3])
    ledger.challenge(1, 1, bond=BOND)
    require_breach(ledger, f"with {BOND} wei, but {challenge_bond(1, 400_000, SMALL.chain)} were due")


def test_a_committee_that_cannot_be_larger_is_not_challenged() -> None:
    ledger = judged_again(NO_VOTE, NO_VOTE)
    ledger.challenge(1, 1)
    require_breach(ledger, "7 seats was challenged, but no committee may be larger")


def test_there_is_no_fourth_committee() -> None:
    ledger = grown(SEATS[:1], SEATS[:3], SEATS[:5])
    assert verify_history(ledger.history()).challenges == 2
    ledger.add(TallyChallenged(1, 2, CHALLENGER, BOND))
    require_breach(ledger, "no committee may be larger")


def test_a_challenge_before_the_draw_is_refused() -> None:
    ledger = Ledger()
    ledger.post()
    ledger.run_to_reveal()
    ledger.challenge(1)
    require_breach(ledger, "challenged where no committee was drawn")


def test_a_challenge_after_the_payouts_is_refused() -> None:
    ledger = judged_once(LIE)
    ledger.add(Payouts(1, ()))
    ledger.challenge(1)
    with pytest.raises(IntegrityError, match="round 1 was paid out, but did not end"):
        verify_history(ledger.history())


@pytest.mark.parametrize(
    ("leaks", "message"),
    [
        ((VoteLeaked(4, VERIFIERS[0], CHALLENGER),) * 2, "lost a vote twice"),
        ((VoteLeaked(4, SEATS[5], CHALLENGER),), f"a vote of {SEATS[5]} was leaked before"),
        ((VoteLeaked(5, VERIFIERS[0], CHALLENGER),), "votes of another ballot"),
    ],
)
def test_a_leak_of_nothing_is_refused(leaks: tuple[VoteLeaked, ...], message: str) -> None:
    ledger = Ledger()
    ledger.post()
    round_id = ledger.run_to_reveal()
    ledger.vote(4, (HONEST,) * ledger.draw(round_id), leaked=VERIFIERS)
    del ledger.records[-3:], ledger.rounds[round_id][-3:]
    ledger.leaks.clear()
    for leak in leaks:
        ledger.add(leak)
    require_breach(ledger, message)


def test_a_vote_is_not_leaked_before_it_is_committed() -> None:
    ledger = Ledger()
    ledger.post()
    choices = ledger.draw(ledger.run_to_reveal())
    ledger.add(VoteLeaked(4, VERIFIERS[0], CHALLENGER))
    ledger.vote(4, (HONEST,) * choices)
    require_breach(ledger, "leaked before it was committed")


def test_a_leaked_vote_cannot_be_revealed() -> None:
    ledger = judged_once(HONEST, leaked=VERIFIERS[:1])
    revealed = next(each for each in ledger.round_records if isinstance(each, VoteRevealed))
    ledger.votes[4, VERIFIERS[0]] = ledger.votes[4, VERIFIERS[1]]
    ledger.add(replace(revealed, verifier=VERIFIERS[0]))
    require_breach(ledger, "revealed a vote twice or had no right")


def test_what_was_shown_must_open_the_commitment() -> None:
    ledger = judged_once(HONEST, leaked=VERIFIERS[:1])
    ledger.leaks[4, VERIFIERS[0]] = replace(ledger.leaks[4, VERIFIERS[0]], salt=bytes(32))
    require_breach(ledger, f"shown as the votes of {VERIFIERS[0]} does not open")


def test_votes_leak_while_others_are_committed_and_not_among_the_reveals() -> None:
    ledger = judged_once(HONEST)
    ledger.add(VoteLeaked(4, VERIFIERS[0], CHALLENGER))
    require_breach(ledger, "a VoteLeaked record comes after a VoteRevealed record")


def test_a_dishonest_quorum_is_overturned_and_the_challenger_has_its_bond_back() -> None:
    ledger = overturned()
    assert ledger.blocks[1].header.train_correct == HONEST.train_correct
    assert REWARDED in paid(ledger)
    report = verify_history(ledger.history())
    assert (report.height, report.challenges, report.votes, report.openings) == (1, 1, 10, 12)


def test_an_unfounded_challenge_loses_its_bond() -> None:
    ledger = judged_again(HONEST, HONEST)
    ledger.finalise(1)
    assert REWARDED not in paid(ledger)
    assert verify_history(ledger.history()).height == 1


def test_a_challenge_that_draws_no_larger_committee_gets_its_bond_back_and_the_tally_stands() -> None:
    ledger = judged_once(LIE)
    ledger.challenge(1)
    for _ in range(2):
        ledger.arm(1)
    ledger.finalise(1)
    assert decode_record(ledger.records[-1]) == RoundVoided(1, VoidReason.NONE_QUALIFIED)
    assert REWARDED in paid(ledger)
    assert verify_history(ledger.history()).void_rounds == 1


def test_a_challenge_earns_nothing_from_what_was_not_decided() -> None:
    for first in (NO_VOTE, MISSING):
        ledger = judged_again(first, HONEST)
        ledger.finalise(1)
        assert all(payout.reason is not PayoutReason.CHALLENGE_BOND for payout in paid(ledger))
        assert verify_history(ledger.history()).height == 1


def test_a_withheld_model_that_is_served_after_the_challenge_costs_nobody_its_stake() -> None:
    ledger = judged_again(MISSING, HONEST)
    ledger.finalise(1)
    assert ledger.books.penalties == {}
    assert {verifier for _, verifier in ledger.books.strikes} == set(VERIFIERS)


def test_both_challenges_are_judged_by_the_last_tally() -> None:
    ledger = Ledger(SMALL)
    ledger.post(replace(TERMS, reward=400_000))
    ledger.run_to_reveal()
    for attempt, (seats, vote) in enumerate(((SEATS[:1], HONEST), (SEATS[:3], LIE), (SEATS, HONEST))):
        cast(ledger, attempt, vote, seats)
        if attempt < 2:
            ledger.challenge(1, attempt)
    ledger.finalise(1)
    back = [each.amount for each in paid(ledger) if each.reason is PayoutReason.CHALLENGE_BOND]
    assert back == [challenge_bond(1, 400_000, SMALL.chain)]
    assert verify_history(ledger.history()).challenges == 2


def test_leaked_votes_do_not_count() -> None:
    ledger = judged_once(HONEST, leaked=VERIFIERS[:1])
    ledger.finalise(1)
    assert decode_record(ledger.records[-1]) == RoundVoided(1, VoidReason.NO_QUORUM)
    report = verify_history(ledger.history())
    assert (report.votes, report.openings) == (2, 5)
    unknown = replace(ledger.history().around, leaks={})
    assert verify_history(replace(ledger.history(), around=unknown)).openings == 4


@pytest.mark.parametrize("step", range(13, 36))
def test_a_challenged_round_is_verified_as_far_as_it_got(step: int) -> None:
    ledger = overturned()
    records = tuple(ledger.records[:step])
    kinds = [type(decode_record(record)) for record in records]
    assert CommitteeDrawn in kinds or step == 13
    history = replace(ledger.history(), records=records, blocks=(ledger.blocks[0],))
    assert verify_history(history).challenges == kinds.count(TallyChallenged)
    assert len(SALT) == 32
