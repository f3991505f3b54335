"""Evaluation as shards for other machines: a model's file, and the features of some samples.

Both are what every member of a committee has. Labels stay here, where predictions are counted. Both ends run
the same sources, so these bytes have no version.
"""

import re
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pole.errors import IntegrityError, ShardError
from pole.learning.evaluation import model_file
from pole.learning.evaluation.arrays import PROCESSOR, Place
from pole.learning.evaluation.canonical import CanonicalModel, read_samples
from pole.learning.evaluation.features import batches
from pole.learning.machine.threads import Stop
from pole.protocol.formats.tensors import (
    MAX_HEADER_BYTES,
    TensorType,
    read_metadata,
    read_tensors,
    write_tensors,
)
from pole.protocol.mapping.layer import feature_shape
from pole.protocol.models.specification import ModelSpecification, parse_specification
from pole.protocol.models.work import evaluation_work
from pole.roles.ports import MAX_SHARD_BYTES, Shards, WorkShard
from pole.roles.receiving.feature_files import KINDS, with_kind
from pole.roles.support.slots import LOG, Others, Slots

WORK: Final = "evaluation"
SHARD_WORK: Final = 2**35
"""Multiplications of a shard at least: half a second of one thread."""
WORK_OF_A_BYTE: Final = 2**12
"""Multiplications of a shard for each byte of it at least.

A byte's way to a worker takes as long as a third of them, as docs/scaling.md measures.
"""
CHECKED: Final = 32
"""Of so many rows that another machine read, one is read here too."""

_SEED: Final = re.compile("[0-9a-f]{64}")

Features = NDArray[np.integer[Any]]
Readings = NDArray[np.int64]


def read_beside(
    others: Others, model: CanonicalModel, features: Features, place: Place, stop: Stop
) -> Readings:
    """Return what `read_samples` gives of features (n, ...), some of it read by other machines.

    Where a row that is read here again differs, or workers fail, all rows are read here: a single false one
    makes a vote false. Raises AbandonedError when `stop` says so.
    """
    rows = rows_of_a_shard(model.specification, len(model_file.save(model)), features)
    # A cluster that is away is asked for a minute, and for nothing where the work stays here.
    slots = Slots(1, others.shards if 0 < rows < len(features) else None)
    if slots.count == 1:
        return read_samples(model, features, place, stop)

    def here(part: slice) -> Readings:
        return read_samples(model, features[part], place, stop)

    def there(shards: Shards, part: slice) -> Readings:
        checked = others.rows_to_check(part.stop - part.start, CHECKED)
        return read_elsewhere(shards, model, features[part], checked, place)

    try:
        return np.concatenate(slots.run_all(list(batches(len(features), 1, rows)), here, there, stop))
    except (ShardError, IntegrityError) as error:
        LOG.error("%s This machine does the work itself.", error)
        return read_samples(model, features, place, stop)


def read_elsewhere(
    shards: Shards,
    model: CanonicalModel,
    features: Features,
    checked: NDArray[np.intp],
    place: Place = PROCESSOR,
) -> Readings:
    """Return what `read_samples` gives of features (n, ...), as a machine of the cluster read them.

    The rows `checked` are read here too: raises IntegrityError, which names the worker, where one differs, or
    where the result has another shape or range. Raises what `shards.run` raises.
    """
    result = shards.run(evaluation_shard(model, features))
    types = {"readings": TensorType("I64", (len(features),))}
    what = f"result of the worker {result.worker}, a"
    found = read_tensors(result.content, what=what, types=types, metadata={"work": WORK})["readings"]
    classes = model.specification.classes
    in_range = model.specification.metric == "auc" or (found.min() >= 0 and found.max() < classes)
    if not in_range or not np.array_equal(found[checked], read_samples(model, features[checked], place)):
        raise IntegrityError(
            f"The worker {result.worker} evaluated a model to other predictions than this machine does; take "
            "it out of the cluster and look at it."
        )
    return found


def evaluation_shard(model: CanonicalModel, features: Features) -> WorkShard:
    """Return the shard of some samples' features (n, ...)."""
    held, kind = with_kind(features)
    tensors: dict[str, NDArray[Any]] = {
        "features": held,
        "model": np.frombuffer(model_file.save(model), np.uint8),
    }
    document = model.specification.canonical_bytes().decode()
    return WorkShard(WORK, write_tensors(tensors, _metadata(kind, model.seed.hex(), document)))


def evaluate_rows(content: bytes) -> bytes:
    """Do a shard: read its samples' features by the model that it brings.

    Raises IntegrityError for other bytes than `evaluation_shard` makes, InputError where parts do not fit.
    """
    found = read_metadata(content, WORK)
    kind, seed, document = (found.get(name, "") for name in ("features", "seed", "specification"))
    if kind not in KINDS or not _SEED.fullmatch(seed):
        raise IntegrityError("A shard of evaluation needs the type of its features, and a seed.")
    specification = parse_specification(document.encode())
    types = {
        "features": TensorType(kind, (-1, *feature_shape(specification))),
        "model": TensorType("U8", (-1,)),
    }
    tensors = read_tensors(content, what=WORK, types=types, metadata=_metadata(kind, seed, document))
    model = model_file.load(tensors["model"].tobytes(), specification, bytes.fromhex(seed))
    # Whole numbers are read where they are aligned, which views of a file are not.
    found_here = read_samples(model, tensors["features"].copy())
    return write_tensors({"readings": found_here}, {"work": WORK})


def rows_of_a_shard(specification: ModelSpecification, model_bytes: int, features: Features) -> int:
    """Return how many samples are worth a way to another machine, with the model.

    That is 0 where a network does too little with a byte of features, or where so many find no room.
    """
    a_row = features[0].nbytes
    gained = evaluation_work(specification) - WORK_OF_A_BYTE * a_row
    if gained <= 0:
        return 0
    wanted = -(-max(SHARD_WORK, WORK_OF_A_BYTE * model_bytes) // gained)
    room = MAX_SHARD_BYTES - model_bytes - MAX_HEADER_BYTES
    return wanted if wanted * a_row <= room else 0


def _metadata(kind: str, seed: str, document: str) -> dict[str, str]:
    return {"features": kind, "seed": seed, "specification": document, "work": WORK}
