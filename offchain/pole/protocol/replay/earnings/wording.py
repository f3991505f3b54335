"""Why a round paid an account what it did, as half a sentence for people."""

from typing import Final

from pole.protocol.amounts import ether
from pole.protocol.replay.earnings.data_node import DataNodeRow
from pole.protocol.replay.earnings.endings import Ending, SolutionEnding
from pole.protocol.replay.earnings.miner import MinerRow
from pole.protocol.replay.earnings.verifier import Seat, SeatEnding, VerifierRow
from pole.protocol.rounds.outcomes import STRIKES
from pole.protocol.state import PayoutReason, VoidReason
from pole.quoting import short_address

_VOID: Final = {
    VoidReason.KEYS_MISSING: "no keys were posted",
    VoidReason.NO_COMMITMENT: "nobody committed",
    VoidReason.NOTHING_REVEALED: "nobody revealed",
    VoidReason.COMMITTEE_TOO_SMALL: "too few verifiers could be drawn",
    VoidReason.NO_QUORUM: "no quorum agreed",
    VoidReason.DATA_FAULT: "its data is faulty",
    VoidReason.THRESHOLD_MISSED: "no model met the thresholds",
    VoidReason.NONE_QUALIFIED: "no solution qualified",
    VoidReason.DATA_UNAVAILABLE: "its data could not be had",
}
_PLAIN: Final = {
    Ending.OPEN: "the round goes on",
    Ending.WON: "won",
    Ending.BEST_IN_TRAINING: "best in training, where no model met the test threshold",
    Ending.UNAVAILABLE: "the committee could not get its model",
    Ending.MALFORMED: "the committee found its model malformed",
    Ending.NO_FINDING: "the committee agreed on nothing about its model",
    Ending.NOT_REVEALED: "its model was not revealed in time",
    Ending.DISPLACED: "a higher claim took its place",
    Ending.CHALLENGED: "challenged the tally",
    Ending.OMMER: "paid as an ommer",
}
_SEATS: Final = {
    SeatEnding.OPEN: "the round goes on",
    SeatEnding.RIGHT: "cast what was found",
    SeatEnding.ABSENT: "absent: committed no votes in time",
    SeatEnding.NOT_REVEALED: "absent: did not reveal its votes in time",
    SeatEnding.LEAKED: "its votes were shown before the reveals",
    SeatEnding.FALSE: "cast another truth than was found",
    SeatEnding.ALONE: "cast another truth than most of the committee",
    SeatEnding.ABSTAINED: "abstained where a truth was found",
    SeatEnding.OVERRULED: "cast another truth than stands, which its own committee did not find",
    SeatEnding.NOTHING_FOUND: "nothing was found, so nobody was paid",
}


def miner_reason(row: MinerRow) -> str:
    """Return why a miner won or lost a round, and what became of its challenge."""
    reason = _solution_reason(row)
    if row.ending.ending is not Ending.OMMER and PayoutReason.OMMER_REWARD in row.earned:
        reason += "; paid as an ommer of an earlier block"
    if row.challenges.made and row.place.ended_at is not None:
        kept = "came back" if not row.challenges.missing else "changed nothing that stands"
        reason += f"; its challenge {kept}"
    return reason


def verifier_reason(row: VerifierRow) -> str:
    """Return why a verifier was paid or lost stake in a round, by committee where it sat on several."""
    several = len(row.seats) > 1
    reasons = [_seat_reason(seat, several=several) for seat in row.seats]
    if row.has_lost_seat:
        reasons.append("lost its seat")
    if row.informed:
        reasons.append("showed votes of others before the reveals")
    return "; ".join(reasons) or "showed votes that held no stake"


def data_node_reason(row: DataNodeRow) -> str:
    """Return what became of a round for the data node of its task."""
    if row.place.ended_at is None:
        return _PLAIN[Ending.OPEN]
    bought = row.winner is not None
    reason = f"bought the model of {short_address(row.winner or '')}" if bought else _void(row.void_reason)
    return reason + ("; its test set was not released in time" if row.withheld else "")


def with_remedy(reason: str, remedy: str | None) -> str:
    """Return a reason with what would have saved the account from it, where there is anything."""
    return f"{reason}; saved by {remedy}" if remedy else reason


def _solution_reason(row: MinerRow) -> str:
    match row.ending.ending:
        case Ending.OUTRANKED:
            return _lost_to(row, row.ending)
        case Ending.SAME_MODEL:
            return f"showed the model of {_winner(row.ending)}, which committed earlier"
        case Ending.VOID:
            return _void(row.void_reason)
        case Ending.FALSE_CLAIM:
            return f"claimed {_counts(row, _claims(row))} where {_counts(row, _found(row))} were found"
        case Ending.BELOW_TRAINING_THRESHOLD:
            return f"below the training threshold with {_found(row)[0]} of {row.terms.train_count}"
        case Ending.BELOW_TEST_THRESHOLD:
            return f"below the test threshold with {_found(row)[1]} of {row.terms.test_count}"
        case plain:
            return _PLAIN[plain]


def _void(reason: VoidReason) -> str:
    return f"the round is void: {_VOID[reason]}"


def _lost_to(row: MinerRow, ending: SolutionEnding) -> str:
    if not ending.behind:
        return f"lost to {_winner(ending)}, which has as many right and committed earlier"
    samples = "sample" if ending.behind == 1 else "samples"
    return f"lost to {_winner(ending)} by {ending.behind} {samples} of the {_deciding_set(row)} set"


def _winner(ending: SolutionEnding) -> str:
    return short_address(ending.winner or "")


def _deciding_set(row: MinerRow) -> str:
    return "test" if row.released else "training"


def _claims(row: MinerRow) -> tuple[int, int]:
    return (row.solution.claimed_train_correct, row.solution.claimed_test_correct) if row.solution else (0, 0)


def _found(row: MinerRow) -> tuple[int, int]:
    return (row.ending.found.train_correct, row.ending.found.test_correct) if row.ending.found else (0, 0)


def _counts(row: MinerRow, counts: tuple[int, int]) -> str:
    return f"{counts[0]}/{counts[1]}" if row.released else f"{counts[0]}"


def _seat_reason(seat: Seat, *, several: bool) -> str:
    reason = _SEATS[seat.ending]
    if seat.strike:
        reason += f", strike {seat.strike} of {STRIKES}"
    if several and seat.lost:
        reason += f", lost {ether(seat.lost)}"
    return f"committee {seat.attempt + 1}: {reason}" if several else reason
