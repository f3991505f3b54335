"""The rows of a PoLe block."""

from typing import Any

from pole.adapters.ethereum.decoding import to_header, to_ommer
from pole.adapters.history.pages import ChainEvent


def block_row(event: ChainEvent) -> dict[str, Any]:
    """Return the row of `pole_blocks` of a BlockAppended event."""
    header = to_header(event.arguments["header"])
    return {
        "height": header.height,
        "hash": bytes(event.arguments["hash"]),
        "parent_hash": header.parent_hash,
        "round_id": header.round_id,
        "task_id": header.task_id,
        "winner": header.winner,
        "model_digest": header.model_digest,
        "train_correct": header.train_correct,
        "test_correct": header.test_correct,
        "ommers_hash": header.ommers_hash,
        "body_root": header.body_root,
        "time": header.timestamp,
        "block": event.block,
    }


def ommer_rows(event: ChainEvent) -> list[dict[str, Any]]:
    """Return the rows of `ommers` of a BlockAppended event."""
    named = [to_ommer(each) for each in event.arguments["ommers"]]
    return [
        {
            "in_height": event.arguments["header"]["height"],
            "place": place,
            "height": ommer.height,
            "miner": ommer.miner,
            "model_digest": ommer.model_digest,
            "correct": ommer.correct,
            "total": ommer.total,
            "count": ommer.count,
            "block": event.block,
        }
        for place, ommer in enumerate(named)
    ]
