"""A folder of small secrets, each sealed under the wallet's password.

The master secrets of a data node's data sets.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from pole.adapters.storage.private_file import sync_folder, write_private
from pole.adapters.wallet.secret_box import STANDARD_COST, ScryptCost, open_box, seal
from pole.errors import InputError
from pole.roles.support.files import own_disk

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, slots=True)
class SecretStore:
    """Secrets by name under `folder`, one sealed file each.

    The name is the box's context, so files cannot be swapped.
    """

    folder: Path
    password: str = field(repr=False)
    cost: ScryptCost = STANDARD_COST

    def save(self, name: str, secret: bytes) -> None:
        """Keep `secret` under `name`, durable before it returns, replacing what was there."""
        write_private(self._path(name), seal(secret, self.password, context=name, cost=self.cost))

    def load(self, name: str) -> bytes:
        """Return the secret of that name.

        Raises InputError when there is none, IntegrityError when it does not open under the password, and
        DiskError when its file cannot be read.
        """
        path = self._path(name)
        with own_disk(path):
            try:
                box = path.read_bytes()
            except FileNotFoundError as error:
                raise InputError(
                    f"There is no secret {name} in {self.folder}: run this with the --home that made it."
                ) from error
        return open_box(box, self.password, context=name)

    def holds(self, name: str) -> bool:
        """Return whether there is a secret of that name."""
        return self._path(name).is_file()

    def remove(self, name: str) -> None:
        """Remove the secret of that name, if there is one; what the disk keeps of it stays sealed."""
        path = self._path(name)
        path.unlink(missing_ok=True)
        if self.folder.is_dir():
            sync_folder(self.folder)

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise InputError(f"{name!r} cannot name a secret: use letters, digits, '.', '_' and '-' only.")
        return self.folder / f"{name}.box"
