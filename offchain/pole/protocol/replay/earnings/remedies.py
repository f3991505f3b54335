"""What would have saved the money or the seat that a round cost an account, as docs/roles.md has it."""

from collections.abc import Mapping
from typing import Final

from pole.protocol.replay.earnings.data_node import DataNodeRow
from pole.protocol.replay.earnings.endings import Ending
from pole.protocol.replay.earnings.miner import MinerRow
from pole.protocol.replay.earnings.verifier import SeatEnding, VerifierRow
from pole.protocol.state import VoidReason

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

_TASKS: Final[Mapping[VoidReason, str]] = {
    VoidReason.KEYS_MISSING: "a worker that runs with its master secrets, or holders of shares for the keys",
    VoidReason.DATA_FAULT: "serving what `pole task post` prepared, unchanged",
    VoidReason.DATA_UNAVAILABLE: "an IPFS daemon that serves the task's files until the round ends",
    VoidReason.THRESHOLD_MISSED: "thresholds that a good model meets",
}
_TEST_SET: Final = "a worker that runs with the task's folder, or a signed release that others relay"


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


def data_node_remedy(row: DataNodeRow) -> str | None:
    """Return what would have saved the bond, and the reward of a void round, None where neither was lost."""
    found = [_TASKS.get(row.void_reason)] if row.lost else []
    if row.lost and row.withheld:
        found.append(_TEST_SET)
    return _together(found)


def _together(remedies: list[str | None]) -> str | None:
    # Two committees may have been missed for one reason.
    return "; and ".join(dict.fromkeys(remedy for remedy in remedies if remedy)) or None
