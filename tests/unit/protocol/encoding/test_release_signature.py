"""The typed data that data nodes sign, against eth_account's encoding of EIP-712."""

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from pole.errors import InputError
from pole.protocol.encoding.release_signature import DOMAIN_NAME, DOMAIN_VERSION, release_hash
from pole.protocol.state import FileRef

CHAIN_ADDRESS = "0x" + "Ab" * 20
ACCOUNT = Account.from_key("0x" + "5d" * 32)
FIELDS = {"roundId": "uint256", "testCid": "string", "testDigest": "bytes32", "timestamp": "uint64"}
TYPES = {"TestSetRelease": [{"name": name, "type": type_} for name, type_ in FIELDS.items()]}


@given(
    chain_id=st.integers(1, 2**64),
    round_id=st.integers(1, 2**256 - 1),
    cid=st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=1, max_size=128),
    digest=st.binary(min_size=32, max_size=32),
    timestamp=st.integers(0, 2**64 - 1),
)
def test_wallets_that_know_eip_712_sign_the_same_bytes(
    chain_id: int, round_id: int, cid: str, digest: bytes, timestamp: int
) -> None:
    domain = {
        "name": DOMAIN_NAME,
        "version": DOMAIN_VERSION,
        "chainId": chain_id,
        "verifyingContract": CHAIN_ADDRESS,
    }
    message = {"roundId": round_id, "testCid": cid, "testDigest": digest, "timestamp": timestamp}
    typed = encode_typed_data(domain, TYPES, message)
    ours = release_hash(
        chain_id=chain_id,
        chain_address=CHAIN_ADDRESS,
        round_id=round_id,
        test=FileRef(cid, digest),
        timestamp=timestamp,
    )
    assert ACCOUNT.sign_message(typed).signature == ACCOUNT.unsafe_sign_hash(ours).signature


def test_a_time_that_is_no_uint64_is_refused() -> None:
    with pytest.raises(InputError, match="does not fit its Solidity type"):
        release_hash(
            chain_id=1,
            chain_address=CHAIN_ADDRESS,
            round_id=1,
            test=FileRef("bafy", bytes(32)),
            timestamp=2**64,
        )
