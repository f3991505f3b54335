"""What a machine of a cluster proves itself with, as Dask takes it: TLS 1.3, both sides authenticated."""

import ssl
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509

from pole.adapters.machine.cluster.certificates import AUTHORITY_FILE, CERTIFICATE_FILE, KEY_FILE
from pole.errors import InputError
from pole.quoting import reason

if TYPE_CHECKING:
    from distributed.security import Security

SCHEME = "tls://"


def require_distributed() -> None:
    """Raise InputError where the extra of clusters is not installed."""
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise InputError("A cluster needs Dask: install it with `pip install pole[cluster]`.") from error


def require_tls(address: str) -> str:
    """Return the address of a scheduler; raises InputError for one that is not reached by TLS."""
    host, _, port = address.removeprefix(SCHEME).rpartition(":")
    if not address.startswith(SCHEME) or not host or not _is_port(port):
        raise InputError(f"The scheduler's address is {address!r}, but must be like tls://head:8786.")
    return address


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= len("65535") and int(text) < 2**16


def open_security(folder: Path, role: str, now: datetime) -> "Security":
    """Return what a machine of `role` proves itself with, out of a folder of `pole cluster certificates`.

    Raises InputError where a file is missing, cannot be read, has expired or is of another role, and where
    others can read the key.
    """
    from distributed.security import Security

    for name in (AUTHORITY_FILE, CERTIFICATE_FILE, KEY_FILE):
        if not (folder / name).is_file():
            raise InputError(
                f"There is no {folder / name}: make it with `pole cluster certificates`, and copy the folder "
                f"of the role {role} here."
            )
    _require_private(folder / KEY_FILE)
    _require_valid(folder / CERTIFICATE_FILE, role, now)
    security = Security(
        require_encryption=True,
        tls_min_version=ssl.TLSVersion.TLSv1_3,
        tls_ca_file=str(folder / AUTHORITY_FILE),
        **{f"tls_{role}_cert": str(folder / CERTIFICATE_FILE), f"tls_{role}_key": str(folder / KEY_FILE)},
    )
    try:
        security.get_connection_args(role)
    except (OSError, ValueError) as error:
        raise InputError(f"The certificates in {folder} cannot be used: {reason(error)}.") from error
    return security


def _require_private(key: Path) -> None:
    if key.stat().st_mode & 0o077:
        raise InputError(f"Others can read {key}, which opens the whole cluster: chmod 600 {key}")


def _require_valid(file: Path, role: str, now: datetime) -> None:
    try:
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
        subject = certificate.subject.rfc4514_string()
    except ValueError as error:
        raise InputError(f"The file {file} holds no certificate: {reason(error)}.") from error
    if subject != f"CN=pole cluster {role}":
        raise InputError(f"The certificate {file} is not that of the role {role}: copy the right folder.")
    if certificate.not_valid_after_utc <= now:
        raise InputError(
            f"The certificate {file} expired on {certificate.not_valid_after_utc:%Y-%m-%d}: make new ones "
            "with `pole cluster certificates`, and copy them to all machines."
        )
