"""What rounds paid a verifier and cost it: fees for its votes, penalties, shares for leaks that it showed."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from pole.protocol.ballots import ballot_id
from pole.protocol.parameters import Parameters
from pole.protocol.replay.earnings.places import RoundPlace, place_of
from pole.protocol.replay.round_trace import BallotTrace
from pole.protocol.replay.standing import ReplayedRound
from pole.protocol.replay.surroundings import Books
from pole.protocol.rounds.outcomes import STRIKES, Outcome, outcomes
from pole.protocol.rounds.tally import is_truth


class SeatEnding(Enum):
    """What became of a seat on a committee."""

    OPEN = "open"
    RIGHT = "right"
    ABSENT = "absent"
    NOT_REVEALED = "not-revealed"
    LEAKED = "leaked"
    FALSE = "false"
    ALONE = "alone"
    ABSTAINED = "abstained"
    OVERRULED = "overruled"
    NOTHING_FOUND = "nothing-found"


VACATING: Final = frozenset(
    {
        SeatEnding.ABSENT,
        SeatEnding.NOT_REVEALED,
        SeatEnding.LEAKED,
        SeatEnding.FALSE,
        SeatEnding.ALONE,
    }
)
"""The endings that cost the seat at once."""


@dataclass(frozen=True, slots=True)
class Seat:
    """A verifier's seat on one committee of a round.

    `members` sat on it and judged `choices` models; a truth was `found` of so many in the end, of which it
    cast `right`. `strike` is the strike in a row that it got, 0 for none. `fee` is its pay, `leak` what it
    lost when its vote was shown, `penalty` what it lost at the end, in wei.
    """

    verifier: str
    attempt: int
    members: int
    choices: int
    found: int
    right: int
    ending: SeatEnding
    strike: int
    fee: int
    leak: int
    penalty: int

    @property
    def lost(self) -> int:
        """Return all that was taken of the stake."""
        return self.leak + self.penalty

    @property
    def is_vacated(self) -> bool:
        """Return whether the verifier had no seat any more after it."""
        return self.ending in VACATING or self.strike == STRIKES


@dataclass(frozen=True, slots=True)
class VerifierRow:
    """One round as a verifier's books have it: its seats, and the wei for votes that it showed."""

    place: RoundPlace
    seats: tuple[Seat, ...]
    informed: int

    @property
    def paid(self) -> int:
        """Return what was earned."""
        return sum(seat.fee for seat in self.seats) + self.informed

    @property
    def lost(self) -> int:
        """Return what was taken of the stake."""
        return sum(seat.lost for seat in self.seats)

    @property
    def has_lost_seat(self) -> bool:
        """Return whether the round cost the verifier its seat, where it had not given that up before."""
        return any(seat.is_vacated for seat in self.seats)

    @property
    def held(self) -> int:
        """Return nothing: what a round may take is a part of the stake, which is no round's."""
        return 0


def verifier_rows(
    rounds: Sequence[ReplayedRound], verifier: str, parameters: Parameters, books: Books
) -> tuple[VerifierRow, ...]:
    """Return a row of every round in which a verifier was drawn or showed a vote, in their order.

    Stakes that were paid in or reclaimed are in none.
    """
    rows = (verifier_row(played, verifier, parameters, books) for played in rounds)
    return tuple(row for row in rows if row is not None)


def verifier_row(
    played: ReplayedRound, verifier: str, parameters: Parameters, books: Books
) -> VerifierRow | None:
    """Return a round as a verifier's books have it, None where it had no part in it."""
    leaks = [leak for ballot in played.traced.ballots for leak in ballot.leaks if leak.informer == verifier]
    seats = tuple(seat for seat in seats_of_round(played, books) if seat.verifier == verifier)
    if not (seats or leaks):
        return None
    return VerifierRow(
        place=place_of(played, parameters.committee.lanes),
        seats=seats,
        informed=sum(informers_share(books.leaks.get((leak.ballot_id, leak.verifier), 0)) for leak in leaks),
    )


def seats_of_round(played: ReplayedRound, books: Books) -> tuple[Seat, ...]:
    """Return the seats on all committees of a round, in the order drawn."""
    owed = _outcomes(played)
    return tuple(
        _seat(played, attempt, member, owed.get((attempt, member)), books)
        for attempt, ballot in enumerate(played.traced.ballots)
        for member in ballot.drawn.members
    )


def informers_share(penalty: int) -> int:
    """Return what of a leak's penalty whoever showed the vote gets: half, rounded down."""
    return penalty // 2


def _outcomes(played: ReplayedRound) -> dict[tuple[int, str], Outcome]:
    """Return the outcome of every member by attempt and address; none while the round is open."""
    findings, committees = played.result.ended.findings, played.result.committees
    if played.clock is None or findings is None:
        return {}
    return {(each.attempt, each.member): each for each in outcomes(committees, findings)}


def _seat(played: ReplayedRound, attempt: int, verifier: str, outcome: Outcome | None, books: Books) -> Seat:
    ballot, findings = played.traced.ballots[attempt], played.result.ended.findings or ()
    member = (ballot_id(played.round_id, attempt), verifier)
    found = sum(map(is_truth, findings)) if outcome else 0
    return Seat(
        verifier=verifier,
        attempt=attempt,
        members=len(ballot.drawn.members),
        choices=len(findings),
        found=found,
        right=outcome.parts if outcome else 0,
        ending=_ending(ballot, verifier, outcome, found),
        strike=books.strikes.get(member, 0),
        fee=books.rewards.get(member, 0),
        leak=books.leaks.get(member, 0),
        penalty=sum(books.penalties.get(member, ())),
    )


def _ending(ballot: BallotTrace, verifier: str, outcome: Outcome | None, found: int) -> SeatEnding:
    if any(leak.verifier == verifier for leak in ballot.leaks):
        return SeatEnding.LEAKED
    if outcome is None:
        return SeatEnding.OPEN
    if outcome.slashed:
        return _guilt(ballot, verifier)
    if outcome.unseated:
        return SeatEnding.ALONE
    if outcome.struck:
        return SeatEnding.ABSTAINED
    if not found:
        return SeatEnding.NOTHING_FOUND
    return SeatEnding.RIGHT if outcome.parts == found else SeatEnding.OVERRULED


def _guilt(ballot: BallotTrace, verifier: str) -> SeatEnding:
    if verifier in {each.verifier for each in ballot.reveals}:
        return SeatEnding.FALSE
    has_committed = verifier in {each.verifier for each in ballot.commitments}
    return SeatEnding.NOT_REVEALED if has_committed else SeatEnding.ABSENT
