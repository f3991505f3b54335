import hashlib
import json
from pathlib import Path

import pytest
from Crypto.Cipher import ChaCha20_Poly1305
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given, settings
from hypothesis import strategies as st

from pole.adapters.wallet.secret_box import ScryptCost, _key, open_box, seal
from pole.errors import IntegrityError

CHEAP = ScryptCost(2, 8, 1)
RFC = json.loads((Path(__file__).parents[3] / "vectors" / "rfc7914_rfc8439_box.json").read_text())
BOX = seal(b"master secret", "password", context="master/1", cost=CHEAP)


def test_a_wrong_password_does_not_open_the_box() -> None:
    with pytest.raises(IntegrityError, match="the password is wrong, or the file was changed"):
        open_box(BOX, "passwort", context="master/1")


def test_a_box_does_not_open_in_another_context() -> None:
    with pytest.raises(IntegrityError, match="master/2 does not open"):
        open_box(BOX, "password", context="master/2")


@given(st.integers(0, len(BOX) - 1), st.integers(1, 255))
@settings(max_examples=60)
def test_a_box_with_any_byte_changed_does_not_open(position: int, difference: int) -> None:
    changed = bytearray(BOX)
    changed[position] ^= difference
    # A cost that was raised would be slow to refuse, and is refused by the same tag.
    if position == 9 and changed[position] > 12:
        changed[position] = 3
    with pytest.raises(IntegrityError):
        open_box(bytes(changed), "password", context="master/1")


@given(st.integers(0, len(BOX) - 1))
def test_a_truncated_box_does_not_open(length: int) -> None:
    with pytest.raises(IntegrityError):
        open_box(BOX[:length], "password", context="master/1")


def test_a_box_that_asks_for_too_much_memory_is_refused_at_once() -> None:
    greedy = bytearray(BOX)
    greedy[9] = 40
    with pytest.raises(IntegrityError, match="more memory"):
        open_box(bytes(greedy), "password", context="master/1")


def test_the_secret_is_not_in_the_box() -> None:
    assert b"master secret" not in BOX


@given(st.binary(max_size=200), st.text(max_size=20), st.text(max_size=20))
@settings(max_examples=30)
def test_what_was_sealed_is_what_is_opened(secret: bytes, password: str, context: str) -> None:
    assert open_box(seal(secret, password, context=context, cost=CHEAP), password, context=context) == secret


def test_the_header_is_as_documented() -> None:
    assert BOX[:12] == b"pole.box" + bytes([1, 2, 8, 1])
    assert len(BOX) == 40 + len(b"master secret") + 16


@pytest.mark.parametrize("vector", RFC["scrypt"], ids=lambda vector: str(vector["n"]))
def test_keys_are_rfc_7914s(vector: dict[str, str | int]) -> None:
    cost = ScryptCost(int(vector["n"]).bit_length() - 1, int(vector["r"]), int(vector["p"]))
    key = _key(str(vector["password"]), str(vector["salt"]).encode(), cost)
    assert key == bytes.fromhex(str(vector["key"]))[:32]


def test_the_cipher_is_rfc_8439s() -> None:
    vector = {name: bytes.fromhex(value) for name, value in RFC["chacha20_poly1305"].items()}
    sealed = ChaCha20Poly1305(vector["key"]).encrypt(vector["nonce"], vector["plaintext"], vector["aad"])
    assert sealed == vector["ciphertext"] + vector["tag"]


def test_a_box_opens_by_other_libraries_and_the_documented_layout() -> None:
    header, sealed, tag = BOX[:40], BOX[40:-16], BOX[-16:]
    key = hashlib.scrypt(
        b"password", salt=header[12:28], n=1 << header[9], r=header[10], p=header[11], dklen=32
    )
    cipher = ChaCha20_Poly1305.new(key=key, nonce=header[28:])
    cipher.update(header + b"master/1")
    assert cipher.decrypt_and_verify(sealed, tag) == b"master secret"
