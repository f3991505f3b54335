"""Seeds that nobody knows too early: a round's until it opens, a puzzle's test seed until training ends."""

from pole.protocol.encoding.domains import TEST_SEED_DOMAIN
from pole.protocol.encoding.hashing import keccak256


def round_seed(parent_hash: bytes, body_root: bytes) -> bytes:
    """Return keccak256(abi.encode(parentHash, bodyRoot)), 32 bytes (protocol.md, section 5).

    `parent_hash` is the newest PoLe block's hash, `body_root` the root right after the record that opens
    the round.
    """
    return keccak256(parent_hash + body_root)


def test_seed(round_id: int, block_hash: bytes) -> bytes:
    """Return keccak256(abi.encode(TEST_SEED_DOMAIN, roundId, blockhash)), 32 bytes (protocol.md, section 10).

    An idle round's test set is made of it. `block_hash` is that of the Ethereum block named after the round's
    training had ended.
    """
    return keccak256(TEST_SEED_DOMAIN + round_id.to_bytes(32, "big") + block_hash)
