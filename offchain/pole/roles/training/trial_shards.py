"""Trials of training settings as shards for other machines: features and labels, as every miner has them.

A trial that trains elsewhere has the time that it has here, on a machine that may be faster or slower. Both
ends run the same sources, so these bytes have no version.
"""

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from pole.errors import IntegrityError, ShardError
from pole.learning.machine.threads import never
from pole.learning.training.recipe import TrainingSettings
from pole.learning.training.search import Trial, TrialBench, try_settings
from pole.learning.training.stopping import StopRule
from pole.learning.training.training import pick_device
from pole.learning.training.training_data import TrainingTask
from pole.protocol.formats.tensors import TensorType, read_metadata, read_tensors, write_tensors
from pole.protocol.mapping.layer import feature_shape
from pole.protocol.models.specification import parse_specification
from pole.roles.ports import MAX_SHARD_BYTES, Shards, WorkShard
from pole.roles.receiving.feature_files import KINDS, with_kind
from pole.roles.support.slots import LOG, Slots

WORK: Final = "trial"
MAX_SECONDS: Final = 86_400.0
SETTINGS: Final = TypeAdapter(TrainingSettings)


def trials_beside(shards: Shards, task: TrainingTask) -> TrialBench:
    """Return where trials of a task are made: one at a time here, others elsewhere.

    What workers fail at is tried here, and so is everything where the samples are over 64 MiB.
    """
    is_too_large = task.features.nbytes + 8 * len(task.labels) > MAX_SHARD_BYTES // 2
    slots = Slots(1, None if is_too_large else shards)

    def score(trial: Trial, here: Callable[[], int]) -> int:
        def there(others: Shards) -> int:
            try:
                return try_elsewhere(others, trial)
            except (ShardError, IntegrityError) as error:
                LOG.error("%s This machine does the work itself.", error)
                return slots.here(here)

        return slots.run(here, there)

    return TrialBench(slots.count, score)


def try_elsewhere(shards: Shards, trial: Trial) -> int:
    """Return how many unseen labels settings got right on a machine of the cluster: see `try_settings`.

    Only its range is checked: raises IntegrityError, which names the worker, where it is wrong. Raises what
    `shards.run` raises.
    """
    result = shards.run(trial_shard(trial))
    what = f"result of the worker {result.worker}, a"
    types = {"correct": TensorType("I64", (1,))}
    correct = int(read_tensors(result.content, what=what, types=types, metadata={"work": WORK})["correct"][0])
    if not 0 <= correct <= len(trial.unseen.labels):
        raise IntegrityError(
            f"The worker {result.worker} counted {correct} of {len(trial.unseen.labels)} labels; take it out "
            "of the cluster and look at it."
        )
    return correct


def trial_shard(trial: Trial) -> WorkShard:
    """Return the shard of a trial."""
    task = trial.learned
    features, kind = with_kind(task.features)
    tensors: dict[str, NDArray[Any]] = {
        "features": features,
        "labels": task.labels.astype(np.int64),
        "unseen": trial.unseen.features.astype(features.dtype),
        "unseen.labels": trial.unseen.labels.astype(np.int64),
    }
    metadata = {
        "features": kind,
        "random": str(trial.random_seed),
        "seconds": repr(min(trial.seconds, MAX_SECONDS)),
        "seed": task.seed.hex(),
        "settings": json.dumps(asdict(task.settings), sort_keys=True),
        "specification": task.specification.canonical_bytes().decode(),
        "work": WORK,
    }
    return WorkShard(WORK, write_tensors(tensors, metadata))


def try_out(content: bytes) -> bytes:
    """Do a shard: train with its settings, on a GPU where there is one, and count unseen labels.

    Raises IntegrityError for other bytes than `trial_shard` makes, InputError where parts do not fit.
    """
    trial = _read_trial(content)
    rule = StopRule(0, time.monotonic() + trial.seconds, time.monotonic, never)
    correct = try_settings(trial.learned, trial.unseen, rule, trial.random_seed, pick_device())
    return write_tensors({"correct": np.array([correct], dtype=np.int64)}, {"work": WORK})


def _read_trial(content: bytes) -> Trial:
    metadata = read_metadata(content, WORK)
    specification = parse_specification(metadata.get("specification", "").encode())
    kind, shape = metadata.get("features", ""), (-1, *feature_shape(specification))
    if kind not in KINDS:
        raise IntegrityError("A shard of a trial needs the type of its features.")
    types = {
        "features": TensorType(kind, shape),
        "labels": TensorType("I64", (-1,)),
        "unseen": TensorType(kind, shape),
        "unseen.labels": TensorType("I64", (-1,)),
    }
    tensors = read_tensors(content, what=WORK, types=types, metadata=metadata)
    try:
        settings = SETTINGS.validate_json(metadata.get("settings", ""))
        seconds, random_seed = float(metadata.get("seconds", "")), int(metadata.get("random", ""))
        seed = bytes.fromhex(metadata.get("seed", ""))
    except (ValueError, ValidationError) as error:
        raise IntegrityError(f"A shard of a trial has settings that cannot be read: {error}.") from error
    if not 0 <= seconds <= MAX_SECONDS or math.isnan(seconds):
        raise IntegrityError(f"A shard of a trial asks for {seconds} seconds.")
    learned, unseen = (
        TrainingTask(specification, seed, tensors[features].copy(), tensors[labels].copy(), settings)
        for features, labels in (("features", "labels"), ("unseen", "unseen.labels"))
    )
    _require_fit(learned)
    _require_fit(unseen)
    return Trial(learned, unseen, seconds, random_seed)


def _require_fit(task: TrainingTask) -> None:
    labels = task.labels
    if len(labels) != len(task.features) or labels.min() < 0 or labels.max() >= task.specification.classes:
        raise IntegrityError("A shard of a trial has samples whose labels do not fit.")
