"""What a part of the seats can do to a committee, exactly: hypergeometric, in fractions, nothing simulated.

`n` seats are drawn out of `seats`, `dishonest` of which act as one; all others evaluate and vote alike.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import comb

from pole.protocol.tally import quorum


@dataclass(frozen=True, slots=True)
class Safety:
    """Probabilities that the dishonest part has a quorum, and that it can keep the honest part from one."""

    capture: Fraction
    stall: Fraction


def drawn(*, seats: int, dishonest: int, n: int) -> Mapping[int, Fraction]:
    """Return the probability of each number of dishonest seats among `n` drawn."""
    least, most = max(0, n - (seats - dishonest)), min(n, dishonest)
    ways = comb(seats, n)
    return {
        bad: Fraction(comb(dishonest, bad) * comb(seats - dishonest, n - bad), ways)
        for bad in range(least, most + 1)
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
    """Return the safety of a committee that grows n, 2n + 1, ..., cap while it has no quorum.

    Members stay. The dishonest part captures a committee where it can, and stalls it where it can only do
    that; `stall` is what is left when the largest committee is stalled too.
    """
    capture, open_counts = Fraction(0), dict(drawn(seats=seats, dishonest=dishonest, n=n))
    sizes = list(_sizes(n, min(cap, seats)))
    for size, larger in zip(sizes, [*sizes[1:], None], strict=True):
        needed = quorum(size)
        capture += sum((p for bad, p in open_counts.items() if bad >= needed), Fraction(0))
        stalled = {bad: p for bad, p in open_counts.items() if bad < needed and size - bad < needed}
        if larger is None:
            return Safety(capture, sum(stalled.values(), Fraction(0)))
        open_counts = _enlarged(stalled, size, larger, seats=seats, dishonest=dishonest)
    raise AssertionError("a committee has at least one size")


def _sizes(n: int, cap: int) -> Iterator[int]:
    size = min(n, cap)
    while size < cap:
        yield size
        size = min(2 * size + 1, cap)
    yield cap


def _enlarged(
    counts: Mapping[int, Fraction], size: int, larger: int, *, seats: int, dishonest: int
) -> dict[int, Fraction]:
    enlarged: dict[int, Fraction] = {}
    for bad, chance in counts.items():
        more = drawn(seats=seats - size, dishonest=dishonest - bad, n=larger - size)
        for added, share in more.items():
            enlarged[bad + added] = enlarged.get(bad + added, Fraction(0)) + chance * share
    return enlarged
