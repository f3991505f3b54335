"""What draws make of an Ethereum block's mix: seeds that nobody knows too early, and a committee's entropy.

The mix is the RANDAO mix in the header of a block that was named before it was built. Where the chain below
has none, it is what that chain's headers hold in its place.
"""

from pole.protocol.encoding.domains import DRAW_DOMAIN, SEED_DOMAIN, TEST_SEED_DOMAIN
from pole.protocol.encoding.hashing import keccak256


def round_origin(parent_hash: bytes, body_root: bytes) -> bytes:
    """Return keccak256(abi.encode(parentHash, bodyRoot)), 32 bytes (protocol.md, section 5).

    `parent_hash` is the newest PoLe block's hash when the round opens, `body_root` the root right after the
    record that opens it.
    """
    return keccak256(parent_hash + body_root)


def round_seed(origin: bytes, round_id: int, mix: bytes) -> bytes:
    """Return keccak256(abi.encode(origin, keccak256(abi.encode(SEED_DOMAIN, roundId, mix)))), 32 bytes."""
    return keccak256(origin + keccak256(SEED_DOMAIN + _word(round_id) + mix))


def test_seed(round_id: int, mix: bytes) -> bytes:
    """Return keccak256(abi.encode(TEST_SEED_DOMAIN, roundId, mix)), 32 bytes (protocol.md, section 10).

    An idle round's test set is made of it. The mix is that of the Ethereum block named when the round's
    training was closed.
    """
    return keccak256(TEST_SEED_DOMAIN + _word(round_id) + mix)


def draw_entropy(round_id: int, attempt: int, mix: bytes) -> bytes:
    """Return keccak256(abi.encode(DRAW_DOMAIN, roundId, attempt, mix)), 32 bytes: what draws a committee."""
    return keccak256(DRAW_DOMAIN + _word(round_id) + _word(attempt) + mix)


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")
