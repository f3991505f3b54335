"""Shares on their way: sealed to a holder's X25519 key with HPKE (RFC 9180, base mode).

The suite is DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305; a box is the sender's ephemeral key
(32 bytes), the ciphertext and its tag (16 bytes), and its context is HPKE's `info`. The sender is not
authenticated by the box: what it holds is checked against commitments that the chain names.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from pole.errors import IntegrityError

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


def new_sealing_key() -> bytes:
    """Return a fresh private key, 32 bytes."""
    return X25519PrivateKey.generate().private_bytes_raw()


def public_sealing_key(private: bytes) -> bytes:
    """Return the public key of a private one, 32 bytes each."""
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def seal_to(public: bytes, plaintext: bytes, context: bytes) -> bytes:
    """Return a box that only the owner of the public key opens, and only in this context.

    Raises IntegrityError when no key can be agreed on with these 32 bytes (a point of low order).
    """
    try:
        return _SUITE.encrypt(plaintext, X25519PublicKey.from_public_bytes(public), info=context)
    except ValueError as error:
        raise IntegrityError(
            f"The sealing key {public.hex()} is unusable: ask its holder for a new card."
        ) from error


def open_sealed(private: bytes, box: bytes, context: bytes) -> bytes:
    """Return what `seal_to` was given.

    Raises IntegrityError when the box is for another key or context, or was changed: these cannot be told
    apart.
    """
    try:
        return _SUITE.decrypt(box, X25519PrivateKey.from_private_bytes(private), info=context)
    except (InvalidTag, ValueError) as error:
        raise IntegrityError(
            "The sealed share does not open: it is for another holder, or was changed on its way; ask the "
            "data node for the file again."
        ) from error
