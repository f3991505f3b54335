"""The committee's list of seats and how it stood in the past (twin of VerifierCommittee's list).

A round's committees are drawn among the seats as they stood `seatAge` seconds before it opened.
"""

from dataclasses import dataclass, field

from pole.errors import InputError


@dataclass(frozen=True, slots=True)
class Seats:
    """Seats in the order that draws index, after every change: (second, verifiers), the newest last."""

    changes: tuple[tuple[int, tuple[str, ...]], ...] = field(default=())

    @property
    def verifiers(self) -> tuple[str, ...]:
        """Return the seats as they stand."""
        return self.changes[-1][1] if self.changes else ()

    def at(self, time: int) -> tuple[str, ...]:
        """Return the seats as they stood at the end of the second `time`."""
        for second, verifiers in reversed(self.changes):
            if second <= time:
                return verifiers
        return ()


def take(seats: Seats, verifier: str, now: int) -> Seats:
    """Return the list after `verifier` took a seat."""
    if verifier in seats.verifiers:
        raise InputError(f"{verifier} already has a seat; one wallet holds one.")
    return Seats((*seats.changes, (now, (*seats.verifiers, verifier))))


def leave(seats: Seats, verifier: str, now: int) -> Seats:
    """Return the list after `verifier` left; the last seat fills the gap."""
    if verifier not in seats.verifiers:
        raise InputError(f"{verifier} has no seat to leave.")
    verifiers, gap = list(seats.verifiers), seats.verifiers.index(verifier)
    verifiers[gap] = verifiers[-1]
    verifiers.pop()
    return Seats((*seats.changes, (now, tuple(verifiers))))


def can_reclaim(left_at: int, *, seat_age: int, now: int, oldest_opening: int) -> bool:
    """Return whether no round can draw a seat any more that was left at the second `left_at`.

    `oldest_opening` is when the oldest open round opened; without one it is later than any time.
    """
    return min(now, oldest_opening) > left_at + seat_age
