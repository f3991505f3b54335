"""A round's samples as miners and verifiers get them: features by decryption, computed once, kept on disk."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pole.learning.machine.threads import Stop, never
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.formats.encrypted_set import EncryptedSetManifest
from pole.protocol.idle.task import idle_specification
from pole.protocol.models.specification import ModelSpecification
from pole.protocol.state import FileRef, Round
from pole.roles.ports import Published
from pole.roles.receiving.decryption import Decryption, DecryptionRequest, Means
from pole.roles.receiving.idle_data import IdleData
from pole.roles.receiving.samples import Samples
from pole.roles.receiving.task_data import TaskData, TaskReader
from pole.roles.support.files import Wanted, fetch_any

_Drawn = tuple[bytes, bytes]
"""A round's seed, and the digest of its functional keys."""


@dataclass(slots=True)
class RoundData:
    """The samples and models of rounds, kept under `home` until their round has ended.

    So long the store serves them to others, under the name `served_as` and the round's; None: it does not.
    `lanes` tells which rounds went before another in its lane: what is left of those is deleted with it. Its
    methods raise what those of TaskReader and Decryption raise.
    """

    chain: Published
    home: Path
    means: Means
    random_bytes: Callable[[int], bytes]
    lanes: int
    served_as: str | None
    idle: IdleData = field(default_factory=IdleData)
    _tasks: dict[int, tuple[_Drawn, TaskData]] = field(default_factory=dict, init=False)
    _samples: dict[int, dict[str, Samples]] = field(default_factory=dict, init=False)
    _under_way: dict[int, dict[str, Decryption]] = field(default_factory=dict, init=False)

    def specification(self, open_round: Round) -> ModelSpecification:
        """Return what models of the round must look like."""
        return idle_specification() if open_round.is_idle else self.task(open_round).specification

    def task(self, open_round: Round) -> TaskData:
        """Return the round's specification, manifest, plan and functional keys."""
        round_id = open_round.round_id
        # After a reorganisation a round has another seed, and other keys.
        drawn = open_round.seed, open_round.keys_digest
        kept = self._tasks.get(round_id)
        if kept is None or kept[0] != drawn:
            self.end(round_id - self.lanes)
            kept = self._tasks[round_id] = drawn, self._reader(round_id).task(open_round)
        return kept[1]

    def training_set(self, open_round: Round, *, stop: Stop = never) -> Samples:
        """Return all training samples; raises AbandonedError when `stop` says so on the way."""
        if open_round.is_idle:
            return self.idle.training_set(open_round)
        return self._kept(open_round, self.task(open_round).manifest, stop=stop)

    def test_set(self, open_round: Round, *, stop: Stop = never) -> Samples | None:
        """Return the test samples, None where no test set was released."""
        if open_round.is_idle:
            seed = self.chain.test_seed(open_round.round_id)
            return None if seed is None else self.idle.test_set(open_round, seed)
        manifest = self._reader(open_round.round_id).test_manifest(open_round, self.task(open_round))
        return None if manifest is None else self._kept(open_round, manifest, stop=stop)

    def model(self, round_id: int, places: Sequence[FileRef], *, max_bytes: int) -> bytes:
        """Return the bytes of a model, given where each miner that revealed it says that it is.

        Raises NotHadError and DiskError.
        """
        wanted = [Wanted(place.cid, place.digest, max_bytes) for place in places]
        served_as = self._served_as(round_id)
        return fetch_any(self.means.store, wanted, self.models(round_id), served_as=served_as)

    def models(self, round_id: int) -> Path:
        """Return the folder of a round's models, which goes when the round ends."""
        return self._folder(round_id) / "models"

    def end(self, round_id: int) -> None:
        """Delete what was fetched and kept of a round that has ended, and of those before it in its lane.

        Raises UnreachableError while the store cannot be told to serve it no longer.
        """
        on_disk = {int(folder.name) for folder in self._rounds.glob("[0-9]*")}
        for ended in range(round_id, 0, -self.lanes):
            self._tasks.pop(ended, None)
            self._samples.pop(ended, None)
            for decryption in self._under_way.pop(ended, {}).values():
                decryption.leave()
            if ended in on_disk:
                self._forget(ended)
                shutil.rmtree(self._folder(ended))

    def _kept(self, open_round: Round, manifest: EncryptedSetManifest, *, stop: Stop) -> Samples:
        """Return samples from memory, else made of what is on disk of their features and shards."""
        round_id, part = open_round.round_id, manifest.part.value
        named = f"{part}-{keccak256(open_round.keys_digest).hex()[:16]}"
        kept = self._samples.setdefault(round_id, {})
        if named not in kept:
            under_way = self._under_way.setdefault(round_id, {})
            if named not in under_way:
                under_way[named] = self._decryption(open_round, manifest, named)
            decryption = under_way[named]
            kept[named] = decryption.samples(stop)
            decryption.leave()
            under_way.pop(named, None)
        return kept[named]

    def _decryption(self, open_round: Round, manifest: EncryptedSetManifest, named: str) -> Decryption:
        round_id = open_round.round_id
        request = DecryptionRequest(
            task=self.task(open_round),
            manifest=manifest,
            features=self._folder(round_id) / named,
            shards=self._folder(round_id) / "shards" / manifest.part.value,
            served_as=self._served_as(round_id),
        )
        return Decryption(request, self.means)

    def _reader(self, round_id: int) -> TaskReader:
        return TaskReader(
            self.chain,
            self.means.store,
            self._folder(round_id) / "files",
            self.random_bytes,
            self._served_as(round_id),
        )

    def _forget(self, round_id: int) -> None:
        name = self._served_as(round_id)
        if name is not None:
            self.means.store.forget(name)

    def _served_as(self, round_id: int) -> str | None:
        return None if self.served_as is None else f"{self.served_as}/{round_id}"

    def _folder(self, round_id: int) -> Path:
        return self._rounds / str(round_id)

    @property
    def _rounds(self) -> Path:
        return self.home / "rounds"
