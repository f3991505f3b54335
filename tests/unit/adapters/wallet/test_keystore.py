import json
from pathlib import Path

import pytest
from eth_account import Account

from pole.adapters.wallet.keystore import find_wallet, list_wallets, new_wallet, unlock_wallet
from pole.errors import InputError

QUICK = 2  # scrypt's N


def test_a_wrong_password_is_one_sentence(tmp_path: Path) -> None:
    new_wallet(tmp_path, "alice", "right", rounds=QUICK)
    with pytest.raises(InputError, match="password does not open the wallet alice"):
        unlock_wallet(tmp_path, "alice", "wrong")


def test_a_missing_wallet_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="pole wallet new alice"):
        unlock_wallet(tmp_path, "alice", "password")


def test_a_wallet_is_never_overwritten(tmp_path: Path) -> None:
    made = new_wallet(tmp_path, "alice", "password", rounds=QUICK)
    with pytest.raises(InputError, match="already"):
        new_wallet(tmp_path, "alice", "password", rounds=QUICK)
    assert find_wallet(tmp_path, "alice") == made


def test_an_empty_password_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="empty"):
        new_wallet(tmp_path, "alice", "", rounds=QUICK)


@pytest.mark.parametrize("name", ["", "../alice", "a/b", ".alice"])
def test_a_name_that_could_leave_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot name a wallet"):
        new_wallet(tmp_path, name, "password", rounds=QUICK)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"address": 7}', b"\xff"])
def test_a_file_that_is_no_keystore_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "wallets" / "alice.json"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(InputError, match="is no Ethereum keystore"):
        find_wallet(tmp_path, "alice")
    with pytest.raises(InputError, match="is no Ethereum keystore"):
        unlock_wallet(tmp_path, "alice", "password")


def test_a_keystore_of_another_version_is_refused(tmp_path: Path) -> None:
    made = new_wallet(tmp_path, "alice", "password", rounds=QUICK)
    content = json.loads(made.path.read_text()) | {"version": 4}
    made.path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="is no Ethereum keystore"):
        unlock_wallet(tmp_path, "alice", "password")


def test_a_wallet_opens_under_its_password_and_others_read_it_too(tmp_path: Path) -> None:
    made = new_wallet(tmp_path, "alice", "password", rounds=QUICK)
    assert unlock_wallet(tmp_path, "alice", "password").address == made.address
    key = Account.decrypt(made.path.read_text(), "password")
    assert Account.from_key(key).address == made.address
    assert made.path.stat().st_mode & 0o777 == 0o600


def test_wallets_are_listed_by_name(tmp_path: Path) -> None:
    assert list_wallets(tmp_path) == []
    for name in ("bob", "alice"):
        new_wallet(tmp_path, name, "password", rounds=QUICK)
    assert [wallet.name for wallet in list_wallets(tmp_path)] == ["alice", "bob"]
