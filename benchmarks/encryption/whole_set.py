"""CIFAR-10 encrypted, decrypted and judged by three workers, one of them killed halfway through each part.

Beside it this machine does the same alone, and the bytes are compared: the encrypted set's manifest, which
names every shard by its digest, the decrypted features and the vote on a model. Three processes of this
machine stand for three machines. The layer is one filter a channel, the model the network of
examples/cifar10.json with weights drawn at random. So that two runs can have the same bytes, all shards have
the same randomness: never do so with data that matter.

    python -m benchmarks.encryption.whole_set [--rows N] [--json]
"""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from math import prod
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.cluster import NETWORK, running
from pole.errors import UnreachableError
from pole.ipfe.scheme import derive_keys, generate_keys
from pole.learning.data.datasets import DataSet, data_directory, load, subset
from pole.learning.data.quantisation import fit
from pole.learning.evaluation import model_file
from pole.learning.evaluation.canonical import CanonicalModel, tensor_shapes
from pole.learning.evaluation.features import FeatureMap
from pole.learning.evaluation.fixed_point import WEIGHT_ONE
from pole.protocol.formats.encrypted_set import Part, read_manifest
from pole.protocol.mapping.layer import feature_shape, query_plan
from pole.protocol.models.specification import ModelSpecification, parse_specification
from pole.protocol.state import FileRef
from pole.roles.judging.assessment import Evidence, assess, vote_on
from pole.roles.ports import ShardResult, Shards, WorkShard
from pole.roles.publishing.encryption import Sealing, encrypt_set
from pole.roles.publishing.task_folder import TaskFolder
from pole.roles.receiving.decryption import Decryption, DecryptionRequest, Means
from pole.roles.receiving.point_cache import PointCache
from pole.roles.receiving.samples import Samples
from pole.roles.receiving.task_data import TaskData
from pole.roles.support.slots import Others

SEED = bytes(range(32))
WORKERS = 3
EVALUATED = 4
"""Shards of evaluation after which a worker is killed; there are fewer of them than of ciphertexts."""
PARTS = ("encryption", "decryption", "evaluation")


class Cluster(Shards, Protocol):
    """Shards done by processes that can be found and killed."""

    def workers(self) -> dict[str, dict[str, Any]]: ...

    def running(self) -> Mapping[str, Any]: ...


@dataclass
class KilledHalfway:
    """A cluster of which the worker that has most to do is killed once it has given so many results."""

    cluster: Cluster
    after: int
    killed: list[str]
    done: int = 0
    is_whole: bool = True
    counting: Lock = field(default_factory=Lock)

    def at_once(self) -> int:
        return self.cluster.at_once()

    def run(self, shard: WorkShard) -> ShardResult:
        result = self.cluster.run(shard)
        with self.counting:
            self.done += 1
            if self.done >= self.after and self.is_whole:
                self._kill()
        return result

    def _kill(self) -> None:
        busy = {where: len(shards) for where, shards in self.cluster.running().items() if shards}
        if not busy:
            return
        self.is_whole = False
        victim = max(busy, key=lambda where: busy[where])
        self.killed.append(victim)
        os.kill(int(self.cluster.workers()[victim]["pole"]["pid"]), signal.SIGKILL)


@dataclass(frozen=True)
class FolderStore:
    """A store that is a folder: a CID is the digest of what it names."""

    folder: Path

    def add(self, path: Path) -> str:
        cid = self.cid_of(path)
        shutil.copyfile(path, self.folder / cid)
        return cid

    def cid_of(self, path: Path) -> str:
        return f"bafk{sha256(path.read_bytes()).hexdigest()}"

    def fetch(self, cid: str, path: Path, *, max_bytes: int, within: float | None = None) -> None:
        if not (self.folder / cid).exists():
            raise UnreachableError(f"{cid} is not to be had.")
        shutil.copyfile(self.folder / cid, path)

    def keep(self, cid: str, name: str) -> None: ...

    def forget(self, name: str) -> None: ...


@dataclass(frozen=True)
class Found:
    """What came of a set, in digests and counts, and the seconds of each part."""

    manifest: str
    features: str
    vote: str
    correct: int
    shards: int
    encrypting: float
    decrypting: float
    judging: float

    @property
    def outcome(self) -> tuple[str, str, str, int]:
        """Return what must be the same on every machine."""
        return self.manifest, self.features, self.vote, self.correct


Helping = Callable[[str], Shards | None]
"""The machines that help with one of the PARTS, if any."""


def alone(_: str) -> None:
    """Have nobody help."""


