"""Wallets that come from elsewhere and go elsewhere, and backups, as their commands have them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from eth_account import Account
from eth_account.signers.local import LocalAccount
from tests.unit.adapters.signing.stand_in import KEY, Signer, serving

from pole.adapters.storage.home_lock import present_in
from pole.adapters.wallet.keystore import unlock_wallet
from pole.cli import main

OTHER: LocalAccount = Account.from_key("0x" + "12" * 32)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("pole.adapters.machine.exposure.forbid_core_dumps", lambda: None)
    for name in ("ours", "theirs"):
        (tmp_path / name).write_text(f"{name}\n")
        (tmp_path / name).chmod(0o600)
    monkeypatch.setenv("POLE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("POLE_PASSWORD_FILE", str(tmp_path / "ours"))
    return tmp_path / "home"


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def done(*words: str | Path) -> dict[str, object]:
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    made: dict[str, object] = json.loads(result.stdout)
    return made


def test_a_keystore_is_imported_and_exported_under_passwords_of_their_own(home: Path, tmp_path: Path) -> None:
    given, theirs = tmp_path / "given.json", ("--keystore-password-file", tmp_path / "theirs")
    given.write_text(json.dumps(Account.encrypt(KEY.key, "theirs", kdf="pbkdf2", iterations=1)))
    made = done("wallet", "import", given, "alice", "--light", *theirs)
    assert made == {"name": "alice", "address": KEY.address, "file": str(home / "wallets/alice.json")}
    assert unlock_wallet(home, "alice", "ours").key == KEY.key
    out = tmp_path / "out.json"
    assert done("wallet", "export", "alice", out, *theirs)["file"] == str(out)
    assert Account.decrypt(out.read_text(), "theirs") == KEY.key
    again = run("wallet", "export", "alice", out, *theirs)
    assert (again.exit_code, again.stderr.count("\n")) == (2, 1)
    assert "is there already" in again.stderr


def test_without_a_terminal_the_keystores_password_comes_from_a_file(home: Path, tmp_path: Path) -> None:
    (tmp_path / "given.json").write_text("{}")
    result = run("wallet", "import", tmp_path / "given.json", "alice")
    assert result.exit_code == 2
    assert "give --keystore-password-file FILE" in result.stderr
    assert not home.exists()


def test_a_wallet_is_connected_to_a_signer_and_listed(home: Path) -> None:
    with serving(Signer()) as url:
        made = done("wallet", "connect", "alice", "--signer", url)
        assert made["address"] == KEY.address
        assert (
            "Name one of them"
            in run("wallet", "connect", "bob", "--signer", url, "--address", OTHER.address).stderr
        )
        listed = json.loads(run("wallet", "list", "--json", "--rpc", "http://127.0.0.1:1").stdout)
    assert [wallet["address"] for wallet in listed] == [KEY.address]
    assert [wallet["signer"] for wallet in listed] == [f"Clef at {url.removeprefix('http://')}"]
    away = run("wallet", "connect", "carol", "--signer", url, "--kind", "web3signer")
    assert away.exit_code == 3
    assert "web3signer at 127.0.0.1" in away.stderr
    assert run("wallet", "connect", "alice", "--signer", url).exit_code == 2
    assert run("wallet", "connect", "dave", "--signer", url, "--address", "0x12").exit_code == 2
    assert (
        "key of the wallet alice is with its signer"
        in run(
            "wallet", "export", "alice", home / "out", "--keystore-password-file", home.parent / "theirs"
        ).stderr
    )


@pytest.mark.parametrize("by", ["connect", "import"])
def test_an_address_that_a_wallet_here_has_is_not_connected_again(
    home: Path, tmp_path: Path, by: str
) -> None:
    with serving(Signer()) as url:
        if by == "connect":
            done("wallet", "connect", "alice", "--signer", url)
        else:
            keystore = tmp_path / "given.json"
            keystore.write_text(json.dumps(Account.encrypt(KEY.key, "theirs", kdf="pbkdf2", iterations=1)))
            theirs = ("--keystore-password-file", tmp_path / "theirs")
            done("wallet", "import", keystore, "alice", "--light", *theirs)
        again = run("wallet", "connect", "bob", "--signer", url)
    assert again.exit_code == 2
    assert f"The wallet alice has this key already ({KEY.address}): use that one." in again.stderr
    assert not (home / "wallets" / "bob.json").exists()


def test_a_home_is_backed_up_and_restored(home: Path, tmp_path: Path) -> None:
    made = done("wallet", "new", "alice", "--light")
    out = tmp_path / "pole.backup"
    with present_in(home):
        assert run("backup", out).exit_code == 2
    counted = {"wallets": 1, "secrets": 0, "journals": 0, "files": 1}
    assert counted.items() <= done("backup", out).items()
    assert run("restore", out).exit_code == 2
    restored = done("restore", out, "--home", tmp_path / "new")
    assert counted.items() <= restored.items()
    assert unlock_wallet(tmp_path / "new", "alice", "ours").address == made["address"]
    wrong = run("restore", out, "--home", tmp_path / "other", "--password-file", tmp_path / "theirs")
    assert wrong.exit_code == 4
    assert not (tmp_path / "other").exists()
