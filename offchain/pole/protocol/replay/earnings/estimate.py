"""What a seat earned on average in past rounds, out of what all members of their committees were paid."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from pole.protocol.parameters import CommitteeParameters
from pole.protocol.replay.earnings.verifier import Seat, SeatEnding, seats_of_round
from pole.protocol.replay.standing import ReplayedRound
from pole.protocol.replay.surroundings import Books
from pole.protocol.rounds.outcomes import part
from pole.protocol.rounds.tally import is_truth


@dataclass(frozen=True, slots=True)
class SeatEstimate:
    """What one of the seats that could be drawn got in some rounds, on average over all of them, in wei.

    `drawn` is how often it was; `endings` counts what became of all that were drawn. `fees` and `penalties`
    are what members were paid and lost. `right` is what a seat gets that always casts what is found, and
    `absent` what one loses that never votes.
    """

    rounds: int
    judged: int
    drawn: Fraction
    fees: Fraction
    penalties: Fraction
    right: Fraction
    absent: Fraction
    endings: Counter[SeatEnding]

    @property
    def net(self) -> Fraction:
        """Return what the average seat was paid, less what it lost."""
        return self.fees - self.penalties


def estimate_seat(
    rounds: Sequence[ReplayedRound],
    seats: Mapping[int, int],
    books: Books,
    parameters: CommitteeParameters,
) -> SeatEstimate:
    """Return what a seat got in rounds that have ended; `seats` are how many could be drawn, by round.

    Seats of the round's miners and its data node count too, though they are not drawn. The fee is divided as
    it was: a seat that votes right in the place of one that did not leaves less of it to the others.
    """
    judged = [
        _Judged(seats_of_round(played, books), pay_of_right_votes(played, books), seats[played.round_id])
        for played in rounds
        if played.result.committees
    ]
    drawn = _sum(Fraction(len(each.seats), each.drawable) for each in judged)
    return SeatEstimate(
        rounds=len(rounds),
        judged=len(judged),
        drawn=drawn,
        fees=_sum(Fraction(sum(seat.fee for seat in each.seats), each.drawable) for each in judged),
        penalties=_sum(Fraction(sum(seat.lost for seat in each.seats), each.drawable) for each in judged),
        right=_sum(Fraction(len(each.seats) * each.pay, each.drawable) for each in judged),
        absent=drawn * parameters.penalty,
        endings=Counter(seat.ending for each in judged for seat in each.seats),
    )


def pay_of_right_votes(played: ReplayedRound, books: Books) -> int:
    """Return the pay in wei of a member of one committee that cast every truth that was found of a round."""
    findings, committees = played.result.ended.findings or (), played.result.committees
    pot = played.result.settlement.verification_fee
    if len(committees) > 1:
        pot += sum(seat.penalty for seat in seats_of_round(played, books))
    return sum(map(is_truth, findings)) * part(pot, committees, len(findings))


@dataclass(frozen=True, slots=True)
class _Judged:
    """A round's seats on committees, the pay of right votes in wei, and how many seats could be drawn."""

    seats: tuple[Seat, ...]
    pay: int
    drawable: int


def _sum(parts: Iterable[Fraction]) -> Fraction:
    return sum(parts, Fraction())
