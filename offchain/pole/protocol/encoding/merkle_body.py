"""The Merkle tree over a block's body (twin of contracts/libraries/encoding/MerkleBody.sol).

An append-only tree of depth 32: leaf = keccak256(abi.encode(RECORD_DOMAIN, kind, keccak256(data))), node =
keccak256(abi.encode(left, right)); the empty leaf is zero and empty subtrees are its hashes. The body root
keccak256(abi.encode(tree root, count)) binds the number of records too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pole.errors import InputError, IntegrityError
from pole.protocol.encoding.abi import encode
from pole.protocol.encoding.domains import RECORD_DOMAIN
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.state import RecordKind

DEPTH: Final = 32
MAX_RECORDS: Final = 2**DEPTH - 1


def node(left: bytes, right: bytes) -> bytes:
    """Return the hash of two siblings, abi.encode being their concatenation."""
    return keccak256(left + right)


def _empty_subtrees() -> tuple[bytes, ...]:
    roots = [bytes(32)]
    for _ in range(DEPTH - 1):
        roots.append(node(roots[-1], roots[-1]))
    return tuple(roots)


EMPTY_SUBTREES: Final = _empty_subtrees()


@dataclass(frozen=True, slots=True)
class Body:
    """What the contract keeps of a body: the record count and each level's last complete left subtree."""

    count: int
    frontier: tuple[bytes, ...]


EMPTY_BODY: Final = Body(0, EMPTY_SUBTREES)


@dataclass(frozen=True, slots=True)
class Inclusion:
    """That `leaf` is number `index` of a body of `count` records; `siblings` run from leaf to root."""

    leaf: bytes
    index: int
    count: int
    siblings: tuple[bytes, ...]


def leaf(kind: RecordKind, data: bytes) -> bytes:
    """Return the leaf of a record."""
    return keccak256(encode(["bytes32", "uint8", "bytes32"], [RECORD_DOMAIN, int(kind), keccak256(data)]))


def append(body: Body, new_leaf: bytes) -> Body:
    """Return the body with one more leaf, in O(DEPTH)."""
    if body.count >= MAX_RECORDS:
        raise InputError(f"A body takes at most {MAX_RECORDS} records; append a block first.")
    frontier, subtree, size, level = list(body.frontier), new_leaf, body.count + 1, 0
    while size % 2 == 0:
        subtree = node(frontier[level], subtree)
        size //= 2
        level += 1
    frontier[level] = subtree
    return Body(body.count + 1, tuple(frontier))


def root(body: Body) -> bytes:
    """Return the body root, in O(DEPTH)."""
    subtree, size = EMPTY_SUBTREES[0], body.count
    for level in range(DEPTH):
        if size % 2 == 1:
            subtree = node(body.frontier[level], subtree)
        else:
            subtree = node(subtree, EMPTY_SUBTREES[level])
        size //= 2
    return with_count(subtree, body.count)


def with_count(tree_root: bytes, count: int) -> bytes:
    """Return keccak256(abi.encode(tree root, count))."""
    return keccak256(encode(["bytes32", "uint256"], [tree_root, count]))


def body_of(leaves: Iterable[bytes]) -> Body:
    """Return the body that holds `leaves` in order."""
    body = EMPTY_BODY
    for each in leaves:
        body = append(body, each)
    return body


def inclusion(leaves: Sequence[bytes], index: int) -> Inclusion:
    """Return the proof that `leaves[index]` is in the body; raises InputError for an index outside."""
    if not 0 <= index < len(leaves):
        raise InputError(f"The body has {len(leaves)} records, counted from 0; it has no record {index}.")
    siblings: list[bytes] = []
    row, position = list(leaves), index
    for level in range(DEPTH):
        sibling = position ^ 1
        siblings.append(row[sibling] if sibling < len(row) else EMPTY_SUBTREES[level])
        row = _parents(row, EMPTY_SUBTREES[level])
        position //= 2
    return Inclusion(leaves[index], index, len(leaves), tuple(siblings))


def _parents(row: Sequence[bytes], empty: bytes) -> list[bytes]:
    padded = [*row, empty] if len(row) % 2 else row
    return [node(padded[i], padded[i + 1]) for i in range(0, len(padded), 2)]


def verify_inclusion(proof: Inclusion, body_root: bytes) -> None:
    """Raise IntegrityError unless `proof` leads from its leaf to `body_root`."""
    if not 0 <= proof.index < proof.count <= MAX_RECORDS or len(proof.siblings) != DEPTH:
        raise IntegrityError(
            f"The proof is malformed: record {proof.index} of {proof.count} with {len(proof.siblings)} "
            "siblings "
            f"instead of {DEPTH}."
        )
    subtree, position = proof.leaf, proof.index
    for sibling in proof.siblings:
        subtree = node(sibling, subtree) if position % 2 else node(subtree, sibling)
        position //= 2
    if with_count(subtree, proof.count) != body_root:
        raise IntegrityError(f"The proof does not lead to the body root 0x{body_root.hex()}.")
