"""A key holder's secrets in its wallet's folder of secrets: its sealing key, and the shares it accepted."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pole.adapters.wallet.secret_store import SecretStore


def sealing_key_of(secrets: "SecretStore", address: str) -> bytes:
    """Return the private sealing key of a wallet, made and kept first when it has none."""
    from pole.adapters.wallet.share_box import new_sealing_key

    name = _sealing_key_name(address)
    if not secrets.holds(name):
        secrets.save(name, new_sealing_key())
    return secrets.load(name)


def save_share(secrets: "SecretStore", address: str, sharing_digest: bytes, content: bytes) -> None:
    """Keep the file of a wallet's share of a sharing."""
    secrets.save(share_name(address, sharing_digest), content)


def open_share(secrets: "SecretStore", address: str, sharing_digest: bytes) -> bytes | None:
    """Return the file of a wallet's share of a sharing, None when it accepted none."""
    name = share_name(address, sharing_digest)
    return secrets.load(name) if secrets.holds(name) else None


def share_name(address: str, sharing_digest: bytes) -> str:
    """Return the name under which a wallet keeps its share of a sharing."""
    return f"key-share-{address[2:].lower()}-{sharing_digest.hex()}"


def _sealing_key_name(address: str) -> str:
    return f"sealing-key-{address[2:].lower()}"
