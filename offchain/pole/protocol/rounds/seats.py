"""The committee's list of seats, the mature ones first (twin of VerifierCommittee's list)."""

from dataclasses import dataclass

from pole.errors import InputError


@dataclass(frozen=True, slots=True)
class Seats:
    """Seats in the order that draws index; the first `mature` of them can be drawn in the open round."""

    verifiers: tuple[str, ...] = ()
    mature: int = 0

    @property
    def eligible(self) -> tuple[str, ...]:
        """Return the seats that can be drawn."""
        return self.verifiers[: self.mature]


def take(seats: Seats, verifier: str) -> Seats:
    """Return the list after `verifier` took a seat, which matures when the next round opens."""
    if verifier in seats.verifiers:
        raise InputError(f"{verifier} already has a seat; one wallet holds one.")
    return Seats((*seats.verifiers, verifier), seats.mature)


def mature(seats: Seats) -> Seats:
    """Return the list with every seat mature, as a round's opening makes it."""
    return Seats(seats.verifiers, len(seats.verifiers))


def leave(seats: Seats, verifier: str) -> Seats:
    """Return the list after `verifier` left.

    The last mature seat fills a gap among the mature ones, the last of all fills the gap that leaves.
    """
    if verifier not in seats.verifiers:
        raise InputError(f"{verifier} has no seat to leave.")
    verifiers, gap, still_mature = list(seats.verifiers), seats.verifiers.index(verifier), seats.mature
    if gap < still_mature:
        still_mature -= 1
        verifiers[gap] = verifiers[still_mature]
        gap = still_mature
    verifiers[gap] = verifiers[-1]
    verifiers.pop()
    return Seats(tuple(verifiers), still_mature)
