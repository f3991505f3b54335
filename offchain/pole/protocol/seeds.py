"""The seed of a round: what fixes its secure mapping layer, known to nobody before the round opens."""

from pole.protocol.hashing import keccak256


def round_seed(parent_hash: bytes, body_root: bytes) -> bytes:
    """Return keccak256(abi.encode(parentHash, bodyRoot)), 32 bytes (protocol.md, section 5).

    `parent_hash` is the newest PoLe block's hash, `body_root` the root right after the record that opens
    the round.
    """
    return keccak256(parent_hash + body_root)
