"""Certificates of a cluster: whose are taken, for what, and for how long."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from pole.adapters.machine.cluster.certificates import make_certificates
from pole.adapters.machine.cluster.security import open_security, require_tls
from pole.errors import InputError

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
ROLES = ("scheduler", "worker", "client")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_certificates(tmp_path, NOW, days=30)
    return tmp_path


def certificate(folder: Path, role: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / role / "certificate.pem").read_bytes())


def shake_hands(server: Path, caller: Path) -> None:
    """Let a caller and a server with the certificates of these folders connect, in memory."""
    contexts = [
        (ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=server / "authority.pem"), server),
        (ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=caller / "authority.pem"), caller),
    ]
    for context, place in contexts:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(place / "certificate.pem", place / "key.pem")
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        contexts[0][0].wrap_bio(there, back, server_side=True),
        contexts[1][0].wrap_bio(back, there, server_side=False),
    ]
    waiting = sides[::-1]
    for _ in range(10):
        waiting = [side for side in waiting if not is_done(side)]
    assert not waiting


def is_done(side: ssl.SSLObject) -> bool:
    try:
        side.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def folders_with_keys(folder: Path) -> Iterator[Path]:
    yield from (path for path in folder.rglob("*") if path.is_file())


def test_a_certificate_of_another_authority_is_refused(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    make_certificates(other, NOW, days=30)
    with pytest.raises(ssl.SSLError):
        shake_hands(folder / "scheduler", other / "client")
    with pytest.raises(ssl.SSLError):
        shake_hands(other / "scheduler", folder / "worker")


def test_a_caller_passes_for_no_server(folder: Path) -> None:
    with pytest.raises(ssl.SSLError, match=r"purpose|unsuitable"):
        shake_hands(folder / "client", folder / "worker")


@pytest.mark.parametrize("server", ["scheduler", "worker"])
@pytest.mark.parametrize("caller", ROLES)
def test_every_role_may_call_schedulers_and_workers(folder: Path, server: str, caller: str) -> None:
    shake_hands(folder / server, folder / caller)


def test_a_role_signs_for_nobody(folder: Path) -> None:
    for role in ROLES:
        constraints = certificate(folder, role).extensions.get_extension_for_class(x509.BasicConstraints)
        assert not constraints.value.ca


def test_nobody_else_reads_a_key(folder: Path) -> None:
    files = list(folders_with_keys(folder))
    assert len(files) == 11
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)


def test_the_authoritys_key_is_in_no_folder_that_is_copied(folder: Path) -> None:
    key = (folder / "authority" / "key.pem").read_bytes()
    assert all(key != path.read_bytes() for role in ROLES for path in (folder / role).iterdir())


def test_made_again_they_are_new_under_the_same_authority(folder: Path) -> None:
    before = certificate(folder, "worker")
    later = NOW + 20 * DAY
    make_certificates(folder, later, days=30)
    after = certificate(folder, "worker")
    assert after.serial_number != before.serial_number
    assert after.not_valid_after_utc == later + 30 * DAY
    after.verify_directly_issued_by(certificate(folder, "authority"))


def test_none_outlives_its_authority(folder: Path) -> None:
    make_certificates(folder, NOW + 1800 * DAY, days=365)
    end = certificate(folder, "authority").not_valid_after_utc
    assert certificate(folder, "client").not_valid_after_utc == end
    with pytest.raises(InputError, match="expired on"):
        make_certificates(folder, end, days=1)


def test_an_authority_that_was_damaged_is_told(folder: Path) -> None:
    (folder / "authority" / "key.pem").write_text("no key")
    with pytest.raises(InputError, match="cannot be read"):
        make_certificates(folder, NOW, days=1)


def test_an_authority_with_anothers_key_is_told(folder: Path, tmp_path: Path) -> None:
    make_certificates(tmp_path / "other", NOW, days=1)
    key = (tmp_path / "other" / "authority" / "key.pem").read_bytes()
    (folder / "authority" / "key.pem").write_bytes(key)
    with pytest.raises(InputError, match="is not that of its certificate"):
        make_certificates(folder, NOW, days=1)


@pytest.mark.parametrize("name", ["authority.pem", "certificate.pem", "key.pem"])
def test_a_missing_file_is_told_with_where_it_comes_from(folder: Path, name: str) -> None:
    (folder / "worker" / name).unlink()
    with pytest.raises(InputError, match="make it with `pole cluster certificates`"):
        open_security(folder / "worker", "worker", NOW)


def test_a_key_that_others_can_read_is_refused(folder: Path) -> None:
    (folder / "worker" / "key.pem").chmod(0o640)
    with pytest.raises(InputError, match="chmod 600"):
        open_security(folder / "worker", "worker", NOW)


def test_a_certificate_that_expired_is_told(folder: Path) -> None:
    with pytest.raises(InputError, match=r"expired on .*: make new ones"):
        open_security(folder / "worker", "worker", NOW + 30 * DAY)


def test_another_roles_certificate_is_told(folder: Path) -> None:
    with pytest.raises(InputError, match="is not that of the role worker"):
        open_security(folder / "client", "worker", NOW)


@pytest.mark.parametrize(
    ("name", "told"), [("certificate.pem", "holds no certificate"), ("key.pem", "cannot be used")]
)
def test_a_damaged_file_is_told(folder: Path, name: str, told: str) -> None:
    (folder / "client" / name).write_text("damaged")
    with pytest.raises(InputError, match=told):
        open_security(folder / "client", "client", NOW)


def test_both_sides_speak_the_newest_tls_alone(folder: Path) -> None:
    security = open_security(folder / "client", "client", NOW)
    assert security.require_encryption
    context = security.get_connection_args("client")["ssl_context"]
    assert context.minimum_version == ssl.TLSVersion.TLSv1_3
    assert context.verify_mode == ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    "address",
    [
        "tcp://head:8786",
        "head:8786",
        "tls://head",
        "tls://:8786",
        "tls://head:x",
        "tls://head:65536",
        "tls://head:99999999999",
        "tls://head:²",
    ],
)
def test_an_address_without_tls_or_port_is_refused(address: str) -> None:
    with pytest.raises(InputError, match="must be like tls://head:8786"):
        require_tls(address)
