"""What a part of the seats can do to a committee, exactly: hypergeometric, in fractions, nothing simulated.

`n` seats are drawn out of `seats`, `dishonest` of which act as one; all others evaluate and vote alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import comb

from pole.protocol.ballots import quorum


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


def doubted(*, seats: int, dishonest: int, n: int, cap: int) -> Safety:
    """Return the safety where the honest part challenges whatever it lost, twice, and nobody else does."""
    *before, last = _attempts(seats=seats, dishonest=dishonest, n=n, cap=cap)
    lost = Fraction(1)
    for safety in before:
        lost *= safety.capture + safety.stall
    return Safety(lost * last.capture, lost * last.stall)


def last_word(*, seats: int, dishonest: int, n: int, cap: int) -> Safety:
    """Return the safety where each part challenges what it lost: the largest committee decides."""
    return _attempts(seats=seats, dishonest=dishonest, n=n, cap=cap)[-1]


def withheld(chance: Fraction, share: Fraction, *, slots: int = 32) -> Fraction:
    """Return the chance of a draw in `chance` of all cases, for whoever proposes that share of the slots.

    Of the slots up to the named one it has the last k with probability share^k (1 - share), and may withhold
    any of these blocks: the best of 2^k draws, independent of each other.
    """
    total = Fraction(0)
    for k in range(slots):
        total += share**k * (1 - share) * (1 - Fraction(float(1 - chance) ** (2**k)))
    return total


def _attempts(*, seats: int, dishonest: int, n: int, cap: int) -> list[Safety]:
    maximum = min(cap, seats)
    sizes = sorted({min(n, maximum), min(2 * n + 1, maximum), maximum})
    return [one_draw(seats=seats, dishonest=dishonest, n=size) for size in sizes]
