"""Checking bytes against the digest that names them, before anything else looks at them."""

import hashlib

from pole.errors import IntegrityError

DIGEST_BYTES = 32


def check_sha256(data: bytes, digest: str, what: str) -> None:
    """Raise IntegrityError unless `data` has the SHA-256 `digest`, in lower-case hex."""
    if hashlib.sha256(data).hexdigest() != digest:
        raise IntegrityError(f"The {what} is not the file that its SHA-256 {digest} names; fetch it again.")
