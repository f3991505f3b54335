"""What a data node signs to release its test set, as EIP-712 says (twin of ReleaseSignature.sol).

Anyone may relay a signed release; its timestamp must be close to that of the Ethereum block that takes it.
"""

from typing import Final

from pole.protocol.encoding.abi import encode
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.state import FileRef

DOMAIN_NAME: Final = "PoLe"
DOMAIN_VERSION: Final = "1"
TOLERANCE: Final = 300
"""Seconds by which the time signed may differ from the Ethereum block's."""
_DOMAIN_TYPE: Final = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_RELEASE_TYPE: Final = b"TestSetRelease(uint256 roundId,string testCid,bytes32 testDigest,uint64 timestamp)"


def release_hash(*, chain_id: int, chain_address: str, round_id: int, test: FileRef, timestamp: int) -> bytes:
    """Return the 32 bytes to sign for releasing `test` in a round at `timestamp`.

    Raises InputError when a value does not fit its Solidity type.
    """
    domain = encode(
        ["bytes32", "bytes32", "bytes32", "uint256", "address"],
        [
            keccak256(_DOMAIN_TYPE),
            keccak256(DOMAIN_NAME.encode()),
            keccak256(DOMAIN_VERSION.encode()),
            chain_id,
            chain_address,
        ],
    )
    release = encode(
        ["bytes32", "uint256", "bytes32", "bytes32", "uint64"],
        [keccak256(_RELEASE_TYPE), round_id, keccak256(test.cid.encode()), test.digest, timestamp],
    )
    return keccak256(b"\x19\x01" + keccak256(domain) + keccak256(release))
