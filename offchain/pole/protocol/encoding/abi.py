"""The ABI encoding that hashes are taken over, and the tuples of the contracts' structs."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from eth_abi.codec import ABICodec
from eth_abi.decoding import StringDecoder
from eth_abi.encoding import TextStringEncoder
from eth_abi.exceptions import DecodingError, EncodingError
from eth_abi.registry import registry
from eth_utils.address import to_checksum_address

from pole.errors import InputError, IntegrityError
from pole.protocol.state import (
    Header,
    Ommer,
    Payout,
    PayoutReason,
    TaskFiles,
    TaskTerms,
    Vote,
)
from pole.quoting import reason

TASK_TERMS: Final = "(uint96,uint96,uint32,uint32,uint96,uint16,uint16,uint16,uint32,uint32,uint40)"
TASK_FILES: Final = "(string,bytes32,string,bytes32,bytes32,bytes32)"
VOTE: Final = "(uint8,uint32,uint32,bytes32)"
HEADER: Final = "(uint256,bytes32,uint256,uint256,address,bytes32,uint32,uint32,bytes32,bytes32,uint64)"
OMMER: Final = "(uint256,address,bytes32,uint32,uint32,uint16,bool)"
PAYOUT: Final = "(address,uint8,uint256)"

TEXT: Final = StringDecoder(handle_string_errors="surrogateescape")  # type: ignore[no-untyped-call]
"""Decodes strings, which contracts do not hold to UTF-8: other bytes are kept as in names of files."""

ZERO_ADDRESS: Final = "0x" + "00" * 20
ZERO_HASH: Final = bytes(32)


class _TextEncoder(TextStringEncoder):
    """The inverse of `TEXT`."""

    @classmethod
    def encode(cls, value: str) -> bytes:
        cls.validate_value(value)  # type: ignore[no-untyped-call]
        raw = value.encode("utf-8", "surrogateescape")
        padded = raw + bytes(-len(raw) % 32)
        return len(raw).to_bytes(32, "big") + padded


def _codec() -> ABICodec:
    lenient = registry.copy()  # type: ignore[no-untyped-call]
    lenient.unregister("string")
    lenient.register("string", _TextEncoder(), TEXT, label="string")  # type: ignore[no-untyped-call]
    return ABICodec(lenient)


_CODEC: Final = _codec()


def encode(types: Sequence[str], values: Sequence[Any]) -> bytes:
    """Return Solidity's `abi.encode` of `values`; raises InputError when a value does not fit its type."""
    try:
        return _CODEC.encode(types, values)
    except (EncodingError, TypeError, ValueError) as error:
        raise InputError(
            f"A value does not fit its Solidity type ({', '.join(types)}): {reason(error)}."
        ) from error


def decode(types: Sequence[str], data: bytes) -> tuple[Any, ...]:
    """Return the values that `data` encodes; raises IntegrityError unless it is their canonical encoding."""
    try:
        values = _CODEC.decode(types, data)
        canonical = _CODEC.encode(types, values)
    except (DecodingError, EncodingError, OverflowError, UnicodeError) as error:
        raise IntegrityError(
            f"The data is no ABI encoding of ({', '.join(types)}): {reason(error)}."
        ) from error
    if canonical != data:
        raise IntegrityError(f"The data is not the canonical ABI encoding of ({', '.join(types)}).")
    return values


@lru_cache(maxsize=2**12)
def address(text: str) -> str:
    """Return an address with its EIP-55 checksum."""
    return to_checksum_address(text)


def terms_tuple(terms: TaskTerms) -> tuple[int, ...]:
    """Return a task's terms in the struct's order."""
    return (
        terms.reward,
        terms.data_bond,
        terms.time_limit,
        terms.min_training_time,
        terms.fee,
        terms.min_solutions,
        terms.required_train_accuracy,
        terms.required_test_accuracy,
        terms.train_count,
        terms.test_count,
        terms.work,
    )


def files_tuple(files: TaskFiles) -> tuple[str | bytes, ...]:
    """Return a task's files in the struct's order."""
    return (
        files.spec_cid,
        files.spec_digest,
        files.train_cid,
        files.train_digest,
        files.test_digest,
        files.mpk_digest,
    )


def vote_tuple(vote: Vote) -> tuple[int, int, int, bytes]:
    """Return a vote in the struct's order."""
    return (int(vote.verdict), vote.train_correct, vote.test_correct, vote.predictions)


def header_tuple(header: Header) -> tuple[Any, ...]:
    """Return a header in the struct's order."""
    return (
        header.height,
        header.parent_hash,
        header.round_id,
        header.task_id,
        header.winner,
        header.model_digest,
        header.train_correct,
        header.test_correct,
        header.ommers_hash,
        header.body_root,
        header.timestamp,
    )


def ommer_tuple(ommer: Ommer) -> tuple[Any, ...]:
    """Return an ommer in the struct's order."""
    return (
        ommer.height,
        ommer.miner,
        ommer.model_digest,
        ommer.correct,
        ommer.total,
        ommer.count,
        ommer.referenced,
    )


def payout_tuple(payout: Payout) -> tuple[str, int, int]:
    """Return a payout in the struct's order."""
    return (payout.payee, int(payout.reason), payout.amount)


def payout_from_tuple(values: Sequence[Any]) -> Payout:
    """Return the payout of a decoded struct; raises IntegrityError for an unknown reason."""
    try:
        reason = PayoutReason(values[1])
    except ValueError as error:
        raise IntegrityError(f"A payout has the unknown reason {values[1]}.") from error
    return Payout(address(values[0]), reason, values[2])
