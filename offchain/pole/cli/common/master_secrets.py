"""Master secret keys in a wallet's folder of secrets."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pole.adapters.wallet.secret_store import SecretStore
    from pole.ipfe.scheme import MasterSecretKey


def save_master_secret(secrets: "SecretStore", digest: bytes, secret: "MasterSecretKey") -> None:
    """Keep a master secret key under the digest of its public key."""
    secrets.save(_name(digest), secret.scalars.tobytes())


def open_master_secret(secrets: "SecretStore", digest: bytes) -> "MasterSecretKey":
    """Return the master secret key whose public key has this digest; raises InputError without one."""
    import numpy as np

    from pole.ipfe.scheme import MasterSecretKey

    scalars = np.frombuffer(secrets.load(_name(digest)), dtype=np.uint8)
    return MasterSecretKey(scalars.reshape(-1, 32))


def remove_master_secret(secrets: "SecretStore", digest: bytes) -> None:
    """Remove the master secret key whose public key has this digest."""
    secrets.remove(_name(digest))


def _name(digest: bytes) -> str:
    return f"master-secret-{digest.hex()}"
