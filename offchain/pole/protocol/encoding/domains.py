"""Domain separators: what keeps a hash made for one purpose from meaning anything for another.

Twin of contracts/libraries/encoding/Domains.sol; each is the keccak-256 of its name.
"""

from typing import Final

from pole.protocol.encoding.hashing import keccak256

SOLUTION_DOMAIN: Final = keccak256(b"PoLe.solution.v1")
VOTE_DOMAIN: Final = keccak256(b"PoLe.vote.v1")
SEED_DOMAIN: Final = keccak256(b"PoLe.seed.v1")
DRAW_DOMAIN: Final = keccak256(b"PoLe.draw.v1")
TEST_SEED_DOMAIN: Final = keccak256(b"PoLe.test-seed.v1")
RECORD_DOMAIN: Final = keccak256(b"PoLe.record.v1")
PUZZLE_DOMAIN: Final = keccak256(b"PoLe.puzzle.v1")

POOL: Final = keccak256(b"PoLe.pool.v1")
"""The system pool's account of the PoLe chain in the reservoir."""
