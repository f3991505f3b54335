"""Commitments to solutions and votes (twin of contracts/libraries/encoding/Commitments.sol), hashes of tasks.

A commitment is keccak256(abi.encode(domain, chain id, contract, round, attempt, sender, payload, salt)). It
binds the sender, so a copied commitment is worthless to the copier; the salt, 32 random bytes, keeps a
small payload from being guessed.
"""

from collections.abc import Sequence

from pole.errors import InputError
from pole.protocol.ballots import round_and_attempt
from pole.protocol.encoding.abi import (
    TASK_FILES,
    TASK_TERMS,
    VOTE,
    encode,
    files_tuple,
    terms_tuple,
    vote_tuple,
)
from pole.protocol.encoding.domains import SOLUTION_DOMAIN, VOTE_DOMAIN
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.state import TaskFiles, TaskTerms, Vote

SALT_BYTES = 32
SOLUTION_ATTEMPT = 0


def solution_payload(model_digest: bytes, claimed_train_correct: int) -> bytes:
    """Return what a solution's commitment hides: the hash of model digest and claimed train count."""
    return keccak256(
        encode(["bytes32", "uint32"], [_word(model_digest, "model digest"), claimed_train_correct])
    )


def vote_payload(votes: Sequence[Vote]) -> bytes:
    """Return keccak256(abi.encode(Vote[])): what a vote's commitment hides and its record shows."""
    return keccak256(encode([f"{VOTE}[]"], [[vote_tuple(vote) for vote in votes]]))


def solution_commitment(
    *,
    chain_id: int,
    chain_address: str,
    round_id: int,
    miner: str,
    model_digest: bytes,
    claimed_train_correct: int,
    salt: bytes,
) -> bytes:
    """Return what `PoLeChain.commit` takes; raises InputError when a digest or the salt has not 32 bytes."""
    payload = solution_payload(model_digest, claimed_train_correct)
    return commitment(
        SOLUTION_DOMAIN, chain_id, chain_address, round_id, SOLUTION_ATTEMPT, miner, payload, salt
    )


def vote_commitment(
    *,
    chain_id: int,
    committee_address: str,
    ballot_id: int,
    verifier: str,
    votes: Sequence[Vote],
    salt: bytes,
) -> bytes:
    """Return what `VerifierCommittee.commitVote` takes; raises InputError when the salt has not 32 bytes."""
    place, payload = round_and_attempt(ballot_id), vote_payload(votes)
    return commitment(VOTE_DOMAIN, chain_id, committee_address, *place, verifier, payload, salt)


def commitment(
    domain: bytes,
    chain_id: int,
    contract: str,
    round_id: int,
    attempt: int,
    sender: str,
    payload: bytes,
    salt: bytes,
) -> bytes:
    """Return keccak256(abi.encode(domain, chainid, contract, roundId, attempt, sender, payload, salt))."""
    return keccak256(
        encode(
            ["bytes32", "uint256", "address", "uint256", "uint256", "address", "bytes32", "bytes32"],
            [domain, chain_id, contract, round_id, attempt, sender, payload, _word(salt, "salt")],
        )
    )


def _word(value: bytes, name: str) -> bytes:
    # eth_abi would pad shorter values with zeros, and the contract would then see another one.
    if len(value) != SALT_BYTES:
        raise InputError(f"A {name} has {SALT_BYTES} bytes, not {len(value)}.")
    return value


def terms_hash(terms: TaskTerms) -> bytes:
    """Return keccak256(abi.encode(TaskTerms)); raises InputError when a term does not fit its type."""
    return keccak256(encode([TASK_TERMS], [terms_tuple(terms)]))


def files_hash(files: TaskFiles) -> bytes:
    """Return keccak256(abi.encode(TaskFiles))."""
    return keccak256(encode([TASK_FILES], [files_tuple(files)]))
