"""The index of a deployment opened: in a file of the data folder, or where a DSN says."""

from pathlib import Path

from pole.adapters.ethereum.deployment import Deployment
from pole.errors import DiskError
from pole.explore.database import open_database, sqlite_dsn
from pole.explore.index.following import EventDatabase
from pole.explore.index.rounds import Where


def open_index(deployment: Deployment, home: Path, dsn: str | None) -> EventDatabase:
    """Return the index of a deployment, in a database of its own in the data folder where no DSN is given.

    Raises InputError for a DSN that is none or a database with another index, DiskError where it cannot be
    used.
    """
    return EventDatabase(
        open_database(dsn or _file_dsn(deployment, home)),
        Where(
            chain_id=deployment.chain_id,
            chain_address=deployment.chain.address,
            committee_address=deployment.contracts["VerifierCommittee"].address,
            task_list_address=deployment.contracts["TaskList"].address,
            parameters=deployment.parameters,
        ),
    )


def _file_dsn(deployment: Deployment, home: Path) -> str:
    folder = home / "explorer"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DiskError(f"The folder {folder} cannot be made: {error.strerror}.") from error
    return sqlite_dsn(folder / f"{deployment.chain_id}-{deployment.chain.address[2:10].lower()}.sqlite")
