"""Canonical logits, bit for bit, by NumPy and by torch: other libraries, batches, threads and devices."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pole.learning.evaluation.canonical import CanonicalModel, logits, tensor_shapes
from pole.learning.evaluation.features import FeatureMap
from pole.learning.evaluation.fixed_point import CLAMP
from pole.protocol.mapping.kinds import ConvMapping
from pole.protocol.mapping.layer import feature_shape
from pole.protocol.models.layers import BatchNorm2d, Conv2d, Flatten, Linear, MaxPool2d, ReLU
from pole.protocol.models.specification import Input, ModelSpecification, check_specification

SPEC = ModelSpecification(
    input=Input(shape=(3, 16, 16), bits=8),
    mapping=ConvMapping(bits=3, queries=2, kernel=(3, 3)),
    graph=(
        Conv2d(name="a", out_channels=32, kernel_size=3, padding=1, bias=False),
        BatchNorm2d(name="a_norm"),
        ReLU(name="a_relu"),
        MaxPool2d(name="a_pool", kernel_size=2),
        Conv2d(name="b", out_channels=48, kernel_size=3, padding=1),
        ReLU(name="b_relu"),
        MaxPool2d(name="b_pool", kernel_size=2),
        Flatten(name="flat"),
        Linear(name="hidden", out_features=64),
        ReLU(name="hidden_relu"),
        Linear(name="logits", out_features=10),
    ),
    classes=10,
    max_parameters=1_000_000,
    max_bytes=10_000_000,
)
check_specification(SPEC)
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
SAMPLES = 53


def random_model() -> CanonicalModel:
    random = np.random.default_rng(11)
    channels = feature_shape(SPEC)[0]
    tensors = {
        name: random.integers(-500, 500, shape, dtype=np.int32) for name, shape in tensor_shapes(SPEC).items()
    }
    scale = random.uniform(0.001, 0.01, channels).astype(np.float32)
    return CanonicalModel(
        SPEC, bytes(32), FeatureMap(random.integers(0, 1000, channels, dtype=np.int64), scale), tensors
    )


MODEL = random_model()
FEATURES = np.random.default_rng(12).integers(0, 5000, (SAMPLES, *feature_shape(SPEC)))
EXPECTED = logits(MODEL, FEATURES)


def rounded(sums: Tensor) -> Tensor:
    return (sums / 4096).round().clamp(-CLAMP, CLAMP)


def by_torch(
    features: NDArray[np.int64], device: str, convolve: Callable[[Tensor, Tensor], Tensor]
) -> NDArray[np.int64]:
    """The same network in float64 by torch."""

    def tensor(name: str) -> Tensor:
        return torch.from_numpy(MODEL.tensors[name].astype(np.float64)).to(device)

    values = torch.from_numpy(MODEL.feature_map.apply(features)).to(device)
    for name in ("a", "b"):
        sums = convolve(values, tensor(f"{name}.weight")) + (tensor(f"{name}.bias") * 1024).view(1, -1, 1, 1)
        values = functional.max_pool2d(rounded(sums).relu(), 2)
    values = values.flatten(1)
    values = rounded(values @ tensor("hidden.weight").T + tensor("hidden.bias") * 1024).relu()
    values = rounded(values @ tensor("logits.weight").T + tensor("logits.bias") * 1024)
    return values.cpu().numpy().astype(np.int64)


def by_convolution(values: Tensor, weight: Tensor) -> Tensor:
    return functional.conv2d(values, weight, padding=1)


def by_patches(values: Tensor, weight: Tensor) -> Tensor:
    patches = functional.unfold(values, 3, padding=1)
    return (weight.flatten(1) @ patches).view(len(values), len(weight), *values.shape[2:])


def by_shifted_sums(values: Tensor, weight: Tensor) -> Tensor:
    """The nine places of the filter one after the other, the last one first: another order of the sum."""
    padded = functional.pad(values, (1, 1, 1, 1))
    height, width = values.shape[2:]
    total = torch.zeros((), dtype=torch.float64, device=values.device)
    for row in (2, 1, 0):
        for column in (2, 1, 0):
            part = padded[:, :, row : row + height, column : column + width].flip(1)
            total = total + torch.einsum("nchw,oc->nohw", part, weight[:, :, row, column].flip(1))
    return total


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("convolve", [by_convolution, by_patches, by_shifted_sums])
def test_torch_gets_the_same_logits_on_any_device_with_any_thread_count(
    device: str, threads: int, convolve: Callable[[Tensor, Tensor], Tensor]
) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    found = by_torch(FEATURES, device, convolve)
    torch.set_num_threads(before)
    assert np.array_equal(found, EXPECTED)


@pytest.mark.parametrize("size", [1, 7, 32, SAMPLES])
def test_batches_of_any_size_get_the_same_logits(size: int) -> None:
    bounds = [*range(0, SAMPLES, size), SAMPLES]
    parts = [logits(MODEL, FEATURES[start:end]) for start, end in pairwise(bounds)]
    assert np.array_equal(np.concatenate(parts), EXPECTED)


def test_the_logits_are_no_trivial_ones() -> None:
    assert len(np.unique(EXPECTED)) > SAMPLES
    assert np.abs(EXPECTED).max() < CLAMP
