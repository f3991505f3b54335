"""Attacks as shards for other machines, one a shard: samples travel in the clear.

Who mounts an attack sees all known samples, and what answers give away of those that are attacked, which
stay here. Attacks are computed in float64 and float32 as each machine rounds, so results of two machines
mean the same and are not equal to the bit. Both ends run the same sources, so these bytes have no version.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pole.errors import IntegrityError, ShardError
from pole.learning.privacy.disclosure import ATTACKS, AttackAll, Scene, attack
from pole.learning.privacy.views import View, answers
from pole.protocol.formats.tensors import TensorType, read_metadata, read_tensors, write_tensors
from pole.protocol.mapping.plan import QueryPlan
from pole.roles.ports import Shards, WorkShard
from pole.roles.support.slots import LOG, Slots, find_room

WORK: Final = "attack"
FLOAT_BYTES: Final = 8
MAX_VIEWS: Final = 2**12
DIGITS: Final = 10
LEFT_OUT: Final = b""
"""What an attack gives that is too much work for these samples."""

Floats = NDArray[np.float64]


def attacks_beside(shards: Shards) -> AttackAll:
    """Return what mounts all attacks on a scene, one at a time here and others elsewhere.

    What workers fail at is done here. Scenes of over 128 MiB are attacked here alone.
    """

    def attack_all(scene: Scene) -> Mapping[str, Floats | None]:
        def here(name: str) -> Floats | None:
            return attack(name, scene)

        def there(others: Shards, name: str) -> Floats | None:
            try:
                return attack_elsewhere(others, name, scene)
            except (ShardError, IntegrityError) as error:
                LOG.error("%s This machine does the work itself.", error)
                return slots.here(lambda: here(name))

        slots = Slots(1, shards if find_room(_tensors(scene).values()) else None)
        return dict(zip(ATTACKS, slots.run_all(list(ATTACKS), here, there), strict=True))

    return attack_all


def attack_elsewhere(shards: Shards, name: str, scene: Scene) -> Floats | None:
    """Return what a machine of the cluster makes of the first samples (m, D), None for too much work.

    How good that is, is judged here, where the samples are: a worker can make an attack look weaker than it
    is, not stronger. Raises IntegrityError, which names the worker, for a result of another shape or for what
    is no number, and what `shards.run` raises.
    """
    result = shards.run(attack_shard(name, scene))
    if result.content == LEFT_OUT:
        return None
    columns = scene.known.shape[1]
    what = f"result of the worker {result.worker}, a"
    types = {"samples": TensorType("U8", (-1, FLOAT_BYTES * columns))}
    held = read_tensors(result.content, what=what, types=types, metadata={"work": WORK})["samples"]
    found = np.frombuffer(held.tobytes(), "<f8").reshape(-1, columns)
    if len(found) > len(scene.answers) or not np.isfinite(found).all():
        raise IntegrityError(
            f"The worker {result.worker} reconstructed what cannot be samples; take it out of the cluster "
            "and look at it."
        )
    return found


def attack_shard(name: str, scene: Scene) -> WorkShard:
    """Return the shard of one of the ATTACKS on a scene."""
    metadata = {
        "attack": name,
        "largest": str(scene.largest),
        "noise": ",".join(str(view.noise) for view in scene.views),
        "seed": str(scene.seed),
        "steps": str(scene.steps),
        "vectors": ",".join(str(view.plan.vectors.dtype.itemsize) for view in scene.views),
        "work": WORK,
    }
    return WorkShard(WORK, write_tensors(_tensors(scene), metadata))


def _tensors(scene: Scene) -> dict[str, NDArray[Any]]:
    tensors: dict[str, NDArray[Any]] = {"known": scene.known, "answers": scene.answers.astype(np.int64)}
    for number, view in enumerate(scene.views):
        tensors |= {f"windows.{number}": view.plan.windows, f"vectors.{number}": view.plan.vectors}
    return tensors


def mount(content: bytes) -> bytes:
    """Do a shard: mount its attack.

    Raises IntegrityError for other bytes than `attack_shard` makes, InputError where parts do not fit.
    """
    metadata = read_metadata(content, WORK)
    name = metadata.get("attack", "")
    noise, sizes = (_numbers(metadata.get(each, "")) for each in ("noise", "vectors"))
    largest, seed, steps = (_numbers(metadata.get(each, ""))[0] for each in ("largest", "seed", "steps"))
    if name not in ATTACKS or len(noise) != len(sizes) or not set(sizes) <= {1, 2} or not largest:
        raise IntegrityError("A shard of an attack needs its name, views, and the largest value.")
    types = {"known": TensorType("U8", (-1, -1)), "answers": TensorType("I64", (-1, -1))}
    for number, size in enumerate(sizes):
        types[f"windows.{number}"] = TensorType("I32", (-1, -1))
        types[f"vectors.{number}"] = TensorType("U8" if size == 1 else "U16", (-1, -1))
    tensors = read_tensors(content, what=WORK, types=types, metadata=metadata)
    views = tuple(
        View(QueryPlan(tensors[f"windows.{number}"].copy(), tensors[f"vectors.{number}"].copy()), deviation)
        for number, deviation in enumerate(noise)
    )
    known, shown = tensors["known"], tensors["answers"].astype(np.float64)
    known_answers = answers(views, known, np.random.default_rng(seed))
    if known_answers.shape[1] != shown.shape[1]:
        raise IntegrityError("A shard of an attack has other answers than its query vectors give.")
    found = attack(name, Scene(views, known, known_answers, shown, largest, steps, seed))
    if found is None:
        return LEFT_OUT
    held = np.frombuffer(found.astype("<f8").tobytes(), np.uint8).reshape(len(found), -1)
    return write_tensors({"samples": held}, {"work": WORK})


def _numbers(text: str) -> list[int]:
    """Return the whole numbers of a list; raises IntegrityError for what is none."""
    parts = text.split(",")
    if len(parts) > MAX_VIEWS or not all(
        part.isascii() and part.isdecimal() and len(part) < 10 for part in parts
    ):
        raise IntegrityError("A shard of an attack has what is no whole number.")
    return [int(part) for part in parts]
