"""What would have saved the money or the seat that a round cost an account, as docs/roles.md has it."""

from collections.abc import Mapping
from typing import Final

from pole.protocol.replay.earnings.endings import Ending
from pole.protocol.replay.earnings.miner import MinerRow
from pole.protocol.replay.earnings.verifier import SeatEnding, VerifierRow

_BONDS: Final[Mapping[Ending, str]] = {
    Ending.NOT_REVEALED: "a worker that runs until the round ends, with its journal and ether for gas",
    Ending.UNAVAILABLE: "an IPFS daemon that others reach from outside, which `pole doctor` looks at",
    Ending.MALFORMED: "committing to what `pole miner run` wrote for this round",
    Ending.FALSE_CLAIM: "claiming what the exact evaluation says",
}
_CHALLENGE: Final = "challenging only what an evaluation of its own contradicts, or `--no-challenge`"
_SEATS: Final[Mapping[SeatEnding, str]] = {
    SeatEnding.ABSENT: "a worker that runs through both windows of the vote, with ether for gas",
    SeatEnding.NOT_REVEALED: "a worker that runs through both windows of the vote, with its journal",
    SeatEnding.LEAKED: "showing votes and salt to nobody before the reveals",
    SeatEnding.FALSE: "evaluating every model exactly, as `pole verifier run` does",
    SeatEnding.ALONE: "a deployment with more honest seats",
    SeatEnding.ABSTAINED: "an IPFS daemon with peers enough to find what others serve",
}


def miner_remedy(row: MinerRow) -> str | None:
    """Return what would have saved the bonds that a miner lost, None where it lost none."""
    found = []
    if row.place.ended_at is not None and row.bond.missing:
        found.append(_BONDS.get(row.ending.ending))
    if row.place.ended_at is not None and row.challenges.missing:
        found.append(_CHALLENGE)
    return _together(found)


def verifier_remedy(row: VerifierRow) -> str | None:
    """Return what would have saved stake, seat or pay that a verifier lost, None where it lost none."""
    return _together([_SEATS.get(seat.ending) for seat in row.seats])


def _together(remedies: list[str | None]) -> str | None:
    # Two committees may have been missed for one reason.
    return "; and ".join(dict.fromkeys(remedy for remedy in remedies if remedy)) or None
