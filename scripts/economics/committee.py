"""What a part of the seats can do to a committee, exactly: hypergeometric, in fractions, nothing simulated.

`n` seats are drawn out of `seats`, `dishonest` of which act as one; all others evaluate and vote alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb

from pole.protocol.rounds.tally import quorum


@dataclass(frozen=True, slots=True)
class Safety:
    """Probabilities that the dishonest part has a quorum, and that it can keep the honest part from one."""

    capture: Fraction
    stall: Fraction


def drawn(*, seats: int, dishonest: int, n: int) -> Mapping[int, Fraction]:
    """Return the probability of each number of dishonest seats among `n` drawn."""
    minimum, maximum = max(0, n - (seats - dishonest)), min(n, dishonest)
    ways = comb(seats, n)
    return {
        bad: Fraction(comb(dishonest, bad) * comb(seats - dishonest, n - bad), ways)
        for bad in range(minimum, maximum + 1)
    }


def one_draw(*, seats: int, dishonest: int, n: int) -> Safety:
    """Return the safety of a single committee."""
    needed = quorum(n)
    counts = drawn(seats=seats, dishonest=dishonest, n=n).items()
    return Safety(
        capture=sum((p for bad, p in counts if bad >= needed), Fraction(0)),
        stall=sum((p for bad, p in counts if bad < needed and n - bad < needed), Fraction(0)),
    )


def growing(*, seats: int, dishonest: int, n: int, cap: int) -> Safety:
    """Return the safety of committees of n, 2n + 1, cap seats, each drawn anew where the last had no quorum.

    The dishonest part captures a committee where it can, and stalls it where it can only do that; `stall` is
    what is left when the last committee is stalled too.
    """
    capture, stalled = Fraction(0), Fraction(1)
    for safety in _attempts(seats=seats, dishonest=dishonest, n=n, cap=cap):
        capture += stalled * safety.capture
        stalled *= safety.stall
    return Safety(capture, stalled)


def challenged(*, seats: int, dishonest: int, n: int, cap: int) -> Fraction:
    """Return the probability of a capture that stands when each side challenges, once, what it lost.

    One challenge with a bond is all that a round takes, whoever makes it; stalled committees grow beside.
    """
    return _capture_after(_attempts(seats=seats, dishonest=dishonest, n=n, cap=cap), spent=False)


def _capture_after(attempts: Sequence[Safety], *, spent: bool) -> Fraction:
    first, rest = attempts[0], attempts[1:]
    if not rest:
        return first.capture
    stands = first.capture if spent else (1 - first.stall) * _capture_after(rest, spent=True)
    return stands + first.stall * _capture_after(rest, spent=spent)


def _attempts(*, seats: int, dishonest: int, n: int, cap: int) -> list[Safety]:
    maximum = min(cap, seats)
    sizes = sorted({min(n, maximum), min(2 * n + 1, maximum), maximum})
    return [one_draw(seats=seats, dishonest=dishonest, n=size) for size in sizes]
