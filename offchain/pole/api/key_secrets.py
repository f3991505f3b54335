"""Secrets of keys in a wallet's folder of secrets: master secrets, a holder's sealing key, and its shares."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pole.adapters.wallet.secret_store import SecretStore
    from pole.ipfe.scheme import MasterSecretKey


def save_master_secret(secrets: "SecretStore", digest: bytes, secret: "MasterSecretKey") -> None:
    """Keep a master secret key under the digest of its public key."""
    secrets.save(_master_secret_name(digest), secret.scalars.tobytes())


def open_master_secret(secrets: "SecretStore", digest: bytes) -> "MasterSecretKey":
    """Return the master secret key whose public key has this digest; raises InputError without one."""
    import numpy as np

    from pole.ipfe.scheme import MasterSecretKey

    scalars = np.frombuffer(secrets.load(_master_secret_name(digest)), dtype=np.uint8)
    return MasterSecretKey(scalars.reshape(-1, 32))


def remove_master_secret(secrets: "SecretStore", digest: bytes) -> None:
    """Remove the master secret key whose public key has this digest."""
    secrets.remove(_master_secret_name(digest))


def _master_secret_name(digest: bytes) -> str:
    return f"master-secret-{digest.hex()}"


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
