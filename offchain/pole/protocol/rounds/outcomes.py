"""What every member of a round's committees loses and earns (twin of VerifierCommittee's settlement).

All follows from the votes and from what the last committee found. Nobody loses stake for an abstention, nor
for a truth where the last committee found none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pole.protocol.rounds.tally import differs, is_truth, main_truth, said
from pole.protocol.state import Finding, Verdict, Vote

STRIKES_ALLOWED: Final = 2
"""Abstentions in a row against what was found that cost nothing; the next costs the seat."""


@dataclass(frozen=True, slots=True)
class Committee:
    """One attempt's committee: its members in the order drawn, and the votes of those that revealed."""

    members: tuple[str, ...]
    votes: Mapping[str, tuple[Vote, ...]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one member's votes of one attempt lead to.

    `slashed`: it loses a penalty and its seat. `unseated`: it loses the seat alone. `struck`: it abstained
    where a truth was found. `cleared`: it cast the truth that was found of every choice, and starts anew with
    no strikes. `parts` are those of the pot that it earns.
    """

    attempt: int
    member: str
    slashed: bool
    unseated: bool
    struck: bool
    cleared: bool
    parts: int


def outcomes(committees: Sequence[Committee], last: Sequence[Finding]) -> tuple[Outcome, ...]:
    """Return the outcome of every member of every attempt; `last` is what the last committee found."""
    mains = _mains(committees[-1], last)
    return tuple(
        _outcome(attempt, member, committee.votes.get(member), last, mains if is_last else ())
        for attempt, committee in enumerate(committees)
        for is_last in [attempt == len(committees) - 1]
        for member in committee.members
    )


def part(pot: int, committees: Sequence[Committee], choices: int) -> int:
    """Return what one vote for what was found earns of a pot in wei: an equal part a seat and choice."""
    return pot // (sum(len(committee.members) for committee in committees) * choices)


def strikes_after(strikes: int, outcome: Outcome) -> int:
    """Return a member's strikes in a row after this outcome."""
    if outcome.struck:
        return strikes + 1
    return 0 if outcome.cleared else strikes


def _mains(committee: Committee, last: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return the truth that most seats of the last committee cast, one of each choice."""
    seats = len(committee.members)
    return tuple(
        main_truth([votes[choice] for votes in committee.votes.values()], seats=seats)
        for choice in range(len(last))
    )


def _outcome(
    attempt: int,
    member: str,
    votes: Sequence[Vote] | None,
    last: Sequence[Finding],
    mains: Sequence[Finding],
) -> Outcome:
    """Return a member's outcome; `mains` are empty for all but the last attempt."""
    if votes is None:
        return Outcome(attempt, member, slashed=True, unseated=False, struck=False, cleared=False, parts=0)
    right = wrong = abstained = against = 0
    for choice, found in enumerate(last):
        cast = said(votes[choice])
        if not is_truth(found):
            against += bool(mains) and found.verdict is Verdict.NONE and _opposes(cast, mains[choice])
        elif not is_truth(cast):
            abstained += 1
        elif cast == found or (not mains and not differs(cast, found)):
            right += 1
        else:
            wrong += 1
    return Outcome(
        attempt,
        member,
        slashed=wrong > 0,
        unseated=wrong == 0 and against > 0,
        struck=abstained > 0,
        cleared=right == len(last),
        parts=right,
    )


def _opposes(cast: Finding, main: Finding) -> bool:
    return is_truth(cast) and is_truth(main) and cast != main
