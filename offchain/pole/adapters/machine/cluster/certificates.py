"""Certificates of one cluster: an authority of its own, and one each for scheduler, workers and callers.

Whoever has one of them may run code on every machine of the cluster, which is what Dask does. So the
authority serves this cluster alone, and its key is on none of the cluster's machines.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pole.adapters.storage.private_file import write_private
from pole.errors import InputError

AUTHORITY: Final = "authority"
AUTHORITY_FILE: Final = "authority.pem"
CERTIFICATE_FILE: Final = "certificate.pem"
KEY_FILE: Final = "key.pem"
AUTHORITY_DAYS: Final = 5 * 365
CLOCK_DIFFERENCE: Final = timedelta(minutes=5)
"""What clocks of a cluster's machines may differ by: certificates begin so much earlier."""

_SERVES: Final = ExtendedKeyUsageOID.SERVER_AUTH
_CALLS: Final = ExtendedKeyUsageOID.CLIENT_AUTH
PURPOSES: Final = {"scheduler": [_SERVES, _CALLS], "worker": [_SERVES, _CALLS], "client": [_CALLS]}
"""The roles of a cluster, and whether their machines are called or call: a caller passes for no server."""


@dataclass(frozen=True, slots=True)
class _Authority:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


def make_certificates(folder: Path, now: datetime, *, days: int) -> list[Path]:
    """Write a folder for each role, valid for `days` from `now`, signed by the authority in `folder`.

    The authority is made where there is none, for five years. Each folder holds `authority.pem`,
    `certificate.pem` and `key.pem`, of mode 0600: it is copied to the machines of that role. Returns the
    folders, the authority's last. Raises InputError for an authority that cannot be read or has expired, and
    what `write_private` raises.
    """
    place = folder / AUTHORITY
    authority = _load(place) if (place / KEY_FILE).exists() else _new_authority(place, now)
    end = authority.certificate.not_valid_after_utc
    if end <= now:
        raise InputError(f"The authority in {place} expired on {end:%Y-%m-%d}: choose another folder.")
    for role in PURPOSES:
        _write_role(folder / role, role, authority, now, min(end, now + timedelta(days=days)))
    return [*(folder / role for role in PURPOSES), place]


def _load(place: Path) -> _Authority:
    try:
        key = load_pem_private_key((place / KEY_FILE).read_bytes(), None)
        certificate = x509.load_pem_x509_certificate((place / CERTIFICATE_FILE).read_bytes())
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"The authority in {place} cannot be read: choose another folder.") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise InputError(f"The key in {place} is not that of its certificate: choose another folder.")
    return _Authority(key, certificate)


def _new_authority(place: Path, now: datetime) -> _Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("authority")
    builder = _builder(name, name, key.public_key(), now, now + timedelta(days=AUTHORITY_DAYS))
    signed = (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write_key(place, key)
    write_private(place / CERTIFICATE_FILE, signed.public_bytes(Encoding.PEM))
    return _Authority(key, signed)


def _write_role(place: Path, role: str, authority: _Authority, now: datetime, end: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate.subject
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    signed = (
        _builder(_name(role), issuer, key.public_key(), now, end)
        .add_extension(identifier, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(PURPOSES[role]), critical=True)
        .sign(authority.key, hashes.SHA256())
    )
    _write_key(place, key)
    write_private(place / CERTIFICATE_FILE, signed.public_bytes(Encoding.PEM))
    write_private(place / AUTHORITY_FILE, authority.certificate.public_bytes(Encoding.PEM))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_DIFFERENCE)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(role: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"pole cluster {role}")])


def _write_key(place: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_private(place / KEY_FILE, pem)
