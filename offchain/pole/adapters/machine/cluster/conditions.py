"""What machines must have in common so that a shard gives the same bytes on each of them."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from math import prod
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pole.ipfe import backend
from pole.ipfe.scheme import MasterPublicKey, bound_of, decrypt, derive_keys, encrypt_with_public_key
from pole.ipfe.scheme import MasterSecretKey as Secret
from pole.learning.evaluation.canonical import CanonicalModel, logits, tensor_shapes
from pole.learning.evaluation.features import FeatureMap
from pole.learning.evaluation.fixed_point import float64_digest
from pole.protocol.mapping.kinds import ConvMapping
from pole.protocol.mapping.layer import feature_shape
from pole.protocol.mapping.plan import QueryPlan
from pole.protocol.models.layers import Conv2d, Flatten, Linear, ReLU
from pole.protocol.models.specification import Input, ModelSpecification
from pole.roles.support.sources import sources_digest

PLAIN: Final = "python"
SHOWN: Final = 12
"""Characters of a digest that tell two of them apart for a person."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a machine computes with.

    `version` and `sources` are PoLe's, the latter a digest; `answers` digests what the kernels of encryption
    and evaluation make of known inputs, `arithmetic` what NumPy makes of float64. `path` is the former's code
    path: each gives the same answers.
    """

    version: str
    sources: str
    answers: str
    arithmetic: str
    path: str

    def report(self) -> dict[str, str]:
        """Return them as they are sent."""
        return asdict(self)


@cache
def conditions() -> Conditions:
    """Return those of this process: it computes for a part of a second. Raises InputError for no back end."""
    return Conditions(version("pole"), sources_digest(), _answers(), float64_digest(), backend.choose().name)


def refusal(own: Conditions, found: Mapping[str, Any], who: str) -> str | None:
    """Return why a machine, called `who`, with `found` conditions gives other bytes, None if it does not."""
    theirs = {name: str(found.get(name, "")) for name in own.report()}
    if (theirs["version"], theirs["sources"]) != (own.version, own.sources):
        return (
            f"{who} runs PoLe {theirs['version'][:SHOWN]} (sources {theirs['sources'][:SHOWN]}), but "
            f"{own.version} (sources {own.sources[:SHOWN]}) is needed: install the same on all machines."
        )
    if theirs["answers"] != own.answers:
        return (
            f"{who} encrypts, decrypts or evaluates known samples to other bytes, by the code path "
            f"{theirs['path'][:SHOWN]}: build PoLe anew there, and check its memory and processor."
        )
    if theirs["arithmetic"] != own.arithmetic:
        return (
            f"{who} does not compute with float64 as IEEE 754 asks: unset there what makes NumPy's library "
            "compute with less."
        )
    return None


def slowness(found: Conditions) -> str | None:
    """Return why a machine is too slow to be a worker, None if it is not."""
    if found.path != PLAIN:
        return None
    return f"This worker would hold the others up. {backend.describe()}"


def _answers() -> str:
    """Return a digest of known samples encrypted with the public key, decrypted, and evaluated."""
    scalars = np.zeros((4, 32), dtype=np.uint8)
    scalars[:, :31] = np.arange(124, dtype=np.uint8).reshape(4, 31)
    secret = Secret(scalars)
    public = MasterPublicKey(backend.choose().base_multiples(scalars))
    values = np.array([[0, 1, 2, 3], [255, 254, 253, 252]], dtype=np.uint8)
    sealed = encrypt_with_public_key(public, values, lambda count: bytes(i % 251 for i in range(count)))
    plan = QueryPlan(np.array([[0, 1], [2, 3]], dtype=np.int32), np.array([[1, 2], [3, 255]], dtype=np.uint8))
    opened = decrypt(sealed, plan, derive_keys(secret, plan), bound_of(plan, 255))
    read = _read_known_samples().astype("<i8")
    parts = (public.points, sealed.ct0, sealed.ct, opened.values.astype("<i8"), opened.bad, read)
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


def _read_known_samples() -> NDArray[np.int64]:
    """Return the logits of a small model whose layers have code paths of their own."""
    specification = ModelSpecification(
        input=Input(shape=(1, 12, 12), bits=8),
        mapping=ConvMapping(bits=3, queries=4, kernel=(3, 3)),
        graph=(
            Conv2d(name="filters", out_channels=32, kernel_size=3, padding=1),
            ReLU(name="relu"),
            Flatten(name="flat"),
            Linear(name="logits", out_features=16),
        ),
        classes=16,
        max_parameters=2**16,
        max_bytes=2**20,
    )
    tensors = {
        name: (np.arange(prod(shape)) * 7919 % 401 - 200).astype(np.int32).reshape(shape)
        for name, shape in tensor_shapes(specification).items()
    }
    channels = feature_shape(specification)
    scale = FeatureMap(
        np.full(channels[0], 900, dtype=np.int64), np.full(channels[0], 2.0**-8, dtype=np.float32)
    )
    features = np.arange(2 * prod(channels), dtype=np.int64).reshape(2, *channels) * 7919 % 2000
    return logits(CanonicalModel(specification, bytes(32), scale, tensors), features)
