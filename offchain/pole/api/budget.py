"""What a data folder knows of keys that were given: one record for all wallets and deployments."""

from typing import TYPE_CHECKING

from pole.api.settings import Settings

if TYPE_CHECKING:
    from pole.roles.keys.budget import KeyBudget
    from pole.roles.keys.seeds import ServedSeeds


def open_budget(settings: Settings) -> "KeyBudget":
    """Return the key budget of all data sets; raises InputError when its folder cannot be made."""
    from pole.adapters.storage.file_lock import file_lock
    from pole.adapters.storage.private_file import private_folder
    from pole.roles.keys.budget import KeyBudget
    from pole.roles.keys.ledger import KeyLedger

    folder = private_folder(settings.home / "key-budget")
    lock = settings.home / "locks" / "key-budget.lock"
    return KeyBudget(KeyLedger(folder), lambda: file_lock(lock))


def open_seeds(settings: Settings) -> "ServedSeeds":
    """Return the record of the seeds served; raises InputError when its folder cannot be made."""
    from pole.adapters.storage.file_lock import file_lock
    from pole.adapters.storage.private_file import private_folder
    from pole.roles.keys.seeds import ServedSeeds

    folder = private_folder(settings.home / "served-seeds")
    lock = settings.home / "locks" / "served-seeds.lock"
    return ServedSeeds(folder, lambda: file_lock(lock))
