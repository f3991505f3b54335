"""A task on its data node's disk: what must stay there, unseen by others, until the release."""

from dataclasses import dataclass
from pathlib import Path

from pole.errors import InputError
from pole.protocol.formats.encrypted_set import EncryptedSetManifest, Part, read_manifest
from pole.protocol.models.specification import ModelSpecification, parse_specification
from pole.roles.support.files import own_disk


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

    def shard(self, part: str, number: int) -> Path:
        """Return the path of a shard of the encrypted `part`, "train" or "test", counting from 0."""
        return self.path / f"{part}-{number:05}.safetensors"

    def note(self, part: str, number: int) -> Path:
        """Return the path of what is noted of a shard while its set is encrypted."""
        return self.path / f"{part}-{number:05}.placed"

    def order(self, part: str) -> Path:
        """Return the path of the order in which samples are published, while their set is encrypted."""
        return self.path / f"{part}.order"

    def read_specification(self) -> ModelSpecification:
        """Return the task's specification; raises InputError when the task's files are not here."""
        return parse_specification(self._read(self.specification))

    def read_manifest(self, part: Part) -> EncryptedSetManifest:
        """Return the manifest of an encrypted set; raises InputError when the task's files are not here."""
        return read_manifest(self._read(self.manifest(part.value)), part=part)

    def _read(self, path: Path) -> bytes:
        with own_disk(path):
            if not path.is_file():
                raise InputError(
                    f"The files of the task are not in {self.path}, {path.name} for one: run the data node "
                    "with the --home and wallet that posted it."
                )
            return path.read_bytes()
