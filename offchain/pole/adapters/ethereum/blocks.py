"""The PoLe blocks out of their events."""

from pole.adapters.ethereum.decoding import to_header, to_ommer
from pole.adapters.ethereum.event_index import Snapshot
from pole.protocol.state import Block


def read_blocks(events: Snapshot) -> tuple[Block, ...]:
    """Return the PoLe blocks; the first is the genesis block, which the contract's construction appends."""
    return tuple(
        Block(
            to_header(event.arguments["header"]),
            bytes(event.arguments["hash"]),
            tuple(to_ommer(ommer) for ommer in event.arguments["ommers"]),
        )
        for event in events.get("BlockAppended", ())
    )
