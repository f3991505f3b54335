"""Shards through a cluster of this machine beside threads: speed-up, overhead a shard, many workers.

What is compared is a set by threads of this process and by workers of a thread each, on the same cores: the
difference of one thread and one worker is what a shard costs on its way. Shards are those of MNIST, 784
columns and 8 MiB of ciphertexts; decryption is under 4 blocks x 32 query vectors of 3 bits; evaluation is of
the network of examples/cifar10.json with random weights, as many samples a shard as a committee's. Medians of
`--runs`, with the farthest of them. With other work beside, cores and not workers set the times.

The schedule of up to 256 workers is simulated from what one worker took: the caller is on the head's machine,
whose link sends one shard after the other and takes one result after the other.

    python -m benchmarks.cluster [--shards N] [--runs N] [--json]
"""

import argparse
import heapq
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import numpy as np

from pole.adapters.machine.cluster.certificates import make_certificates
from pole.adapters.machine.cluster.client import Cluster
from pole.adapters.machine.cluster.conditions import conditions
from pole.adapters.machine.cluster.running import work_named
from pole.adapters.machine.cluster.security import open_security
from pole.adapters.machine.devnet import free_port
from pole.errors import UnreachableError
from pole.ipfe import backend
from pole.ipfe.scheme import bound_of, derive_keys, encrypt, generate_keys
from pole.learning.evaluation import model_file
from pole.learning.evaluation.canonical import CanonicalModel, tensor_shapes
from pole.learning.evaluation.features import FeatureMap
from pole.protocol.mapping.layer import feature_shape
from pole.protocol.mapping.plan import QueryPlan
from pole.protocol.models.specification import parse_specification
from pole.roles.judging.evaluation_shards import evaluation_shard, rows_of_a_shard
from pole.roles.ports import WorkShard
from pole.roles.publishing.encryption_shards import encryption_shard
from pole.roles.receiving.decryption_shards import decryption_shard

NETWORK = Path(__file__).resolve().parents[1] / "examples" / "cifar10.json"
COLUMNS, ROWS = 784, 320
TILES, QUERIES, BITS = 4, 32, 3
MANY = (1, 2, 4, 8, 16, 32, 64, 128, 256)
GIGABIT = 1e9 / 8
LINKS = (1, 10)
VALUES = 1e9


@dataclass(frozen=True, slots=True)
class Work:
    """Shards of one kind, with the bytes that go there and come back."""

    name: str
    shards: tuple[WorkShard, ...]
    sent: int
    returned: int


