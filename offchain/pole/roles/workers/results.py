"""What the log says of a round that has ended: won or lost to whom, paid or lost how much, and why."""

import logging
from collections.abc import Callable
from typing import Final

from pole.errors import IntegrityError
from pole.protocol.amounts import ether
from pole.protocol.replay.earnings.data_node import DataNodeRow
from pole.protocol.replay.earnings.miner import MinerRow
from pole.protocol.replay.earnings.places import AnyRow, Row
from pole.protocol.replay.earnings.remedies import data_node_remedy, miner_remedy, verifier_remedy
from pole.protocol.replay.earnings.verifier import VerifierRow
from pole.protocol.replay.earnings.wording import data_node_reason, miner_reason, verifier_reason
from pole.roles.support.events import report, report_loss

MINING: Final = logging.getLogger("pole.miner")
SERVING: Final = logging.getLogger("pole.data-node")
VERIFYING: Final = logging.getLogger("pole.verifier")


def report_mined(round_id: int, row_of: Callable[[int], MinerRow | None]) -> None:
    """Log what a round paid a miner and cost it, and why; nothing where it had no part in it."""
    row = _row(MINING, round_id, row_of)
    if row is not None:
        ending, rank = row.ending.ending.value, row.ending.rank or 0
        say = report_loss if row.lost else report
        _report(MINING, say, row, miner_reason(row), miner_remedy(row), ending=ending, rank=rank)


def report_judged(round_id: int, row_of: Callable[[int], VerifierRow | None]) -> None:
    """Log what a round paid a verifier and cost it, and why; nothing where it had no part in it."""
    row = _row(VERIFYING, round_id, row_of)
    if row is not None:
        endings = ", ".join(seat.ending.value for seat in row.seats)
        say = report_loss if row.lost or row.has_lost_seat else report
        _report(VERIFYING, say, row, verifier_reason(row), verifier_remedy(row), ending=endings)


def report_served(round_id: int, row_of: Callable[[int], DataNodeRow | None]) -> None:
    """Log what a round of a data node's own task gave it and cost it, and why."""
    row = _row(SERVING, round_id, row_of)
    if row is not None:
        say = report_loss if row.lost else report
        ending = row.void_reason.name.lower().replace("_", "-") if row.winner is None else "bought"
        _report(SERVING, say, row, data_node_reason(row), data_node_remedy(row), ending=ending)


def _row(log: logging.Logger, round_id: int, row_of: Callable[[int], AnyRow | None]) -> AnyRow | None:
    """Return the round's row; a node whose records break a rule is told of, and stops nothing."""
    try:
        return row_of(round_id)
    except IntegrityError as error:
        log.warning("Round %d: cannot say what it paid: %s", round_id, error)
        return None


def _report(
    log: logging.Logger,
    say: Callable[..., None],
    row: Row,
    reason: str,
    remedy: str | None,
    **details: int | str,
) -> None:
    round_id, money = row.place.round_id, ""
    if row.paid:
        money += f" Paid {ether(row.paid)}."
    if row.lost:
        money += f" Lost {ether(row.lost)}."
    saved = f" Saved by {remedy}." if remedy else ""
    amounts = {"paid": str(row.paid), "lost": str(row.lost)}
    say(log, "result", f"Round {round_id}: {reason}.{money}{saved}", round=round_id, **amounts, **details)
