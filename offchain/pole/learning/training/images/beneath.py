"""The samples beneath a `conv` mapping layer that shows them whole, and what leads from them to features.

Filters are not symmetric, so a mirrored image of features is not that of a mirrored sample, and a network
that learns from it learns what it never meets. Several filters at each place say more than one value: then a
miner can compute the samples, change those, and map them again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pole.errors import AbandonedError
from pole.learning.evaluation.features import FeatureMap, batches
from pole.learning.evaluation.fixed_point import Floats
from pole.learning.machine.threads import Stop, never
from pole.protocol.mapping.kinds import ConvMapping, as_image
from pole.protocol.mapping.layer import data_plan
from pole.protocol.models.specification import ModelSpecification

MAXIMUM_EQUATIONS: Final = 2**24
"""Coefficients of a channel's equations: larger ones take longer to solve than their solution is worth."""

SMALLEST_EIGENVALUE: Final = 1e-10
"""Of the equations, as a part of the largest: below it several images may have the same answers."""


@dataclass(frozen=True, slots=True, eq=False)
class LayerAbove:
    """The way from centred samples (n, C, H, W) to a network's inputs (n, C * L, H', W'), in float32.

    `mean` (C, 1, 1) is added to the samples; then comes the mapping layer, normalised and whitened: one
    convolution with `weight` (C * L, C, height, width) and `bias` (C * L,), and `padding` zeros around.
    """

    mean: Tensor
    weight: Tensor
    bias: Tensor
    padding: tuple[int, int]

    def __call__(self, samples: Tensor) -> Tensor:
        """Return the inputs."""
        return functional.conv2d(samples + self.mean, self.weight, self.bias, padding=self.padding)

    def on(self, device: torch.device) -> "LayerAbove":
        """Return it on a device."""
        mean, weight, bias = (each.to(device) for each in self.tensors)
        return LayerAbove(mean, weight, bias, self.padding)

    @property
    def tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return all of it that a specification does not say."""
        return self.mean, self.weight, self.bias


@dataclass(frozen=True, slots=True, eq=False)
class Beneath:
    """Samples (n, C, H, W) as whole numbers, and what maps them: the filters (L, 1, height, width)."""

    samples: NDArray[np.float32]
    filters: Tensor
    padding: tuple[int, int]


def samples_beneath(
    features: NDArray[np.integer[Any]],
    specification: ModelSpecification,
    seed: bytes,
    stop: Stop = never,
) -> Beneath | None:
    """Return the samples of features (n, C * L, H', W') under a seed.

    None where the layer does not show them whole, which is known for certain: what is found is mapped again
    and compared. Raises AbandonedError when `stop` says so.
    """
    mapping, image = specification.mapping, specification.input.shape
    if not isinstance(mapping, ConvMapping) or mapping.noise:
        return None
    channels, height, width = as_image(image)
    if height * width * mapping.queries * prod(features.shape[2:]) > MAXIMUM_EQUATIONS:
        return None
    vectors = data_plan(specification, seed).vectors.astype(np.float64)
    filters = torch.from_numpy(vectors).reshape(len(vectors), 1, *mapping.kernel)
    padding = padding_of(specification)
    solve = _solver(filters, padding, (height, width))
    if solve is None:
        return None
    samples = np.empty((len(features), channels, height, width), np.float32)
    for rows in batches(len(features), features[0].size):
        if stop():
            raise AbandonedError("The training was stopped before it had a model.")
        answers = torch.from_numpy(features[rows].astype(np.float64))
        answers = answers.reshape(-1, len(filters), *features.shape[2:])
        found = solve(answers)
        # Whole numbers far below 2^53: exact in float64 in any order.
        if not torch.equal(functional.conv2d(found, filters, padding=padding), answers):
            return None
        samples[rows] = found.reshape(-1, channels, height, width).numpy()
    return Beneath(samples, filters, padding)


def _solver(
    filters: Tensor, padding: tuple[int, int], side: tuple[int, int]
) -> Callable[[Tensor], Tensor] | None:
    """Return what gives whole images (n, 1, H, W) for their answers (n, L, H', W'), and some for any others.

    None where several images have the same answers.
    """
    single = torch.eye(prod(side), dtype=torch.float64).reshape(-1, 1, *side)
    answers = functional.conv2d(single, filters, padding=padding).flatten(1)
    gram = answers @ answers.T
    eigenvalues = torch.linalg.eigvalsh(gram)
    if eigenvalues[0] < SMALLEST_EIGENVALUE * eigenvalues[-1]:
        return None
    factor = torch.linalg.cholesky(gram)

    def solve(answers: Tensor) -> Tensor:
        moments = functional.conv_transpose2d(answers, filters, padding=padding)
        solved = torch.cholesky_solve(moments.flatten(1).T, factor)
        return solved.T.round().reshape(moments.shape)

    return solve


def layer_above(
    beneath: Beneath, feature_map: FeatureMap, whitening: Floats | None, mean: NDArray[np.float32]
) -> LayerAbove:
    """Return the layer over samples less their `mean` (C, 1, 1), as a network sees their features."""
    own = beneath.filters.numpy()
    channels, queries = len(mean), len(own)
    weight = np.zeros((channels, queries, channels, *own.shape[2:]))
    for channel in range(channels):
        weight[channel, :, channel] = own[:, 0]
    scale = feature_map.scale.astype(np.float64)
    weight = weight.reshape(channels * queries, *weight.shape[2:]) * scale.reshape(-1, 1, 1, 1)
    bias = -scale * feature_map.offset
    if whitening is not None:
        weight, bias = np.tensordot(whitening, weight, axes=(1, 0)), whitening @ bias
    first, second, third = (torch.from_numpy(np.asarray(each, np.float32)) for each in (mean, weight, bias))
    return LayerAbove(first, second, third, beneath.padding)


def padding_of(specification: ModelSpecification) -> tuple[int, int]:
    """Return how many zeros a `conv` mapping layer puts around an image, each way."""
    mapping = specification.mapping
    if not isinstance(mapping, ConvMapping) or mapping.padding == "valid":
        return 0, 0
    return mapping.kernel[0] // 2, mapping.kernel[1] // 2
