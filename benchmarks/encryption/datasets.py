"""Time, bytes and memory of whole data sets on their way: encrypted, published, fetched and decrypted.

Claim, on 2 cores with an IPFS daemon in the path: MNIST (60,000 x 784) is encrypted and published in 25 s,
and fetched and decrypted with 4 blocks x 32 query vectors in 60 s. CIFAR-10 (50,000 x 3072) goes the same way
with one 3x3 filter a channel. Owner and miner are processes of their own and run what `pole task post` and
`pole miner run` run; a part of the results is compared with inner products in the clear. One run each.

    python -m benchmarks.encryption.datasets mnist [--samples N] [--threads N] [--point-cache MIB] [--json]
"""

import argparse
import json
import logging
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pole.adapters.machine.devnet import DevnetSettings, free_port, programs_folder, start_ipfs, stop_devnet
from pole.adapters.storage.ipfs import IpfsStore
from pole.errors import PoleError
from pole.ipfe import backend
from pole.ipfe.scheme import FunctionalKeys, derive_keys, generate_keys
from pole.learning.data.datasets import data_directory, load
from pole.learning.data.quantisation import apply, fit
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.formats.encrypted_set import Part, read_manifest
from pole.protocol.formats.keys import write_master_public_key
from pole.protocol.mapping.layer import arrange, inner_products_in_clear, query_plan
from pole.protocol.models.specification import ModelSpecification, parse_specification
from pole.protocol.state import FileRef
from pole.roles.publishing.encryption import Sealing, encrypt_set
from pole.roles.publishing.task_folder import TaskFolder
from pole.roles.receiving.decryption import Decryption, DecryptionRequest, Means
from pole.roles.receiving.point_cache import PointCache
from pole.roles.receiving.task_data import TaskData
from pole.roles.support.files import write_durably

LAYERS: dict[str, dict[str, Any]] = {
    "mnist": {"shape": [28, 28], "mapping": {"kind": "blocks", "bits": 3, "queries": 32, "tile": [14, 14]}},
    "cifar10": {
        "shape": [3, 32, 32],
        "mapping": {"kind": "conv", "bits": 3, "queries": 1, "kernel": [3, 3], "padding": "same"},
    },
}
SEEDS = (b"\x01" * 32, b"\x02" * 32)
COMPARED = 256
MEBIBYTE = 2**20


@dataclass(frozen=True, slots=True)
class Setting:
    """What is measured: a data set, how many samples of it, how many threads, and where."""

    name: str
    samples: int | None
    threads: int
    ipfs: str
    folder: Path
    point_cache: int


@dataclass(frozen=True, slots=True, eq=False)
class Published:
    """What the owner gives away: the manifest, and the functional keys for each seed."""

    manifest: FileRef
    keys: tuple[FunctionalKeys, ...]
    samples: int
    dimension: int
    bytes: int
    seconds: float
    processor: float
    peak_mib: int


@dataclass(frozen=True, slots=True)
class Decrypted:
    """What the miner measured; `features` is where its first samples are, to be compared."""

    features: Path
    inner_products: int
    feature_bytes: int
    seconds: float
    processor: float
    peak_mib: int


def specification(name: str) -> ModelSpecification:
    """The mapping layer of a benchmark under the smallest network that takes its features."""
    layer = LAYERS[name]
    graph = [{"name": "flat", "op": "Flatten"}, {"name": "logits", "op": "Linear", "out_features": 10}]
    return parse_specification(
        json.dumps(
            {
                "input": {"shape": layer["shape"], "bits": 8},
                "mapping": layer["mapping"],
                "graph": graph[layer["mapping"]["kind"] != "conv" :],
                "classes": 10,
                "max_parameters": 2**20,
                "max_bytes": 2**24,
            }
        )
    )


