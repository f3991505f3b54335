"""A row of a miner's or a verifier's books as cells of a table and as an object for scripts."""

from typing import Any

from pole.protocol.replay.earnings.miner import MinerRow
from pole.protocol.replay.earnings.places import Row
from pole.protocol.replay.earnings.remedies import miner_remedy, verifier_remedy
from pole.protocol.replay.earnings.verifier import VerifierRow
from pole.protocol.replay.earnings.wording import miner_reason, verifier_reason, with_remedy


def miner_cells(row: MinerRow) -> tuple[object, ...]:
    """Return claim, finding, rank, and why it won or lost."""
    return _claim(row), _found(row), row.ending.rank or "-", _miner_why(row)


def _claim(row: MinerRow) -> str:
    if row.claimed is None:
        return "-"
    has_test = row.released and row.solution is not None and row.solution.revealed
    return (
        f"{row.claimed}/{row.solution.claimed_test_correct}"
        if has_test and row.solution
        else f"{row.claimed}"
    )


def _found(row: MinerRow) -> str:
    found = row.ending.found
    if found is None or not found.train_correct + found.test_correct:
        return "-"
    return f"{found.train_correct}/{found.test_correct}" if row.released else f"{found.train_correct}"


def verifier_cells(row: VerifierRow) -> tuple[object, ...]:
    """Return the sizes of its committees, its right votes on each, and why it was paid or lost stake."""
    committees = ", ".join(str(seat.members) for seat in row.seats) or "-"
    right = ", ".join(f"{seat.right} of {seat.found}" for seat in row.seats) or "-"
    return committees, right, _verifier_why(row)


def _miner_why(row: MinerRow) -> str:
    return with_remedy(miner_reason(row), miner_remedy(row))


def _verifier_why(row: VerifierRow) -> str:
    return with_remedy(verifier_reason(row), verifier_remedy(row))


def row_document(row: Row, details: dict[str, Any]) -> dict[str, Any]:
    """Return a row as an object: which round, the details of a role, and the sums."""
    place = row.place
    return {
        "round": place.round_id,
        "lane": place.lane,
        "height": place.height or None,
        "task": place.task_id,
        "endedAt": place.ended_at,
        **details,
        **money_document(row.paid, row.lost, row.held),
    }


def miner_document(row: MinerRow) -> dict[str, Any]:
    """Return the details of a miner's row."""
    own, found = row.solution, row.ending.found
    return {
        "ending": row.ending.ending.value,
        "why": _miner_why(row),
        "rank": row.ending.rank,
        "winner": row.ending.winner,
        "behind": row.ending.behind,
        "claimedTrain": row.claimed,
        "claimedTest": own.claimed_test_correct if own is not None and own.revealed else None,
        "foundVerdict": None if found is None else found.verdict.name,
        "foundTrain": None if found is None else found.train_correct,
        "foundTest": None if found is None else found.test_correct,
        "earned": {reason.name: str(amount) for reason, amount in row.earned.items()},
        "bond": {"made": str(row.bond.made), "returned": str(row.bond.returned)},
        "challengeBonds": {"made": str(row.challenges.made), "returned": str(row.challenges.returned)},
    }


def verifier_document(row: VerifierRow) -> dict[str, Any]:
    """Return the details of a verifier's row."""
    return {
        "why": _verifier_why(row),
        "seats": [
            {
                "attempt": seat.attempt,
                "members": seat.members,
                "choices": seat.choices,
                "found": seat.found,
                "right": seat.right,
                "ending": seat.ending.value,
                "strike": seat.strike,
                "fee": str(seat.fee),
                "leakPenalty": str(seat.leak),
                "penalty": str(seat.penalty),
            }
            for seat in row.seats
        ],
        "seatLost": row.has_lost_seat,
        "informersShare": str(row.informed),
    }


def money_document(paid: int, lost: int, held: int) -> dict[str, str]:
    """Return sums in wei as strings."""
    return {"paid": str(paid), "lost": str(lost), "held": str(held)}
