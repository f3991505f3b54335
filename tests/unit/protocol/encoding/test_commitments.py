import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from pole.errors import InputError
from pole.protocol.ballots import ballot_id
from pole.protocol.encoding.commitments import (
    solution_commitment,
    solution_payload,
    vote_commitment,
    vote_payload,
)
from pole.protocol.encoding.domains import SOLUTION_DOMAIN, VOTE_DOMAIN
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.state import Verdict, Vote

ALICE = "0x90F8bf6A479f320ead074411a4B0e7944Ea8c9C1"
BOB = "0xFFcf8FDEE72ac11b5c542428B35EEF5769C409f0"
CONTRACT = "0xe78A0F7E598Cc8b0Bb87894B0F60dD2a88d6a8Ab"
VOTES = (
    Vote(Verdict.OK, 90, 10, b"\x11" * 32),
    Vote(Verdict.MALFORMED, 0, 0, bytes(32)),
)


def solution(**changes: object) -> bytes:
    given_: dict[str, object] = {
        "chain_id": 1337,
        "chain_address": CONTRACT,
        "round_id": 1,
        "miner": ALICE,
        "model_digest": b"\x22" * 32,
        "claimed_train_correct": 90,
        "salt": b"\x33" * 32,
    }
    return solution_commitment(**{**given_, **changes})  # type: ignore[arg-type]


def test_a_salt_of_another_length_is_refused() -> None:
    with pytest.raises(InputError, match="salt has 32 bytes, not 31"):
        solution(salt=b"\x33" * 31)


def test_a_digest_of_another_length_is_refused() -> None:
    with pytest.raises(InputError, match="model digest"):
        solution(model_digest=b"")


@pytest.mark.parametrize("count", [-1, 2**32])
def test_a_count_outside_uint32_is_refused(count: int) -> None:
    with pytest.raises(InputError, match="Solidity type"):
        solution(claimed_train_correct=count)


@pytest.mark.parametrize(
    "change",
    [
        {"chain_id": 1},
        {"chain_address": BOB},
        {"round_id": 2},
        {"miner": BOB},
        {"model_digest": b"\x23" * 32},
        {"claimed_train_correct": 91},
        {"salt": b"\x34" * 32},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_commitment_binds_every_part(change: dict[str, object]) -> None:
    assert solution(**change) != solution()


def test_a_copied_commitment_is_worthless() -> None:
    assert solution(miner=BOB) != solution(miner=ALICE)


def test_a_solution_commitment_is_the_hash_of_its_abi_encoding() -> None:
    types = ["bytes32", "uint256", "address", "uint256", "uint256", "address", "bytes32", "bytes32"]
    payload = keccak256(encode(["bytes32", "uint32"], [b"\x22" * 32, 90]))
    assert solution_payload(b"\x22" * 32, 90) == payload
    encoded = encode(types, [SOLUTION_DOMAIN, 1337, CONTRACT, 1, 0, ALICE, payload, b"\x33" * 32])
    assert solution() == keccak256(encoded)


def test_a_vote_commitment_has_its_own_domain_and_binds_the_attempt() -> None:
    types = ["bytes32", "uint256", "address", "uint256", "uint256", "address", "bytes32", "bytes32"]
    payload = keccak256(
        encode(
            ["(uint8,uint32,uint32,bytes32)[]"],
            [[(1, 90, 10, b"\x11" * 32), (3, 0, 0, bytes(32))]],
        )
    )
    assert vote_payload(VOTES) == payload
    encoded = encode(types, [VOTE_DOMAIN, 1337, CONTRACT, 7, 2, ALICE, payload, b"\x33" * 32])
    assert keccak256(encoded) == vote_commitment(
        chain_id=1337,
        committee_address=CONTRACT,
        ballot_id=ballot_id(7, 2),
        verifier=ALICE,
        votes=VOTES,
        salt=b"\x33" * 32,
    )


@given(st.lists(st.sampled_from(VOTES), max_size=5), st.lists(st.sampled_from(VOTES), max_size=5))
def test_different_votes_have_different_payloads(some: list[Vote], others: list[Vote]) -> None:
    assert (vote_payload(some) == vote_payload(others)) == (some == others)
