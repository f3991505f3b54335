"""A round's samples as miners and verifiers get them: features by decryption, computed once, kept on disk."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from pole.learning.threads import Stop, never
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.formats.encrypted_set import EncryptedSetManifest
from pole.protocol.idle.task import idle_specification
from pole.protocol.models.specification import ModelSpecification
from pole.protocol.state import Round
from pole.roles.receiving.decryption import DecryptionRequest, Means, decrypt_set
from pole.roles.receiving.idle_data import IdleData
from pole.roles.receiving.samples import Samples
from pole.roles.receiving.task_data import TaskData, TaskReader


@dataclass(slots=True)
class RoundData:
    """The samples of rounds, kept under `home` until their round has ended.

    Its methods raise what TaskReader's and decrypt_set raise.
    """

    reader: TaskReader
    home: Path
    means: Means
    idle: IdleData = field(default_factory=IdleData)
    _task: tuple[int, TaskData] | None = field(default=None, init=False)
    _samples: dict[str, Samples] = field(default_factory=dict, init=False)
    _ended: int = field(default=0, init=False)

    def specification(self, open_round: Round) -> ModelSpecification:
        """Return what models of the round must look like."""
        return idle_specification() if open_round.is_idle else self.task(open_round).specification

    def task(self, open_round: Round) -> TaskData:
        """Return the round's specification, manifest, plan and functional keys."""
        if self._task is None or self._task[0] != open_round.round_id:
            self.end(open_round.round_id - 1)
            self._samples.clear()
            self._task = (open_round.round_id, self.reader.task(open_round))
        return self._task[1]

    def training_set(self, open_round: Round, *, stop: Stop = never) -> Samples:
        """Return all training samples; raises AbandonedError when `stop` says so on the way."""
        if open_round.is_idle:
            return self.idle.training_set(open_round)
        manifest = self.task(open_round).manifest
        return self._kept(open_round, manifest, stop=stop)

    def test_set(self, open_round: Round, *, stop: Stop = never) -> Samples | None:
        """Return the test samples, None where no test set was released."""
        if open_round.is_idle:
            seed = self.reader.chain.test_seed(open_round.round_id)
            return None if seed is None else self.idle.test_set(open_round, seed)
        manifest = self.reader.test_manifest(open_round, self.task(open_round))
        if manifest is None:
            return None
        return self._kept(open_round, manifest, stop=stop)

    def end(self, round_id: int) -> None:
        """Forget a round that has ended and those before it; delete what was fetched and kept of them."""
        if self._ended >= round_id:
            return
        self._ended = round_id
        if self._task is not None and self._task[0] <= round_id:
            self._task = None
            self._samples.clear()
        ended = [folder for folder in self._rounds.glob("[0-9]*") if int(folder.name) <= round_id]
        for folder in ended:
            shutil.rmtree(folder)
        if ended:
            shutil.rmtree(self.reader.folder, ignore_errors=True)

    def _kept(self, open_round: Round, manifest: EncryptedSetManifest, *, stop: Stop) -> Samples:
        """Return samples from memory, else made of what is on disk of their features and shards."""
        part = manifest.part.value
        named = f"{part}-{keccak256(open_round.keys_digest).hex()[:16]}"
        if named not in self._samples:
            folder = self._rounds / str(open_round.round_id)
            request = DecryptionRequest(
                task=self.task(open_round),
                manifest=manifest,
                features=folder / named,
                shards=folder / "shards" / part,
            )
            self._samples[named] = decrypt_set(request, self.means, stop=stop)
        return self._samples[named]

    def models(self, round_id: int) -> Path:
        """Return the folder of a round's models, which goes when the round ends."""
        return self._rounds / str(round_id) / "models"

    @property
    def _rounds(self) -> Path:
        return self.home / "rounds"