@dataclass(frozen=True, slots=True)
class Seconds:
    """The median of some runs, and how far the farthest is from it."""

    median: float
    spread: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ± {self.spread:.2f} s"


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of a whole work: by threads of this process, and by workers of a thread each."""

    work: str
    shards: int
    one_thread: Seconds
    two_threads: Seconds
    one_worker: Seconds
    two_workers: Seconds
    owner: Seconds | None

    @property
    def overhead(self) -> float:
        """Seconds that a shard takes longer by one worker than by one thread."""
        return (self.one_worker.median - self.one_thread.median) / self.shards

    def __str__(self) -> str:
        owner = "" if self.owner is None else f", with the secret {self.owner}"
        return (
            f"{self.work} of {self.shards} shards: 1 thread {self.one_thread}, 2 threads {self.two_threads}, "
            f"1 worker {self.one_worker}, 2 workers {self.two_workers}{owner}"
        )


def works(count: int) -> Iterator[Work]:
    """Yield shards of encryption, of decryption of what they give, and of evaluation."""
    secret, public = generate_keys(COLUMNS, os.urandom)
    random = np.random.default_rng(0)
    rows = [random.integers(0, 256, (ROWS, COLUMNS)).astype(np.uint8) for _ in range(count)]
    encryption = tuple(encryption_shard(public, values, os.urandom(64 * ROWS)) for values in rows)
    windows = np.arange(COLUMNS, dtype=np.int32).reshape(TILES, -1)
    vectors = random.integers(0, 2**BITS, (QUERIES, COLUMNS // TILES)).astype(np.uint8)
    plan = QueryPlan(windows, vectors)
    keys, bound = derive_keys(secret, plan), bound_of(plan, 255)
    sealed = [encrypt(secret, values, os.urandom) for values in rows]
    decryption = tuple(decryption_shard(each, plan, keys, bound) for each in sealed)
    yield _work("encryption", encryption)
    yield _work("decryption", decryption)
    yield _work("evaluation", evaluation(count))


def evaluation(count: int) -> tuple[WorkShard, ...]:
    """Return so many shards of samples for a model of random weights."""
    specification, random = parse_specification(NETWORK.read_bytes()), np.random.default_rng(0)
    shape = feature_shape(specification)
    feature_map = FeatureMap(np.full(shape[:1], 4000), np.full(shape[:1], 1e-3, np.float32))
    tensors = {
        name: random.integers(-(2**9), 2**9, size).astype(np.int32)
        for name, size in tensor_shapes(specification).items()
    }
    model = CanonicalModel(specification, bytes(32), feature_map, tensors)
    one = random.integers(0, 2**13, (1, *shape)).astype(np.uint16)
    rows = rows_of_a_shard(specification, len(model_file.save(model)), one)
    samples = (random.integers(0, 2**13, (rows, *shape)).astype(np.uint16) for _ in range(count))
    return tuple(evaluation_shard(model, features) for features in samples)


def _work(name: str, shards: tuple[WorkShard, ...]) -> Work:
    return Work(name, shards, len(shards[0].content), len(work_named(name)(shards[0].content)))


def timed(work: Callable[[], object], runs: int) -> Seconds:
    """Return how long some work takes."""
    taken = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    middle = median(taken)
    return Seconds(middle, max(abs(each - middle) for each in taken))


def seconds(
    do: Callable[[WorkShard], object], shards: Sequence[WorkShard], at_once: int, runs: int
) -> Seconds:
    """Return how long so many threads take to have all shards done."""

    def all_of_them() -> None:
        with ThreadPoolExecutor(at_once) as pool:
            deque(pool.map(do, shards), maxlen=0)

    return timed(all_of_them, runs)


def here(shard: WorkShard) -> bytes:
    return work_named(shard.work)(shard.content)


@contextmanager
def running(workers: int) -> Iterator[Cluster]:
    """Give a cluster of this machine with so many workers of a thread each."""
    pole = str(Path(sys.executable).with_name("pole"))
    processes: list[subprocess.Popen[bytes]] = []
    with tempfile.TemporaryDirectory() as name:
        folder, address = Path(name), f"tls://127.0.0.1:{free_port()}"
        make_certificates(folder, datetime.now(UTC), days=1)

        def start(role: str, *options: str) -> None:
            command = [pole, "cluster", role, *options, "--certificates", str(folder / role)]
            with (folder / f"{len(processes)}.log").open("wb") as log:
                processes.append(subprocess.Popen(command, stdout=log, stderr=log))

        try:
            start("scheduler", "--listen", address)
            for number in range(workers):
                start("worker", address, "--name", f"worker-{number}", "--host", "127.0.0.1")
            proof = open_security(folder / "client", "client", datetime.now(UTC))
            with closing(Cluster(address, proof, conditions())) as cluster:
                while len(_joined(cluster)) < workers:
                    time.sleep(0.1)
                yield cluster
        finally:
            for process in reversed(processes):
                process.terminate()
                process.wait()


def _joined(cluster: Cluster) -> Sequence[str]:
    try:
        return list(cluster.workers())
    except UnreachableError:
        return []


def measure(work: Work, runs: int) -> Measured:
    return Measured(
        work=work.name,
        shards=len(work.shards),
        one_thread=seconds(here, work.shards, 1, runs),
        two_threads=seconds(here, work.shards, 2, runs),
        one_worker=elsewhere(work, 1, runs),
        two_workers=elsewhere(work, 2, runs),
        owner=owners_path(len(work.shards), runs) if work.name == "encryption" else None,
    )


def elsewhere(work: Work, workers: int, runs: int) -> Seconds:
    """Return how long workers of a thread each take, after they have begun once."""
    with running(workers) as cluster:
        seconds(cluster.run, work.shards[: 2 * workers], cluster.at_once(), 1)
        return seconds(cluster.run, work.shards, cluster.at_once(), runs)


def owners_path(count: int, runs: int) -> Seconds:
    """Return what one thread takes that encrypts as many rows with the secret."""
    secret, _ = generate_keys(COLUMNS, os.urandom)
    values = np.random.default_rng(0).integers(0, 256, (count * ROWS, COLUMNS)).astype(np.uint8)
    return timed(lambda: encrypt(secret, values, os.urandom), runs)


def makespan(shards: int, workers: int, *, computing: float, sending: float, returning: float) -> float:
    """Return when the last result is back.

    Each worker has one thread and one shard more on its way. Shards leave one after the other, each when a
    worker has room for it, and results come back one after the other, in the order in which they are done.
    """
    room = [(0.0, worker) for worker in range(workers) for _ in range(2)]
    heapq.heapify(room)
    free = [0.0] * workers
    link = 0.0
    done: list[float] = []
    for _ in range(shards):
        at, worker = heapq.heappop(room)
        link = max(link, at) + sending
        free[worker] = max(free[worker], link) + computing
        done.append(free[worker])
        heapq.heappush(room, (free[worker], worker))
    back = 0.0
    for at in sorted(done):
        back = max(back, at) + returning
    return back


def schedules(work: Work, measured: Measured) -> list[dict[str, float]]:
    """Return how long 10^9 values take by many workers, over links of 1 and 10 Gbit/s."""
    shards = round(VALUES / (ROWS * COLUMNS))
    computing = measured.one_worker.median / measured.shards
    return [
        {"workers": workers}
        | {
            f"{link} Gbit/s": makespan(
                shards,
                workers,
                computing=computing,
                sending=work.sent / (link * GIGABIT),
                returning=work.returned / (link * GIGABIT),
            )
            for link in LINKS
        }
        for workers in MANY
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--shards", type=int, default=16)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    print(backend.describe(), file=sys.stderr)
    for work in works(chosen.shards):
        found = measure(work, chosen.runs)
        # How many samples 10^9 values are says nothing of a model that they are judged by.
        rows = [] if work.name == "evaluation" else schedules(work, found)
        if chosen.json:
            print(json.dumps(asdict(found) | {"sent": work.sent, "returned": work.returned, "many": rows}))
            continue
        print(f"{found}: {found.overhead:.3f} s more a shard, {work.sent} bytes there, {work.returned} back")
        for row in rows:
            print("  " + ", ".join(f"{name} {value:.0f}" for name, value in row.items()))


if __name__ == "__main__":
    main()
