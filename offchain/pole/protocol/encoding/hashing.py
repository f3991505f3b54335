"""Keccak-256, the hash of Ethereum and so of everything PoLe names by digest."""

from eth_hash.auto import keccak


def keccak256(data: bytes) -> bytes:
    """Return the 32-byte keccak-256 digest of `data`."""
    return keccak(data)
