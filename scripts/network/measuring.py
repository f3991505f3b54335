"""Measures the units of scripts/network/units.json with the real code, in half a minute of one thread."""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scripts.network.kinds import KINDS, Kind
from scripts.network.units import KindUnits, Looks, Units
from tests.unit.adapters.ethereum.test_chain_reader import Contracts, in_round_3
from tests.unit.protocol.example_rounds import TERMS
from tests.unit.protocol.ledger import Ledger

from pole.ipfe import backend, scheme
from pole.learning.evaluation import model_file
from pole.learning.evaluation.canonical import CanonicalModel, evaluate, tensor_shapes
from pole.learning.evaluation.features import FeatureMap
from pole.learning.machine.threads import limit_threads
from pole.protocol.encoding.records import KeysPosted
from pole.protocol.formats.encrypted_set import (
    EncryptedSetManifest,
    Part,
    Shard,
    shard_ref,
    write_manifest,
    write_shard,
)
from pole.protocol.formats.keys import write_functional_keys, write_master_public_key
from pole.protocol.mapping.layer import feature_shape, query_plan
from pole.protocol.models.specification import ModelSpecification
from pole.protocol.replay.history import verify_history
from pole.protocol.state import FileRef, Phase
from pole.roles.publishing.encryption import LABEL_BYTES, POINT_BYTES, SHARD_BYTES

RUNS: Final = 3
VALUES: Final = 200_000
"""Values that are encrypted at a time, some seconds of all code paths."""
ROUNDS: Final = 40
SEED: Final = bytes(32)
CID: Final = "bafkrei" + 52 * "a"


def measured() -> Units:
    """Measure everything on this machine."""
    limit_threads(1)
    return Units(
        machine=f"{_processor()}, one thread, code path {backend.choose().name}",
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        kinds={kind.name: measured_kind(kind) for kind in KINDS},
        looks=measured_looks(),
        log_bytes=_log_bytes(),
        replay_seconds=_replay_seconds(),
    )


def measured_kind(kind: Kind) -> KindUnits:
    """Measure a part of a task of this kind: encryption, decryption, the evaluation of a model, files."""
    specification = kind.specification
    count = max(64, min(kind.train_count, VALUES // specification.columns))
    secret, public = scheme.generate_keys(specification.columns, os.urandom)
    samples = _numbers((count, specification.columns), 256).astype(np.uint8)
    sealed = scheme.encrypt(secret, samples, os.urandom, threads=1)
    plan = query_plan(specification, SEED)
    keys, bound = scheme.derive_keys(secret, plan), scheme.bound_of(plan, 255)
    model = _random_model(specification)
    features = _numbers((kind.test_count, *feature_shape(specification)), 100)
    labels = np.zeros(kind.test_count, dtype=np.int64)
    shard = len(write_shard(Shard(sealed.ct0, sealed.ct, np.zeros(count, dtype=np.uint16))))
    return KindUnits(
        sample_bytes=round(shard / count, 1),
        task_bytes=_task_bytes(kind, len(write_master_public_key(public.points))),
        keys_bytes=len(write_functional_keys(keys.eta, round_id=1, seed=SEED)),
        model_bytes=len(model_file.save(model)),
        encrypt_seconds=_each(count, lambda: scheme.encrypt(secret, samples, os.urandom, threads=1)),
        decrypt_seconds=_each(count, lambda: scheme.decrypt(sealed, plan, keys, bound, threads=1)),
        evaluate_seconds=_each(kind.test_count, lambda: evaluate(model, features, labels)),
    )


def measured_looks() -> Looks:
    """Count the requests of a worker's look at the chain, by what happened since the last one."""
    node = Contracts()
    node.answer("waiting()", ["uint256"], 2)
    reader = in_round_3(node, Phase.TRAINING)

    def requests(change: Callable[[], None]) -> int:
        change()
        before = node.journeys
        reader.moments()
        return node.journeys - before

    def next_block() -> None:
        node.block += 1

    def event() -> None:
        next_block()
        node.record(KeysPosted(3, CID, SEED))

    return Looks(requests(lambda: None), requests(next_block), requests(event))


def _task_bytes(kind: Kind, public_key: int) -> int:
    """Return the bytes of the files beside the shards: specification, master public key, two manifests."""
    specification = kind.specification
    rows = max(1, SHARD_BYTES // ((specification.columns + 1) * POINT_BYTES + LABEL_BYTES))
    manifests = 0
    for part, count in ((Part.TRAIN, kind.train_count), (Part.TEST, kind.test_count)):
        sizes = [min(rows, count - first) for first in range(0, count, rows)]
        manifest = EncryptedSetManifest(
            part=part,
            count=count,
            input_shape=specification.input.shape,
            dimension=specification.columns,
            noise_columns=specification.columns - specification.dimension,
            classes=specification.classes,
            bits=specification.input.bits,
            scale=(1.0,),
            offset=(0.0,),
            master_public_key=FileRef(CID, SEED),
            shards=tuple(shard_ref(CID, b"", size) for size in sizes),
        )
        manifests += len(write_manifest(manifest))
    return len(specification.canonical_bytes()) + public_key + manifests


def _random_model(specification: ModelSpecification) -> CanonicalModel:
    channels = feature_shape(specification)[0]
    scales = FeatureMap(np.zeros(channels, dtype=np.int64), np.full(channels, 0.01, dtype=np.float32))
    shapes = tensor_shapes(specification)
    tensors = {name: _numbers(shape, 100).astype(np.int32) for name, shape in shapes.items()}
    return CanonicalModel(specification, SEED, scales, tensors)


def _numbers(shape: tuple[int, ...], top: int) -> NDArray[np.int64]:
    return np.random.default_rng(1).integers(0, top, shape)


def _each(count: int, action: Callable[[], object]) -> float:
    """Return the median seconds of processor time for one of `count`, after one run that is not counted."""
    action()
    found = []
    for _ in range(RUNS):
        began = time.process_time()
        action()
        found.append((time.process_time() - began) / count)
    return float(f"{statistics.median(found):.3g}")


def _log_bytes() -> int:
    """Return the bytes of an event in an answer of eth_getLogs, without its data."""
    node = Contracts()
    node.record(KeysPosted(3, CID, SEED))
    (log,) = node.logs
    return len(json.dumps(log)) - len(log["data"])


def _replay_seconds() -> float:
    ledger = Ledger()
    for _ in range(ROUNDS):
        ledger.post(TERMS)
        ledger.run()
    history = ledger.history()
    return _each(ROUNDS, lambda: verify_history(history))


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()