def take_through(
    specification: ModelSpecification, dataset: DataSet, folder: Path, helping: Helping
) -> Found:
    """Encrypt the training samples of a set, decrypt them, and judge a model on them, here by one thread."""
    store = FolderStore(folder / "store")
    store.folder.mkdir(parents=True)
    secret, public = generate_keys(specification.columns, same_randomness)
    key = FileRef("bafykey", bytes(32))
    sealing = Sealing(
        specification,
        fit(dataset.x_train, specification.input.bits),
        secret,
        key,
        TaskFolder(folder / "owner"),
        store,
        same_randomness,
        1,
        time.monotonic,
        public,
        helping("encryption"),
    )
    (folder / "owner").mkdir()
    order = np.random.default_rng(0).permutation(len(dataset.x_train))
    begun = time.perf_counter()
    manifest = encrypt_set(sealing, Part.TRAIN, dataset.x_train, dataset.y_train, order)
    encrypted = time.perf_counter()
    plan = query_plan(specification, SEED)
    sealed = read_manifest(manifest, part=Part.TRAIN)
    task = TaskData(specification, sealed, plan, derive_keys(secret, plan))
    means = Means(store, time.monotonic, 1, PointCache(folder / "points", 0), others(helping("decryption")))
    request = DecryptionRequest(task, sealed, folder / "features", folder / "shards")
    with closing(Decryption(request, means)) as decryption:
        samples = decryption.samples(lambda: False)
    decrypted = time.perf_counter()
    evidence = Evidence(specification, SEED, samples, None)
    assessment = assess(random_model(specification, samples), evidence, others=others(helping("evaluation")))
    vote = vote_on(assessment, 0)
    return Found(
        manifest=sha256(manifest).hexdigest(),
        features=sha256(samples.features.tobytes() + samples.labels.tobytes()).hexdigest(),
        vote=vote.predictions.hex(),
        correct=vote.train_correct,
        shards=len(sealed.shards),
        encrypting=encrypted - begun,
        decrypting=decrypted - encrypted,
        judging=time.perf_counter() - decrypted,
    )


def others(shards: Shards | None) -> Others | None:
    return None if shards is None else Others(shards, os.urandom)


def same_randomness(count: int) -> bytes:
    """Return the same bytes each time, so that it is of no matter which thread draws first."""
    return np.random.default_rng(1).bytes(count)


def example() -> ModelSpecification:
    """Return the network of examples/cifar10.json over one filter a channel."""
    document = json.loads(NETWORK.read_bytes())
    document["mapping"]["queries"] = 1
    return parse_specification(json.dumps(document))


def random_model(specification: ModelSpecification, samples: Samples) -> bytes:
    """Return the file of a model that has learned nothing, and predicts one class and another."""
    random = np.random.default_rng(2)
    tensors = {
        name: _tensor(name.rpartition(".")[2], shape, random)
        for name, shape in tensor_shapes(specification).items()
    }
    channels = feature_shape(specification)[0]
    some = samples.features[:100].astype(np.float64)
    offset = np.full(channels, int(some.mean()), dtype=np.int64)
    scale = np.full(channels, 1 / some.std(), dtype=np.float32)
    return model_file.save(CanonicalModel(specification, SEED, FeatureMap(offset, scale), tensors))


def _tensor(part: str, shape: tuple[int, ...], random: np.random.Generator) -> NDArray[np.int32]:
    """Return weights that keep the size of activations, as He et al. (2015) have them, and scales of one."""
    if part != "weight":
        return np.full(shape, WEIGHT_ONE if part == "scale" else 0, dtype=np.int32)
    largest = int(WEIGHT_ONE * (6 / prod(shape[1:])) ** 0.5)
    return random.integers(-largest, largest + 1, shape, dtype=np.int32)


def losing(cluster: Cluster, after: Mapping[str, int]) -> tuple[Helping, list[str]]:
    """Return other workers, of which one is killed in each part, and where the addresses of those are noted.

    It dies once workers have given back the part's number of shards in `after`.
    """
    killed: list[str] = []
    return lambda part: KilledHalfway(cluster, after[part], killed), killed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rows", type=int, help="training samples to take (default: all)")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    whole = load("cifar10", data_directory(os.environ, Path.cwd()))
    dataset = whole if chosen.rows is None else subset(whole, chosen.rows, 1, 0)
    specification = example()
    with tempfile.TemporaryDirectory() as name:
        here = take_through(specification, dataset, Path(name) / "alone", alone)
        shutil.rmtree(Path(name) / "alone")
        half = max(1, 3 * here.shards // 8)
        with running(WORKERS) as cluster:
            helping, killed = losing(cluster, dict(zip(PARTS, (half, half, EVALUATED), strict=True)))
            found = take_through(specification, dataset, Path(name) / "three", helping)
    document = {"rows": len(dataset.x_train), "alone": asdict(here), "cluster": asdict(found)}
    document |= {"killed": killed, "same": found.outcome == here.outcome}
    if chosen.json:
        print(json.dumps(document))
    else:
        print(f"{len(dataset.x_train)} samples of {dataset.name} in {here.shards} shards; killed: {killed}")
        for who, each in (("this machine alone", here), ("with three workers", found)):
            seconds = f"{each.encrypting:.1f}, {each.decrypting:.1f} and {each.judging:.1f} s"
            digests = f"manifest {each.manifest[:16]}, features {each.features[:16]}, vote {each.vote[:16]}"
            print(f"{who}, encrypting, decrypting and judging {seconds}: {digests}, {each.correct} correct")
    if found.outcome != here.outcome:
        sys.exit("The bytes differ.")
    if len(killed) < len(PARTS):
        sys.exit(f"Only {len(killed)} of {len(PARTS)} workers were killed: so few rows keep none busy.")


if __name__ == "__main__":
    main()
