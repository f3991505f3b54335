"""Keystores of strangers: the published vectors open, and what is no honest keystore is refused at once."""

import copy
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st
from scripts.contracts.sources import ROOT

from pole.adapters.wallet.keystore import export_wallet, import_wallet, new_wallet, unlock_wallet
from pole.adapters.wallet.keystore_file import WrongPasswordError, open_keystore, read_keystore
from pole.errors import InputError
from pole.protocol.encoding.hashing import keccak256

VECTORS = json.loads((ROOT / "tests/vectors/web3_secret_storage.json").read_text())["keystores"]
SCRYPT, PBKDF2 = VECTORS[2]["json"], VECTORS[1]["json"]
QUICK = 2
HERE = Path("stranger.json")


def changed(keystore: dict[str, Any], place: str, value: Any) -> dict[str, Any]:
    made = copy.deepcopy(keystore)
    *parents, last = place.split("/")
    fields = made
    for name in parents:
        fields = fields[name]
    fields[last] = value
    return made


def account(number: int) -> Any:
    return Account.from_key(number.to_bytes(32, "big"))


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_the_published_keystores_open(vector: dict[str, Any]) -> None:
    opened = open_keystore(read_keystore(vector["json"], HERE), vector["password"])
    assert bytes(opened.key).hex() == vector["key"]
    with pytest.raises(WrongPasswordError, match=r"does not open the keystore stranger\.json"):
        open_keystore(read_keystore(vector["json"], HERE), "another")


def test_names_of_fields_may_have_any_case() -> None:
    old = {"Crypto": SCRYPT["crypto"], "version": 3}
    assert bytes(open_keystore(read_keystore(old, HERE), "foo").key).hex() == VECTORS[2]["key"]


def test_an_initial_vector_that_begins_with_zeros_may_be_written_without_them() -> None:
    def encrypted() -> Any:
        return Account.encrypt(account(7).key, "foo", kdf="scrypt", iterations=QUICK)

    # eth-keyfile does so for one in 256.
    made = next(each for each in iter(encrypted, None) if len(each["crypto"]["cipherparams"]["iv"]) < 32)
    assert open_keystore(read_keystore(made, HERE), "foo").key == account(7).key


@pytest.mark.parametrize(
    ("keystore", "place", "value"),
    [
        (SCRYPT, "crypto/kdfparams/n", 2**40),
        (SCRYPT, "crypto/kdfparams/r", 2**40),
        (SCRYPT, "crypto/kdfparams/p", 2**20),
        (SCRYPT, "crypto/kdfparams/dklen", 2**30),
        (PBKDF2, "crypto/kdfparams/c", 2**40),
        (PBKDF2, "crypto/kdfparams/dklen", 2**30),
    ],
)
def test_a_keystore_that_asks_for_the_whole_machine_is_refused_before_anything_is_derived(
    keystore: dict[str, Any], place: str, value: Any
) -> None:
    started = time.monotonic()
    with pytest.raises(InputError, match="more memory or time"):
        read_keystore(changed(keystore, place, value), HERE)
    assert time.monotonic() - started < 0.5


@pytest.mark.parametrize("value", [0, -1, True, 1.5, "8", "x" * 100, [1], {}, None, 3])
@pytest.mark.parametrize("name", ["n", "r", "p", "c", "dklen"])
def test_a_cost_that_is_no_whole_number_is_refused(name: str, value: Any) -> None:
    keystore = PBKDF2 if name == "c" else SCRYPT
    if value == 3 and name in {"r", "p", "c"}:
        return
    with pytest.raises(InputError, match="no Ethereum keystore"):
        read_keystore(changed(keystore, f"crypto/kdfparams/{name}", value), HERE)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("version", 1),
        ("version", "3"),
        ("crypto", []),
        ("crypto/cipher", "aes-128-cbc"),
        ("crypto/kdf", "argon2"),
        ("crypto/kdf", ["scrypt"]),
        ("crypto/kdfparams", None),
        ("crypto/kdfparams/salt", "zz"),
        ("crypto/kdfparams/salt", 7),
        ("crypto/cipherparams/iv", "00" * 17),
        ("crypto/mac", ""),
        ("crypto/ciphertext", "00" * 33),
        ("address", "0x12"),
        ("address", 7),
    ],
)
def test_a_file_with_another_field_is_one_sentence(place: str, value: Any) -> None:
    with pytest.raises(InputError, match=r"stranger\.json is no Ethereum keystore of version 3"):
        read_keystore(changed(SCRYPT, place, value), HERE)


