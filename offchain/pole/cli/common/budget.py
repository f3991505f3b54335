"""The key budget of a data folder: one for all wallets and deployments, since they may share data."""

from typing import TYPE_CHECKING

from pole.cli.common.context import Settings

if TYPE_CHECKING:
    from pole.roles.keys.budget import KeyBudget


def open_budget(settings: Settings) -> "KeyBudget":
    """Return the key budget of all data sets; raises InputError when its folder cannot be made."""
    from pole.adapters.storage.file_lock import file_lock
    from pole.adapters.storage.private_file import private_folder
    from pole.roles.keys.budget import KeyBudget
    from pole.roles.keys.ledger import KeyLedger

    folder = private_folder(settings.home / "key-budget")
    lock = settings.home / "locks" / "key-budget.lock"
    return KeyBudget(KeyLedger(folder), lambda: file_lock(lock))
