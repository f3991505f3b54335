"""Keccak-256, the hash of Ethereum and so of all that PoLe names by digest; and addresses, which carry it."""

import re
from functools import lru_cache
from typing import Final

from eth_hash.auto import keccak

_ADDRESS: Final = re.compile("0x[0-9a-fA-F]{40}")


def keccak256(data: bytes) -> bytes:
    """Return the 32-byte keccak-256 digest of `data`."""
    return keccak(data)


@lru_cache(4096)
def address(text: str) -> str:
    """Return an address with its EIP-55 checksum: a digit is large where the digest's is 8 or more.

    Raises ValueError for what is no 20 bytes in hexadecimal after 0x.
    """
    if not is_address(text):
        raise ValueError("no address of 20 bytes in hexadecimal")
    digits = text[2:].lower()
    digest = keccak256(digits.encode()).hex()
    marked = (digit.upper() if mark >= "8" else digit for digit, mark in zip(digits, digest, strict=False))
    return f"0x{''.join(marked)}"


def is_address(text: object) -> bool:
    """Return whether a value is the text of an address: 0x and 20 bytes in hexadecimal, of whatever case."""
    return isinstance(text, str) and _ADDRESS.fullmatch(text) is not None
