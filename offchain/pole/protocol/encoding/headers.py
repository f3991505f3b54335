"""Headers of PoLe blocks and their hashes (twin of what PoLeChain does with `Header` and `Ommer`)."""

from collections.abc import Sequence

from pole.protocol.encoding.abi import (
    HEADER,
    OMMER,
    ZERO_ADDRESS,
    ZERO_HASH,
    encode,
    header_tuple,
    ommer_tuple,
)
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.state import Header, Ommer


def header_hash(header: Header) -> bytes:
    """Return keccak256(abi.encode(header)): the block's hash and the parent hash (PHS) of the next block."""
    return keccak256(encode([HEADER], [header_tuple(header)]))


def ommers_hash(ommers: Sequence[Ommer]) -> bytes:
    """Return keccak256(abi.encode(Ommer[])) of the ommers a block references, none or one."""
    return keccak256(encode([f"{OMMER}[]"], [[ommer_tuple(ommer) for ommer in ommers]]))


def genesis_header(timestamp: int) -> Header:
    """Return the header at height 0: zero but for the Ethereum timestamp of the deployment."""
    return Header(
        height=0,
        parent_hash=ZERO_HASH,
        round_id=0,
        task_id=0,
        winner=ZERO_ADDRESS,
        model_digest=ZERO_HASH,
        train_correct=0,
        test_correct=0,
        ommers_hash=ZERO_HASH,
        body_root=ZERO_HASH,
        timestamp=timestamp,
    )
