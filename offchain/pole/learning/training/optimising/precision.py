"""The numbers that a batch is computed in, and how images lie in memory: what a device is fast at."""

from typing import Final

import torch
from torch import Tensor

from pole.learning.training.recipe import TrainingSettings

CAPABILITIES: Final = ("avx512_bf16", "amx_bf16")
"""What torch calls the instructions that multiply bfloat16 numbers; those of ARM have not been measured."""


def computes_in_bfloat16(settings: TrainingSettings, inputs: Tensor) -> bool:
    """Return whether a network computes a batch of inputs, (n, F) or (n, C, H, W), in bfloat16.

    A GPU does where the settings allow it, a processor for images alone, and where it has instructions for
    it: without them each number is converted to float32 and back. Vectors stay in float32 on a processor,
    where small networks of them are slower in bfloat16.
    """
    if not settings.mixed_precision:
        return False
    device = inputs.device.type
    return device == "cuda" or (device == "cpu" and inputs.ndim == 4 and has_bfloat16())


def has_bfloat16() -> bool:
    """Return whether this machine's processor has instructions for bfloat16."""
    found = torch.cpu.get_capabilities()
    return any(found.get(name, False) for name in CAPABILITIES)


def laid_out(inputs: Tensor) -> Tensor:
    """Return a batch of inputs, images with their channels last, which convolutions are faster with."""
    return inputs.contiguous(memory_format=torch.channels_last) if inputs.ndim == 4 else inputs
