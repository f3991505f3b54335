"""Features made anew for every batch, so that a network does not learn them by heart."""

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from pole.learning.training.recipe import TrainingSettings

GOLDEN: Final = 0x9E3779B97F4A7C15 - 2**64
"""2^64 by the golden ratio, as an int64: its multiples modulo 2^64 are negative for half of all numbers."""


def augmented(inputs: Tensor, settings: TrainingSettings, *, rows: Tensor, epoch: int) -> Tensor:
    """Return a batch of whitened features, changed as the settings say: (n, F) or (n, C, H, W).

    `rows` are the samples' numbers, int64 (n,). Images of the `conv` mapping layer are changed after it. That
    is not quite what changing the samples before it would give, because of the padding, whose edge is
    mirrored here, and because the filters are not symmetric.
    """
    if inputs.ndim == 2:
        return inputs + settings.noise * torch.randn_like(inputs) if settings.noise > 0 else inputs
    if settings.shift > 0:
        inputs = _shifted(inputs, min(settings.shift, min(inputs.shape[2:]) - 1))
    if settings.flip:
        mirrored = is_mirrored(rows, epoch).view(-1, 1, 1, 1)
        inputs = torch.where(mirrored, inputs.flip(3), inputs)
    if settings.cutout > 0:
        inputs = inputs.masked_fill(_squares(inputs, settings.cutout), 0.0)
    return inputs


def is_mirrored(rows: Tensor, epoch: int) -> Tensor:
    """Return whether each sample, int64 (n,), is mirrored in an epoch: half are, in the next one the others.

    A network sees each image both ways in two epochs, and none twice the same way, from which it learns more
    than by chance (Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", 2024, section 3.6).
    """
    return (rows * GOLDEN < 0) ^ bool(epoch % 2)


def _shifted(images: Tensor, maximum: int) -> Tensor:
    """Return each image moved by -most .. most pixels down and right, on its own."""
    height, width = images.shape[2:]
    padded = functional.pad(images, (maximum, maximum, maximum, maximum), mode="reflect")
    top, left = torch.randint(2 * maximum + 1, (2, len(images)), device=images.device)
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)
    return windows[torch.arange(len(images), device=images.device), :, top, left]


def _squares(images: Tensor, side: int) -> Tensor:
    """Return where a square of each image lies, bool (n, 1, H, W), cut off at the edges.

    Its centre is any pixel (DeVries and Taylor, "Improved Regularization of Convolutional Neural Networks
    with Cutout", 2017).
    """
    device, (height, width) = images.device, images.shape[2:]
    down, right = (_stripes(len(images), length, side, device) for length in (height, width))
    return down[:, None, :, None] & right[:, None, None, :]


def _stripes(count: int, length: int, side: int, device: torch.device) -> Tensor:
    """Return for each of `count` lines of `length` pixels which lie in a stripe `side` wide around one."""
    first = torch.randint(length, (count, 1), device=device) - side // 2
    place = torch.arange(length, device=device)
    return (place >= first) & (place < first + side)
