"""The steps of `memory`, each run as a process: python -m benchmarks.learning.memory_steps STEP FOLDER."""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch

from pole.adapters.storage.ipfs import IpfsStore
from pole.ipfe.scheme import MasterSecretKey, derive_keys
from pole.learning.data.datasets import load
from pole.learning.data.digest import data_set_digest
from pole.learning.evaluation import model_file
from pole.learning.machine.threads import limit_threads
from pole.learning.training.recipe import TrainingSettings
from pole.learning.training.stopping import StopRule
from pole.learning.training.training import train as learn
from pole.learning.training.training_data import TrainingTask
from pole.protocol.formats.encrypted_set import Part, read_manifest
from pole.protocol.mapping.layer import query_plan
from pole.protocol.models.specification import ModelSpecification, parse_specification
from pole.protocol.models.work import judging_work
from pole.protocol.state import TaskTerms
from pole.roles.judging.assessment import Evidence, assess
from pole.roles.keys.preview import preview
from pole.roles.publishing.posting import request_digest
from pole.roles.publishing.preparation import TaskRequest, Workshop, prepare_task
from pole.roles.publishing.task_folder import TaskFolder
from pole.roles.receiving.decryption import Decryption, DecryptionRequest, Means
from pole.roles.receiving.point_cache import PointCache
from pole.roles.receiving.samples import Samples
from pole.roles.receiving.task_data import TaskData

SEED: Final = b"\x01" * 32
HIDDEN: Final = 32


@dataclass(frozen=True, slots=True)
class Setting:
    """Where the files and the daemon are, the layer's query vectors, threads, and seconds of training."""

    folder: str
    ipfs: str
    queries: int
    threads: int
    seconds: float
    classes: int
    columns: int

    @property
    def home(self) -> Path:
        """Return the folder of what the steps leave for each other."""
        return Path(self.folder)

    def specification(self) -> ModelSpecification:
        """Return a small network over a linear mapping layer."""
        document = {
            "input": {"shape": [self.columns], "bits": 8},
            "mapping": {"kind": "linear", "bits": 3, "queries": self.queries},
            "graph": [
                {"name": "hidden", "op": "Linear", "out_features": HIDDEN},
                {"name": "active", "op": "ReLU"},
                {"name": "logits", "op": "Linear", "out_features": self.classes},
            ],
            "classes": self.classes,
            "max_parameters": 2**16,
            "max_bytes": 2**20,
        }
        return parse_specification(json.dumps(document))


def request_of(setting: Setting) -> TaskRequest:
    """Return the request for a task on the prepared table."""
    dataset, specification = load(str(setting.home / "table.pole"), None), setting.specification()
    terms = TaskTerms(
        reward=10**18,
        data_bond=10**17,
        fee=10**16,
        time_limit=600,
        min_training_time=0,
        min_solutions=1,
        required_train_accuracy=5000,
        required_test_accuracy=0,
        train_count=len(dataset.x_train),
        test_count=len(dataset.x_test),
        work=judging_work(specification),
    )
    return TaskRequest(dataset, specification, terms)


def measure(setting: Setting) -> None:
    """Find out what a task would give away, as `pole task post` does first."""
    request = request_of(setting)
    digest = data_set_digest(request.dataset)
    preview(request.dataset, request.specification, (), data_set=digest.hex())


def publish(setting: Setting) -> None:
    """Encrypt both sets and publish the training set, as `pole task post` does."""
    request = request_of(setting)
    request_digest(request)
    workshop = Workshop(
        store=IpfsStore(setting.ipfs),
        home=setting.home,
        save_secret=lambda _, secret: np.save(setting.home / "secret.npy", secret.scalars),
        open_secret=lambda _: MasterSecretKey(np.load(setting.home / "secret.npy")),
        random_bytes=os.urandom,
        threads=setting.threads,
    )
    files = prepare_task(request, workshop)
    folder = TaskFolder.of(setting.home, files.mpk_digest)
    store = workshop.store
    test = read_manifest(folder.manifest("test").read_bytes(), part=Part.TEST)
    for number in range(len(test.shards)):
        store.add(folder.shard("test", number))
    (setting.home / "files.json").write_text(json.dumps(files.mpk_digest.hex()))


def receive(setting: Setting) -> None:
    """Fetch and decrypt both sets, as miners and verifiers do."""
    for part in Part:
        samples_of(setting, part)


def train(setting: Setting) -> None:
    """Train on the features that were kept, as a miner does."""
    samples = samples_of(setting, Part.TRAIN)
    task = TrainingTask(
        setting.specification(), SEED, samples.features, samples.labels, TrainingSettings(batch=4000)
    )
    torch.set_num_threads(setting.threads)
    limit_threads(setting.threads)
    rule = StopRule(
        len(samples.labels) + 1, time.monotonic() + setting.seconds, time.monotonic, lambda: False
    )
    result = learn(task, rule, random_seed=1, device=torch.device("cpu"))
    (setting.home / "model").write_bytes(model_file.save(result.candidate.model))


def judge(setting: Setting) -> None:
    """Judge the model on both sets, as a verifier does."""
    limit_threads(setting.threads)
    evidence = Evidence(
        setting.specification(), SEED, samples_of(setting, Part.TRAIN), samples_of(setting, Part.TEST)
    )
    found = assess((setting.home / "model").read_bytes(), evidence)
    if found.train is None:
        raise SystemExit("The model is malformed: the measurement is void.")
    shares = found.train.correct / len(evidence.train.labels)
    print(f"{shares:.1%} of the training samples are right.", file=sys.stderr)


def samples_of(setting: Setting, part: Part) -> Samples:
    """Return decrypted samples; from the second time on those that were kept."""
    specification = setting.specification()
    digest = bytes.fromhex(json.loads((setting.home / "files.json").read_text()))
    folder = TaskFolder.of(setting.home, digest)
    manifest = read_manifest(folder.manifest(part.value).read_bytes(), part=part)
    plan = query_plan(specification, SEED)
    keys = derive_keys(MasterSecretKey(np.load(setting.home / "secret.npy")), plan)
    means = Means(
        IpfsStore(setting.ipfs), time.monotonic, setting.threads, PointCache(setting.home / "points", 0)
    )
    home = setting.home / "worker" / part.value
    request = DecryptionRequest(
        TaskData(specification, manifest, plan, keys), manifest, home / "features", home / "shards"
    )
    with closing(Decryption(request, means)) as decryption:
        return decryption.samples(lambda: False)


STEPS: Final[Mapping[str, Callable[[Setting], None]]] = {
    "measure": measure,
    "publish": publish,
    "receive": receive,
    "train": train,
    "judge": judge,
}


def main() -> None:
    """Do one step."""
    step, folder = sys.argv[1:]
    STEPS[step](Setting(**json.loads((Path(folder) / "setting.json").read_text())))


if __name__ == "__main__":
    main()
