"""Headers of Ethereum blocks, and the mix in them (twin of contracts/Entropy.sol)."""

from collections.abc import Mapping
from typing import Any, Final

from pole.errors import IntegrityError
from pole.protocol.encoding.hashing import keccak256
from pole.quoting import quoted

_FIELDS: Final = (
    *("parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom"),
    *("difficulty", "number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce"),
    # London, Shanghai, Cancun (the next three), Prague.
    *("baseFeePerGas", "withdrawalsRoot", "blobGasUsed", "excessBlobGas", "parentBeaconBlockRoot"),
    "requestsHash",
)
_ALSO_AS: Final = {"extraData": "proofOfAuthorityData"}
"""How web3 names a field that is longer on chains of proof of authority."""
_MIX: Final = _FIELDS.index("mixHash")

_STRING, _LIST = 0x80, 0xC0
"""The first prefixes of RLP's strings and lists."""
_SHORT: Final = 55
"""Up to as many bytes the prefix tells the size, above it the size of the size."""


def encode_header(block: Mapping[str, Any]) -> bytes:
    """Return the RLP encoding of a block's header, whose keccak-256 is the block's hash.

    `block` is what web3 makes of `eth_getBlockByNumber`; of the fields since London it has those of its fork.
    Raises IntegrityError where the hash is another, as on chains whose headers are not Ethereum's.
    """
    import rlp  # type: ignore[import-untyped]  # a third of a second, which those who only read need not wait

    try:
        given = [block.get(_ALSO_AS.get(name, name), block.get(name)) for name in _FIELDS]
        header: bytes = rlp.encode([_field(value) for value in given if value is not None])
    except (TypeError, ValueError, rlp.EncodingError, rlp.SerializationError):
        header = b""
    if keccak256(header) != block.get("hash"):
        raise IntegrityError(
            f"The header of Ethereum block {quoted(block.get('number'))} does not give the block's hash: the "
            "node is wrong, or its chain is of another kind than Ethereum from London to Osaka. Use another "
            "node, update pole if Ethereum has had a later fork, or deploy on a chain of that kind."
        )
    return header


def mix_of(header: bytes) -> bytes:
    """Return the mix that a header's RLP encoding holds as field 13, counted from 0: 32 bytes.

    Raises IntegrityError for what `Entropy.mixOf` refuses even where its hash is right.
    """
    start, end = _payload(header, 0, _LIST)
    if end == len(header):
        end = start
        for _ in range(_MIX + 1):
            start, end = _payload(header, end, _STRING)
        if end <= len(header) and end - start == 32:
            return header[start:end]
    raise IntegrityError("The bytes are no header of an Ethereum block: no RLP list with a mix of 32 bytes.")


def _field(value: Any) -> int | bytes:
    return bytes.fromhex(value.removeprefix("0x")) if isinstance(value, str) else value


def _payload(encoded: bytes, at: int, kind: int) -> tuple[int, int]:
    """Return where the string or list at `at` begins and ends: beyond the bytes where there is none."""
    nowhere = (0, len(encoded) + 1)
    if at >= len(encoded):
        return nowhere
    prefix = encoded[at]
    if prefix < _STRING and kind == _STRING:
        return at, at + 1
    if not kind <= prefix < kind + 64:
        return nowhere
    size, start = prefix - kind, at + 1
    if size > _SHORT:
        start += size - _SHORT
        if start > len(encoded):
            return nowhere
        size = int.from_bytes(encoded[at + 1 : start], "big")
    return start, start + size
