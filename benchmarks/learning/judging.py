"""How long a counted multiplication takes when a model is judged: python -m benchmarks.learning.judging.

Claim: with the counts of pole.protocol.models.work, one core needs at most 0.4 ns for each in every example
of a specification and for decryption, and at most 1 ns in any layer: so a deployment may set judgingSpeed to
10^9 multiplications a second. n: medians of 5 runs in processor seconds of one thread, after one that is not
counted; the spread is half the distance between the slowest and the fastest. Models and samples are random.
Hardware: one core of whatever it runs on.
"""

import os
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from math import prod

import numpy as np
from numpy.typing import NDArray
from scripts.contracts.sources import ROOT

from pole.ipfe import scheme
from pole.learning.evaluation import layers as exact
from pole.learning.evaluation.canonical import CanonicalModel, evaluate, tensor_shapes
from pole.learning.evaluation.features import FeatureMap
from pole.learning.machine.threads import limit_threads
from pole.protocol.mapping.kinds import BlocksMapping, ConvMapping, LinearMapping, Mapping, Shape
from pole.protocol.mapping.layer import feature_shape, query_plan
from pole.protocol.models import layers as kinds
from pole.protocol.models.graph import count_activations
from pole.protocol.models.layers import Layer
from pole.protocol.models.shapes import multiplication_count, output_shape
from pole.protocol.models.specification import (
    MAX_MODEL_BYTES,
    MAX_PARAMETERS,
    Input,
    ModelSpecification,
    parse_specification,
)
from pole.protocol.models.work import decryption_work, evaluation_work

RUNS = 5
VALUES_AT_ONCE = 2**22
CELLS_AT_ONCE = 2**25
SEED = bytes(32)

LAYERS: tuple[tuple[Layer, Shape], ...] = (
    (kinds.Linear(name="a", out_features=4), (4,)),
    (kinds.Linear(name="a", out_features=512), (512,)),
    (kinds.Linear(name="a", out_features=64), (64, 64)),
    (kinds.Linear(name="a", out_features=1), (4096,)),
    (kinds.Conv2d(name="a", out_channels=16, kernel_size=3, padding=1), (3, 32, 32)),
    (kinds.Conv2d(name="a", out_channels=64, kernel_size=3, padding=1), (64, 16, 16)),
    (kinds.Conv2d(name="a", out_channels=1, kernel_size=1), (16, 64, 64)),
    (kinds.Conv2d(name="a", out_channels=1, kernel_size=32), (1, 64, 64)),
    (kinds.MultiheadAttention(name="a", num_heads=4), (4, 64)),
    (kinds.MultiheadAttention(name="a", num_heads=8), (256, 64)),
    (kinds.MultiheadAttention(name="a", num_heads=64), (256, 64)),
    (kinds.MaxPool2d(name="a", kernel_size=2), (16, 32, 32)),
    (kinds.MaxPool2d(name="a", kernel_size=32, stride=1), (1, 64, 64)),
    (kinds.AvgPool2d(name="a", kernel_size=8), (16, 32, 32)),
    (kinds.BatchNorm2d(name="a"), (16, 32, 32)),
    (kinds.LayerNorm(name="a"), (1024,)),
    (kinds.LayerNorm(name="a"), (4096, 4)),
    (kinds.Position(name="a"), (1024,)),
    (kinds.Mean(name="a"), (256, 64)),
    (kinds.Mean(name="a"), (4096, 4)),
    (kinds.ReLU(name="a"), (1024,)),
    (kinds.LeakyReLU(name="a"), (1024,)),
    (kinds.Sigmoid(name="a"), (1024,)),
    (kinds.Tanh(name="a"), (1024,)),
    (kinds.GELU(name="a"), (1024,)),
    (kinds.Add(name="a"), (1024,)),
    (kinds.Concat(name="a"), (1024,)),
)
MAPPINGS: tuple[tuple[Mapping, Shape], ...] = (
    (LinearMapping(bits=3, queries=8), (16,)),
    (LinearMapping(bits=3, queries=32), (28, 28)),
    (LinearMapping(bits=3, queries=128), (28, 28)),
    (BlocksMapping(bits=3, queries=32, tile=(14, 14)), (28, 28)),
    (ConvMapping(bits=3, queries=1, kernel=(3, 3), padding="valid"), (3, 32, 32)),
)


def show(what: str, counted: int, action: Callable[[], object]) -> None:
    """Print what one run takes for each counted multiplication."""
    action()
    found = []
    for _ in range(RUNS):
        began = time.process_time()
        action()
        found.append((time.process_time() - began) / counted * 1e9)
    median = statistics.median(found)
    spread = (max(found) - min(found)) / 2 / median
    print(f"{what:<44} {counted:>14,} {median:>8.3f} ns ±{spread:>4.0%}", flush=True)


