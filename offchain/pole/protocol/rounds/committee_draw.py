"""Drawing a committee (twin of contracts/libraries/ballots/CommitteeDraw.sol)."""

from collections.abc import Collection, Sequence
from typing import Final

from pole.protocol.encoding.hashing import keccak256

WORD: Final = 32


def draw(
    seats: Sequence[str], entropy: bytes, *, size: int, places: int, minimum: int, barred: Collection[str]
) -> tuple[str, ...]:
    """Return the members drawn: `size` distinct ones of `seats` outside `barred`, in the order drawn.

    A partial Fisher-Yates shuffle of the seats as they stood; barred ones are skipped. When fewer than `size`
    are eligible all of them are drawn, and nobody when they are fewer than `minimum`. Nobody either when all
    seats, barred ones included, are fewer than `places`.
    """
    if len(seats) < places:
        return ()
    members: list[str] = []
    for index in shuffled(entropy, total=len(seats), count=min(len(seats), size + len(barred))):
        if len(members) == size:
            break
        if seats[index] not in barred:
            members.append(seats[index])
    return tuple(members) if len(members) >= minimum else ()


def shuffled(entropy: bytes, *, total: int, count: int) -> list[int]:
    """Return the first `count` entries of a shuffle of 0..total-1.

    Step i swaps entry i with entry j = i + keccak256(abi.encode(entropy, i)) mod (total - i). The modulus
    favours small remainders by less than total / 2^256. Entries that never moved are not stored.
    """
    moved: dict[int, int] = {}
    taken: list[int] = []
    for step in range(count):
        j = step + int.from_bytes(keccak256(entropy + step.to_bytes(WORD, "big")), "big") % (total - step)
        taken.append(moved.get(j, j))
        moved[j] = moved.get(step, step)
    return taken
