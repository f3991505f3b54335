"""Checking what members of a round's committees earned and lost against their votes, to the wei.

Every function raises IntegrityError with half a sentence, as those of `pole.protocol.replay.audits.rounds`.
Seats and stakes are not in the records: who had left its seat gets no strike, and who had little stake left
loses less than a penalty.
"""

from pole.errors import IntegrityError
from pole.protocol.ballots import ballot_id
from pole.protocol.replay.audits.rounds import RoundResult
from pole.protocol.replay.round_trace import RoundTrace
from pole.protocol.replay.surroundings import Member, Surroundings
from pole.protocol.rounds.outcomes import STRIKES, Outcome, outcomes, part


def audit_books(
    result: RoundResult, traced: RoundTrace, strikes: dict[str, int], around: Surroundings
) -> None:
    """Check penalties, strikes and pay of a round that ended, and bring `strikes` in a row up to date."""
    for ballot in traced.ballots:
        for leak in ballot.leaks:
            _check_leak((leak.ballot_id, leak.verifier), around)
    owed = outcomes(result.committees, result.ended.findings or ())
    penalties = 0
    for outcome in owed:
        member = (ballot_id(traced.opened.round_id, outcome.attempt), outcome.member)
        penalties += _check_penalty(outcome, member, around)
        _check_strike(outcome, member, strikes, around)
    # Without a second committee nobody else is to be paid: penalties go to the pool.
    fee = result.settlement.verification_fee
    pot = fee + penalties if len(result.committees) > 1 else fee
    share = part(pot, result.committees, len(result.ended.findings or ()))
    for outcome in owed:
        member = (ballot_id(traced.opened.round_id, outcome.attempt), outcome.member)
        paid = around.books.rewards.get(member, 0)
        if paid != outcome.parts * share:
            raise IntegrityError(
                f"{outcome.member} was paid {paid} wei for its votes, but earned {outcome.parts * share}"
            )


def _check_leak(member: Member, around: Surroundings) -> None:
    """Check what a member lost at once when its vote leaked."""
    amount, penalty = around.books.leaks.get(member, 0), around.parameters.committee.penalty
    if amount != penalty and not _is_spent(member[1], amount, around):
        raise IntegrityError(f"{member[1]} lost {amount} wei by a leak, where the penalty is {penalty}")


def _check_penalty(outcome: Outcome, member: Member, around: Surroundings) -> int:
    """Return what the settlement took of a member, in wei."""
    taken = around.books.penalties.get(member, ())
    if len(taken) > 1 or (taken and not outcome.slashed):
        raise IntegrityError(f"{outcome.member} lost a penalty that it does not owe")
    amount = sum(taken)
    penalty = around.parameters.committee.penalty
    if outcome.slashed and amount != penalty and not _is_spent(outcome.member, amount, around):
        raise IntegrityError(f"{outcome.member} owes a penalty of {penalty} wei, but lost {amount}")
    return amount


def _is_spent(verifier: str, amount: int, around: Surroundings) -> bool:
    """Return whether other penalties can have left less than one of a seat's stake."""
    books = around.books
    everything = sum(sum(taken) for (_, who), taken in books.penalties.items() if who == verifier)
    everything += sum(taken for (_, who), taken in books.leaks.items() if who == verifier)
    limits = around.parameters.committee
    return amount < limits.penalty and everything + limits.penalty > limits.seat_stake + amount


def _check_strike(outcome: Outcome, member: Member, strikes: dict[str, int], around: Surroundings) -> None:
    """Check a strike: the next in a row, or the first, where the member took its seat anew."""
    given = around.books.strikes.get(member, 0)
    if given and (not outcome.struck or given not in (1, strikes.get(outcome.member, 0) + 1)):
        raise IntegrityError(f"{outcome.member} has strike {given}, which its votes do not earn")
    if outcome.slashed or outcome.unseated or outcome.cleared or given == STRIKES:
        strikes[outcome.member] = 0
    elif given:
        strikes[outcome.member] = given