def samples_of(setting: Setting) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The first samples of the training set, and their labels."""
    dataset = load(setting.name, data_directory(os.environ, Path.cwd()))
    return dataset.x_train[: setting.samples], dataset.y_train[: setting.samples]


def publish(setting: Setting) -> Published:
    """Encrypt and publish the training set as a data node does."""
    x, y = samples_of(setting)
    spec, store = specification(setting.name), IpfsStore(setting.ipfs)
    started, processor = time.perf_counter(), time.process_time()
    secret, public = generate_keys(spec.dimension, os.urandom)
    key_file = write_master_public_key(public.points)
    folder = TaskFolder.of(setting.folder / "owner", keccak256(key_file))
    write_durably(folder.public_key, key_file)
    key_ref = FileRef(store.add(folder.public_key), keccak256(key_file))
    sealing = Sealing(
        spec, fit(x, 8), secret, key_ref, folder, store, os.urandom, setting.threads, time.monotonic, public
    )
    content = encrypt_set(sealing, Part.TRAIN, x, y, np.arange(len(x)))
    ref = FileRef(store.add(folder.manifest("train")), keccak256(content))
    seconds, processor = time.perf_counter() - started, time.process_time() - processor
    keys = tuple(derive_keys(secret, query_plan(spec, seed)) for seed in SEEDS)
    size = sum(shard.size for shard in read_manifest(content, part=Part.TRAIN).shards)
    return Published(ref, keys, len(x), spec.dimension, size, seconds, processor, peak_mib("self"))


def fetch_and_decrypt(setting: Setting, published: Published, turn: int) -> Decrypted:
    """Fetch and decrypt the training set under the keys of seed `turn`, as miners and verifiers do."""
    spec, store = specification(setting.name), IpfsStore(setting.ipfs)
    home = setting.folder / f"miner-{turn}"
    started, processor = time.perf_counter(), time.process_time()
    store.fetch(published.manifest.cid, home / "manifest", max_bytes=2**23)
    manifest = read_manifest((home / "manifest").read_bytes(), part=Part.TRAIN)
    task = TaskData(spec, manifest, query_plan(spec, SEEDS[turn]), published.keys[turn])
    points = PointCache(setting.folder / "points", setting.point_cache * MEBIBYTE)
    means = Means(store, time.monotonic, setting.threads, points)
    request = DecryptionRequest(task, manifest, home / "features", home / "shards")
    with closing(Decryption(request, means)) as decryption:
        features = decryption.samples(lambda: False).features
    seconds, processor = time.perf_counter() - started, time.process_time() - processor
    np.save(home / "first.npy", features[:COMPARED])
    size = features.nbytes
    return Decrypted(home / "first.npy", features.size, size, seconds, processor, peak_mib("self"))


def compare(setting: Setting, decrypted: Decrypted, turn: int) -> None:
    """Stop unless the first features are the inner products of the samples in the clear."""
    x, _ = samples_of(setting)
    spec = specification(setting.name)
    values = apply(fit(x, 8), x[:COMPARED]).values
    expected = arrange(inner_products_in_clear(query_plan(spec, SEEDS[turn]), values), spec)
    if not np.array_equal(np.load(decrypted.features), expected):
        raise SystemExit("The decrypted features are not the inner products: the measurement is void.")


def peak_mib(process: str) -> int:
    """The most memory that a process has had, in MiB: a number, or "self"."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


