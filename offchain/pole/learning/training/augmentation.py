"""Features made anew for every batch, so that a network does not learn them by heart."""

import torch
from torch import Tensor
from torch.nn import functional

from pole.learning.training.recipe import TrainingSettings


def augmented(inputs: Tensor, settings: TrainingSettings) -> Tensor:
    """Return a batch of whitened features, changed as the settings say: (n, F) or (n, C, H, W).

    Images of the `conv` mapping layer are moved after it. That is not quite what moving the samples before
    it would give, because of the padding: the edge is mirrored here. Mirrored images are: the filters are
    not symmetric.
    """
    if inputs.ndim == 2:
        return inputs + settings.noise * torch.randn_like(inputs) if settings.noise > 0 else inputs
    if settings.shift > 0:
        inputs = _shifted(inputs, min(settings.shift, min(inputs.shape[2:]) - 1))
    if settings.flip:
        mirrored = torch.rand(len(inputs), 1, 1, 1, device=inputs.device) < 0.5
        inputs = torch.where(mirrored, inputs.flip(3), inputs)
    return inputs


def _shifted(images: Tensor, maximum: int) -> Tensor:
    """Return each image moved by -most .. most pixels down and right, on its own."""
    height, width = images.shape[2:]
    padded = functional.pad(images, (maximum, maximum, maximum, maximum), mode="reflect")
    top, left = torch.randint(2 * maximum + 1, (2, len(images)), device=images.device)
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)
    return windows[torch.arange(len(images), device=images.device), :, top, left]
