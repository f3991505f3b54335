"""What every member of a round's committees loses and earns (twin of VerifierCommittee's settlement).

All follows from the votes and from what was found in the end. Nobody loses stake for an abstention, nor
for a truth where none was found.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pole.protocol.rounds.tally import Worth, answered, majorities, worth_of
from pole.protocol.state import Finding, Vote

STRIKES: Final = 3
"""How many abstentions in a row, where a truth was found, cost the seat."""

_ABSENT: Final = Worth(right=0, is_false=False, is_alone=False, has_abstained=False)


@dataclass(frozen=True, slots=True)
class Committee:
    """One attempt's committee: its members in the order drawn, and the votes of those that revealed."""

    members: tuple[str, ...]
    votes: Mapping[str, tuple[Vote, ...]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one member's votes of one attempt lead to.

    `slashed`: it loses a penalty and its seat. `unseated`: it loses the seat alone. `struck`: it abstained
    where a truth was found, which counts while it is seated. `cleared`: it cast the truth that was found of
    every choice, and starts anew with no strikes. `parts` are those of the pot that it earns.
    """

    attempt: int
    member: str
    slashed: bool
    unseated: bool
    struck: bool
    cleared: bool
    parts: int


def outcomes(committees: Sequence[Committee], agreed: Sequence[Finding]) -> tuple[Outcome, ...]:
    """Return the outcome of every member of every attempt; `agreed` is what was found in the end."""
    newest = committees[-1]
    leading = majorities(list(newest.votes.values()), seats=len(newest.members), choices=len(agreed))
    answers = _answers(committees, agreed)
    found: list[Outcome] = []
    for attempt, committee in enumerate(committees):
        compared = leading if committee is newest else None
        for member in committee.members:
            votes = committee.votes.get(member)
            worth = _ABSENT if votes is None else worth_of(votes, agreed, answers[attempt], compared)
            found.append(_outcome(attempt, member, worth, absent=votes is None, choices=len(agreed)))
    return tuple(found)


def _answers(committees: Sequence[Committee], agreed: Sequence[Finding]) -> list[tuple[bool, ...]]:
    """Return of each attempt, by choice, whether its committee or a later one found the truth that stands."""
    answers: list[tuple[bool, ...]] = []
    later: tuple[bool, ...] = (False,) * len(agreed)
    for committee in reversed(committees):
        later = answered(later, list(committee.votes.values()), agreed, seats=len(committee.members))
        answers.append(later)
    return answers[::-1]


def part(pot: int, committees: Sequence[Committee], choices: int) -> int:
    """Return what one vote for what was found earns of a pot in wei: an equal part a seat and choice."""
    return pot // (sum(len(committee.members) for committee in committees) * choices)


def _outcome(attempt: int, member: str, worth: Worth, *, absent: bool, choices: int) -> Outcome:
    slashed = absent or worth.is_false
    unseated = worth.is_alone and not slashed
    stays = not slashed and not unseated
    return Outcome(
        attempt,
        member,
        slashed=slashed,
        unseated=unseated,
        struck=stays and worth.has_abstained,
        cleared=stays and worth.right == choices,
        parts=worth.right if stays else 0,
    )