def of_layers() -> Iterator[tuple[str, int, Callable[[], object]]]:
    """Each layer by itself, on as many samples as an evaluation takes at once."""
    for layer, shape in LAYERS:
        # Add and Concat read two.
        shapes = (shape,) * (2 if isinstance(layer, kinds.Add | kinds.Concat) else 1)
        out = output_shape(layer, shapes)
        cells = prod(out) * getattr(layer, "kernel_size", 1) ** 2
        count = max(1, min(2000, VALUES_AT_ONCE // (prod(shape) + prod(out)), CELLS_AT_ONCE // cells))
        if isinstance(layer, kinds.MultiheadAttention):
            count = max(1, min(count, VALUES_AT_ONCE // (layer.num_heads * shape[0] ** 2)))
        inputs = [whole((count, *each)).astype(np.float64) for each in shapes]
        tensors = {f"a.{name}": whole(size).astype(np.float64) for name, size in parts(layer, shape).items()}
        name = f"{layer.op} {'x'.join(map(str, shape))} to {'x'.join(map(str, out))}"
        work = count * multiplication_count(layer, shapes, out)
        yield name, work, partial(exact.apply, layer, inputs, tensors)


def parts(layer: Layer, shape: Shape) -> dict[str, Shape]:
    match layer:
        case kinds.Linear():
            return {"weight": (layer.out_features, shape[-1]), "bias": (layer.out_features,)}
        case kinds.Conv2d():
            return {"weight": (layer.out_channels, shape[0], layer.kernel_size, layer.kernel_size)}
        case kinds.MultiheadAttention():
            width = shape[1]
            weights = {"in_proj_weight": (3 * width, width), "out_proj_weight": (width, width)}
            return {**weights, "in_proj_bias": (3 * width,), "out_proj_bias": (width,)}
        case kinds.BatchNorm1d() | kinds.BatchNorm2d():
            return {"scale": shape[:1], "shift": shape[:1]}
        case kinds.LayerNorm():
            return {"scale": shape[-1:], "shift": shape[-1:]}
        case kinds.Position():
            return {"position": shape}
    return {}


def of_examples() -> Iterator[tuple[str, int, Callable[[], object]]]:
    """The evaluation of a model of every example."""
    for path in sorted((ROOT / "examples").glob("*.json")):
        specification = parse_specification(path.read_bytes())
        count = min(5000, 2**25 // count_activations(specification.nodes()))
        model, shape = random_model(specification), feature_shape(specification)
        features, labels = whole((count, *shape)), np.zeros(count, dtype=np.int64)
        work = count * evaluation_work(specification)
        yield path.stem, work, partial(evaluate, model, features, labels)


def random_model(specification: ModelSpecification) -> CanonicalModel:
    channels = feature_shape(specification)[0]
    features = FeatureMap(np.zeros(channels, dtype=np.int64), np.full(channels, 0.01, dtype=np.float32))
    tensors = {name: whole(shape).astype(np.int32) for name, shape in tensor_shapes(specification).items()}
    return CanonicalModel(specification, SEED, features, tensors)


def of_decryption() -> Iterator[tuple[str, int, Callable[[], object]]]:
    """Decryption from points as they come from IPFS, by the fastest kernel of this machine."""
    for mapping, shape in MAPPINGS:
        specification = ModelSpecification(
            input=Input(shape=shape, bits=8),
            mapping=mapping,
            graph=(kinds.Flatten(name="row"), kinds.Linear(name="logits", out_features=2)),
            classes=2,
            max_parameters=MAX_PARAMETERS,
            max_bytes=MAX_MODEL_BYTES,
        )
        plan, count = query_plan(specification, SEED), 64
        secret, _ = scheme.generate_keys(specification.columns, os.urandom)
        keys, bound = scheme.derive_keys(secret, plan), scheme.bound_of(plan, 255)
        samples = np.random.default_rng(2).integers(0, 256, (count, specification.dimension)).astype(np.uint8)
        sealed = scheme.encrypt(secret, samples, os.urandom, threads=1)
        name = f"decrypt {'x'.join(map(str, shape))} {mapping.kind} {mapping.queries}"
        work = count * decryption_work(specification)
        yield name, work, partial(scheme.decrypt, sealed, plan, keys, bound, threads=1)


def whole(shape: Shape) -> NDArray[np.int64]:
    return np.random.default_rng(1).integers(-50, 51, shape)


def main() -> None:
    limit_threads(1)
    print(f"{'what':<44} {'counted':>14} {'each':>11} spread")
    for rows in (of_layers(), of_examples(), of_decryption()):
        for row in rows:
            show(*row)


if __name__ == "__main__":
    main()
