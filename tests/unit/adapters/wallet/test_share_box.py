"""Sealed shares: who can open them, and where; HPKE as RFC 9180 has it."""

import hashlib
import hmac
import json
from pathlib import Path

import pytest
from cryptography.hazmat.bindings._rust import openssl
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given
from hypothesis import strategies as st

from pole.adapters.wallet.share_box import (
    _SUITE,
    new_sealing_key,
    open_sealed,
    public_sealing_key,
    seal_to,
)
from pole.errors import IntegrityError

KEY, OTHER = new_sealing_key(), new_sealing_key()
PLAINTEXT, CONTEXT = b"a share", b"pole.key-share/1/00/1"
BOX = seal_to(public_sealing_key(KEY), PLAINTEXT, CONTEXT)
RFC = json.loads((Path(__file__).parents[3] / "vectors" / "rfc9180_hpke.json").read_text())


def rfc(name: str) -> bytes:
    return bytes.fromhex(RFC[name])


@pytest.mark.parametrize("point", [bytes(32), b"\x01" + bytes(31)])
def test_nothing_is_sealed_to_a_point_of_low_order(point: bytes) -> None:
    with pytest.raises(IntegrityError, match="ask its holder for a new card"):
        seal_to(point, PLAINTEXT, CONTEXT)


def test_another_holder_or_context_does_not_open_a_share() -> None:
    for key, context in ((OTHER, CONTEXT), (KEY, CONTEXT + b"0")):
        with pytest.raises(IntegrityError, match="does not open"):
            open_sealed(key, BOX, context)


@given(at=st.integers(0, len(BOX) - 1), bit=st.integers(0, 7))
def test_a_share_changed_in_one_bit_does_not_open(at: int, bit: int) -> None:
    changed = bytearray(BOX)
    changed[at] ^= 1 << bit
    if at == 31 and bit == 7:
        return  # X25519 ignores the top bit of a point (RFC 7748, section 5)
    with pytest.raises(IntegrityError, match="does not open"):
        open_sealed(KEY, bytes(changed), CONTEXT)


@given(st.binary(max_size=60))
def test_other_bytes_do_not_open(data: bytes) -> None:
    with pytest.raises(IntegrityError, match="does not open"):
        open_sealed(KEY, data, CONTEXT)


def test_a_share_opens_for_its_holder_and_no_two_boxes_are_alike() -> None:
    assert open_sealed(KEY, BOX, CONTEXT) == PLAINTEXT
    assert seal_to(public_sealing_key(KEY), PLAINTEXT, CONTEXT) != BOX
    assert len(BOX) == 32 + len(PLAINTEXT) + 16


def test_the_suite_opens_what_the_rfc_sealed() -> None:
    first = RFC["encryptions"][0]
    sealed = rfc("enc") + bytes.fromhex(first["ct"])
    private = X25519PrivateKey.from_private_bytes(rfc("skRm"))
    opened = openssl.hpke._decrypt_with_aad(
        _SUITE, sealed, private, info=rfc("info"), aad=bytes.fromhex(first["aad"])
    )
    assert opened == bytes.fromhex(first["pt"])


def test_the_rfcs_steps_lead_to_its_values() -> None:
    shared, key, nonce = key_schedule(rfc("skRm"), rfc("enc"), rfc("pkRm"), rfc("info"))
    assert (shared, key, nonce) == (rfc("shared_secret"), rfc("key"), rfc("base_nonce"))
    for each in RFC["encryptions"]:
        number = int.from_bytes(nonce, "big") ^ each["sequence"]
        assert number == int(each["nonce"], 16)
        opened = ChaCha20Poly1305(key).decrypt(
            number.to_bytes(12, "big"), bytes.fromhex(each["ct"]), bytes.fromhex(each["aad"])
        )
        assert opened == bytes.fromhex(each["pt"])


def test_shares_are_sealed_and_opened_by_the_rfcs_steps() -> None:
    """Boxes have no associated data, so the vectors reach `seal_to` and `open_sealed` by way of its steps."""
    public = public_sealing_key(KEY)
    _, key, nonce = key_schedule(KEY, BOX[:32], public, CONTEXT)
    assert ChaCha20Poly1305(key).decrypt(nonce, BOX[32:], b"") == PLAINTEXT
    _, key, nonce = key_schedule(rfc("skRm"), rfc("enc"), rfc("pkRm"), rfc("info"))
    sealed = rfc("enc") + ChaCha20Poly1305(key).encrypt(nonce, PLAINTEXT, b"")
    assert open_sealed(rfc("skRm"), sealed, rfc("info")) == PLAINTEXT


def key_schedule(private: bytes, enc: bytes, public: bytes, info: bytes) -> tuple[bytes, bytes, bytes]:
    """Return shared secret, key and base nonce: RFC 9180, `Decap` of 4.1 and `KeySchedule` of 5.1."""
    agreed = X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(enc))
    kem = b"KEM\x00\x20"
    secret = labeled_extract(b"", kem, b"eae_prk", agreed)
    shared = labeled_expand(secret, kem, b"shared_secret", enc + public, 32)
    suite = b"HPKE\x00\x20\x00\x01\x00\x03"
    hashes = (
        labeled_extract(b"", suite, b"psk_id_hash", b""),
        labeled_extract(b"", suite, b"info_hash", info),
    )
    context = b"\x00" + b"".join(hashes)
    secret = labeled_extract(shared, suite, b"secret", b"")
    return (
        shared,
        labeled_expand(secret, suite, b"key", context, 32),
        labeled_expand(secret, suite, b"base_nonce", context, 12),
    )


def labeled_extract(salt: bytes, suite: bytes, label: bytes, content: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + content, hashlib.sha256)


def labeled_expand(secret: bytes, suite: bytes, label: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand (RFC 5869) of at most one block."""
    labeled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(secret, labeled + b"\x01", hashlib.sha256)[:length]