def test_pbkdf2_of_another_hash_is_refused() -> None:
    with pytest.raises(InputError, match="no Ethereum keystore"):
        read_keystore(changed(PBKDF2, "crypto/kdfparams/prf", "hmac-md5"), HERE)


def test_an_address_that_is_not_the_keys_is_refused() -> None:
    forged = {**SCRYPT, "address": "0x" + "22" * 20}
    with pytest.raises(InputError, match="damaged or forged"):
        open_keystore(read_keystore(forged, HERE), "foo")


def test_a_key_that_is_none_is_refused(tmp_path: Path) -> None:
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    made = Account.encrypt(account(7).key, "foo", kdf="scrypt", iterations=QUICK)
    crypto = made["crypto"]
    # The cipher is a stream: what the key differs by, the ciphertext differs by.
    stream = int(crypto["ciphertext"], 16) ^ 7
    ciphertext = (stream ^ order).to_bytes(32, "big")
    salt = bytes.fromhex(crypto["kdfparams"]["salt"])
    derived = hashlib.scrypt(b"foo", salt=salt, n=QUICK, r=8, p=1, dklen=32)
    crypto["ciphertext"], crypto["mac"] = ciphertext.hex(), keccak256(derived[16:] + ciphertext).hex()
    with pytest.raises(InputError, match="no Ethereum keystore"):
        open_keystore(read_keystore(made, HERE), "foo")


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 2**255),
    st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable()),
    st.sampled_from(["scrypt", "pbkdf2"]),
)
def test_any_key_under_any_password_is_imported_and_exported_unchanged(
    tmp_path_factory: pytest.TempPathFactory, number: int, password: str, kdf: Any
) -> None:
    folder = tmp_path_factory.mktemp("home")
    given_file, out = folder / "given.json", folder / "out.json"
    key = account(number)
    given_file.write_text(json.dumps(Account.encrypt(key.key, password, kdf=kdf, iterations=QUICK)))
    made = import_wallet(folder, "alice", given_file, password, "ours", rounds=QUICK)
    assert made.address == key.address
    assert unlock_wallet(folder, "alice", "ours").key == key.key
    export_wallet(folder, "alice", "ours", out, password, rounds=QUICK)
    assert Account.decrypt(out.read_text(), password) == key.key
    assert out.stat().st_mode & 0o777 == 0o600


def test_nothing_is_overwritten_and_a_wrong_password_writes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "given.json"
    file.write_text(json.dumps(SCRYPT))
    new_wallet(tmp_path, "bob", "password", rounds=QUICK)
    with pytest.raises(InputError, match="There is a wallet bob already"):
        import_wallet(tmp_path, "bob", file, "foo", "password", rounds=QUICK)
    with pytest.raises(WrongPasswordError):
        import_wallet(tmp_path, "alice", file, "bar", "password", rounds=QUICK)
    with pytest.raises(InputError, match="empty"):
        import_wallet(tmp_path, "alice", file, "foo", "", rounds=QUICK)
    with pytest.raises(InputError, match="is there already"):
        export_wallet(tmp_path, "bob", "password", file, "other", rounds=QUICK)
    with pytest.raises(InputError, match="empty"):
        export_wallet(tmp_path, "bob", "password", tmp_path / "out.json", "", rounds=QUICK)
    assert json.loads(file.read_text()) == SCRYPT
    assert [path.name for path in (tmp_path / "wallets").iterdir()] == ["bob.json"]
    assert not (tmp_path / "out.json").exists()


def test_a_key_that_a_wallet_here_has_is_not_imported_twice(tmp_path: Path) -> None:
    made = new_wallet(tmp_path, "bob", "password", rounds=QUICK)
    with pytest.raises(InputError, match="The wallet bob has this key already"):
        import_wallet(tmp_path, "alice", made.path, "password", "other", rounds=QUICK)


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        import_wallet(tmp_path, "alice", tmp_path / "missing.json", "foo", "bar")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        import_wallet(tmp_path, "alice", tmp_path, "foo", "bar")
