"""A task on its data node's disk: what must stay there, unseen by others, until the release."""

from dataclasses import dataclass
from pathlib import Path

from pole.errors import InputError
from pole.protocol.models.specification import ModelSpecification, parse_specification


@dataclass(frozen=True, slots=True)
class TaskFolder:
    """The files of one task, in a folder named by the digest of its master public key."""

    path: Path

    @classmethod
    def of(cls, home: Path, mpk_digest: bytes) -> "TaskFolder":
        """Return the folder of the task with this master public key among the tasks of a wallet."""
        return cls(home / "tasks" / mpk_digest.hex())

    @property
    def specification(self) -> Path:
        """Return the path of the model specification."""
        return self.path / "specification.json"

    @property
    def public_key(self) -> Path:
        """Return the path of the master public key."""
        return self.path / "master-public-key.safetensors"

    @property
    def preparation(self) -> Path:
        """Return the path of the preparation of the task's data, which is there where it is known."""
        return self.path / "preparation.json"

    def manifest(self, part: str) -> Path:
        """Return the path of the manifest of the encrypted `part`, "train" or "test"."""
        return self.path / f"{part}.json"

    def order(self, part: str) -> Path:
        """Return the path of the order of the samples of a `part` that is being encrypted."""
        return self.path / f"{part}-order"

    def placed(self, part: str) -> Path:
        """Return the path of what is done of a `part` that is being encrypted: a line for each shard."""
        return self.path / f"{part}-placed"

    def shard(self, part: str, number: int) -> Path:
        """Return the path of a shard of the encrypted `part`, "train" or "test", counting from 0."""
        return self.path / f"{part}-{number:05}.safetensors"

    def read_specification(self) -> ModelSpecification:
        """Return the task's specification; raises InputError when the task's files are not here."""
        if not self.specification.is_file():
            raise InputError(
                f"The files of the task are not in {self.path}: run the data node with the --home and wallet "
                "that posted it."
            )
        return parse_specification(self.specification.read_bytes())
