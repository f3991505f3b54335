"""Which wallets may keep secrets."""

from collections.abc import Callable
from typing import Final

from pole.api.settings import Settings
from pole.errors import InputError

DEVELOPMENT_CHAINS: Final = frozenset({1337, 31337})
"""Chain ids of ganache, anvil and hardhat."""


def require_strong_wallet(
    settings: Settings, wallet_name: str, chain_id: int, warn: Callable[[str], None]
) -> None:
    """Raise InputError where a wallet is to keep secrets and its password is guessed cheaply by its keystore.

    Both are under one password, so what `--light` saves it saves whoever guesses, too. On a development chain
    it is a warning.
    """
    if _is_light(settings, wallet_name) and chain_id not in DEVELOPMENT_CHAINS:
        raise InputError(
            f"{_light(wallet_name)}. On chain {chain_id} such a wallet keeps no secrets: make another with "
            "`pole wallet new`, without --light."
        )
    warn_of_light_wallet(settings, wallet_name, warn)


def warn_of_light_wallet(settings: Settings, wallet_name: str, warn: Callable[[str], None]) -> None:
    """Warn where the password of secrets is guessed cheaply by the wallet's keystore."""
    if _is_light(settings, wallet_name):
        warn(f"{_light(wallet_name)}. Use another wallet for data that matters.")


def _is_light(settings: Settings, wallet_name: str) -> bool:
    from pole.adapters.wallet.keystore import cost_of_a_guess

    return cost_of_a_guess(settings.home, wallet_name) < 1


def _light(wallet_name: str) -> str:
    return f"The keystore of {wallet_name} is light: by it, the password of its secrets is guessed cheaply"