def processor_seconds(process: int) -> float:
    """Processor seconds that a process has had, in its own code and in the system's."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(setting: Setting, daemon: int) -> dict[str, Any]:
    """All numbers of one data set; each part runs in a fresh process."""

    def alone(function: Any, *arguments: Any) -> Any:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            return pool.submit(function, setting, *arguments).result()

    before = processor_seconds(daemon)
    published: Published = alone(publish)
    result: dict[str, Any] = {
        "data": setting.name,
        "samples": published.samples,
        "dimension": published.dimension,
        "backend": backend.choose().name,
        "threads": setting.threads,
        "cores": os.cpu_count(),
        "ciphertextBytes": published.bytes,
        "encryptAndPublish": {
            "seconds": round(published.seconds, 1),
            "processorSeconds": round(published.processor, 1),
            "daemonProcessorSeconds": round(processor_seconds(daemon) - before, 1),
            "peakMiB": published.peak_mib,
        },
    }
    turns = ("fetchAndDecrypt", "againUnderOtherKeys") if setting.point_cache else ("fetchAndDecrypt",)
    for turn, name in enumerate(turns):
        before = processor_seconds(daemon)
        decrypted: Decrypted = alone(fetch_and_decrypt, published, turn)
        of_daemon = processor_seconds(daemon) - before
        compare(setting, decrypted, turn)
        result[name] = {
            "seconds": round(decrypted.seconds, 1),
            "processorSeconds": round(decrypted.processor, 1),
            "daemonProcessorSeconds": round(of_daemon, 1),
            "peakMiB": decrypted.peak_mib,
            "innerProducts": decrypted.inner_products,
            "featureBytes": decrypted.feature_bytes,
        }
    result["daemonPeakMiB"] = peak_mib(str(daemon))
    return result


def processors(part: dict[str, Any]) -> str:
    """What both processes had of the processors: unlike seconds, hardly changed by other work beside."""
    return f"  processor {part['processorSeconds']} s, daemon's {part['daemonProcessorSeconds']} s"


def show(result: dict[str, Any]) -> None:
    """One line a part."""
    print(
        f"{result['data']}: {result['samples']:,} x {result['dimension']}, back end {result['backend']}, "
        f"{result['threads']} threads on {result['cores']} cores"
    )
    size, elements = result["ciphertextBytes"], result["samples"] * (result["dimension"] + 1)
    part = result["encryptAndPublish"]
    print(
        f"  encrypt and publish   {part['seconds']:7.1f} s  {elements / part['seconds']:12,.0f} el/s  "
        f"{size / 1e6:8,.0f} MB of ciphertexts  peak {part['peakMiB']} MiB{processors(part)}"
    )
    titles = {"fetchAndDecrypt": "fetch and decrypt", "againUnderOtherKeys": "again, other keys"}
    for name, title in titles.items():
        if name in result:
            part = result[name]
            rate = part["innerProducts"] / part["seconds"]
            print(
                f"  {title:<21} {part['seconds']:7.1f} s  {rate:12,.0f} ip/s  "
                f"{part['featureBytes'] / 1e6:8,.0f} MB of features     peak {part['peakMiB']} MiB"
                f"{processors(part)}"
            )
    print(f"  IPFS daemon: peak {result['daemonPeakMiB']} MiB")


def main() -> None:
    """Start a daemon, measure, stop it and delete everything."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("data", choices=LAYERS)
    parser.add_argument("--samples", type=int, help="the first so many samples instead of all")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument(
        "--point-cache", type=int, default=0, metavar="MIB", help="keep decoded points; decrypt twice"
    )
    parser.add_argument("--folder", type=Path, help="where to put some GB for a while")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    logging.getLogger("pole").setLevel(logging.WARNING)
    folder = Path(tempfile.mkdtemp(prefix="pole-benchmark-", dir=options.folder))
    network = DevnetSettings(folder / "net", programs_folder(), ipfs_port=free_port(), swarm_port=free_port())
    try:
        daemon = start_ipfs(network)
        if daemon is None:
            raise SystemExit("Another IPFS daemon answers at the port chosen; run this again.")
        setting = Setting(
            options.data, options.samples, options.threads, network.ipfs, folder, options.point_cache
        )
        result = measure(setting, daemon.pid)
    finally:
        stop_devnet(network.folder)
        shutil.rmtree(folder)
    print(json.dumps(result)) if options.json else show(result)


if __name__ == "__main__":
    try:
        main()
    except PoleError as error:
        sys.exit(str(error))
