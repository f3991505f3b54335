"""Where models that were bought are kept, and how a command finds one."""

from pathlib import Path
from typing import TYPE_CHECKING

from pole.cli.common.context import Settings

if TYPE_CHECKING:
    from pole.adapters.ethereum.deployment import Deployment
    from pole.roles.models.collecting import Collector
    from pole.roles.models.folder import KeptModel
    from pole.roles.ports import Store


def models_folder(settings: Settings) -> Path:
    """Return the folder of all models of a data folder."""
    return settings.home / "models"


def open_collector(settings: Settings, store: "Store", deployment: "Deployment") -> "Collector":
    """Return what keeps models in the data folder, with their preparations where a wallet of it has them."""
    from pole.roles.models.collecting import Collector

    wallets = f"{deployment.chain_id}-{deployment.chain.address[2:10].lower()}-*"

    def preparation_of(mpk_digest: bytes) -> Path | None:
        found = (settings.home / "work").glob(f"{wallets}/tasks/{mpk_digest.hex()}/preparation.json")
        return next(found, None)

    return Collector(store, models_folder(settings), preparation_of)


def find_model(settings: Settings, task: str) -> "KeptModel":
    """Return the model that was kept of a task, which its number names, or the model in a folder.

    Raises InputError where there is none, IntegrityError where its files were changed.
    """
    from pole.roles.models.folder import open_model

    folder = models_folder(settings) / f"task-{task}" if task.isascii() and task.isdigit() else Path(task)
    return open_model(folder)
