"""Secrets under the password of a light keystore: refused on public chains, told on others."""

import json
from pathlib import Path

import pytest
from eth_account import Account

from pole.adapters.wallet.keystore import LIGHT_ROUNDS, cost_of_a_guess, new_wallet
from pole.cli.common.context import Settings, require_strong_wallet, warn_of_light_wallet
from pole.errors import InputError

SEPOLIA, GANACHE = 11155111, 1337
PASSWORD_COST = {"light": LIGHT_ROUNDS, "as sealed": 1 << 17}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    for name, rounds in PASSWORD_COST.items():
        new_wallet(tmp_path, name.replace(" ", "-"), "password", rounds=rounds)
    keystore = Account.encrypt(b"\x01" * 32, "password", kdf="pbkdf2", iterations=1)
    (tmp_path / "wallets" / "pbkdf2.json").write_text(json.dumps(keystore))
    (tmp_path / "wallets" / "broken.json").write_text('{"crypto": []}')
    return Settings(tmp_path, "", "", tmp_path, None)


def test_a_light_wallet_keeps_no_secrets_on_a_public_chain(settings: Settings) -> None:
    for wallet in ("light", "pbkdf2"):
        with pytest.raises(InputError, match=f"keystore of {wallet} is light.*On chain {SEPOLIA}"):
            require_strong_wallet(settings, wallet, SEPOLIA)


def test_on_a_development_chain_it_is_told(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    require_strong_wallet(settings, "light", GANACHE)
    warn_of_light_wallet(settings, "light")
    first, second = capsys.readouterr().err.splitlines()
    assert first == second
    assert first.startswith("warning: The keystore of light is light: by it, the password of its secrets")


def test_a_wallet_that_costs_as_much_as_a_sealed_secret_is_strong(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    require_strong_wallet(settings, "as-sealed", SEPOLIA)
    assert capsys.readouterr().err == ""


def test_a_light_keystore_is_32_times_cheaper_than_a_secret_under_its_password(settings: Settings) -> None:
    assert cost_of_a_guess(settings.home, "light") == 1 / 32
    with pytest.raises(InputError, match="no Ethereum keystore"):
        cost_of_a_guess(settings.home, "broken")
