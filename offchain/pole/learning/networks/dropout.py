"""Dropout (Srivastava et al. 2014) that is cheap on a processor.

torch draws a 64-bit number a value there, one after the other: a quarter of the time of an MLP's training.
Here a value takes 16 random bits.
"""

from typing import Final

import torch
from torch import Tensor, nn

STEPS: Final = 1 << 16
"""Probabilities are multiples of 1 / STEPS."""
MINIMUM: Final = -(1 << 63)


class Dropout(nn.Dropout):
    """torch.nn.Dropout with the probability rounded to 16 bits, but never to 1; torch's own on a GPU."""

    def forward(self, x: Tensor) -> Tensor:
        """Return `x`, in training with values zeroed at random and the others scaled up by as much."""
        if not self.training or x.device.type != "cpu" or torch.compiler.is_compiling():
            return super().forward(x)
        dropped = min(round(self.p * STEPS), STEPS - 1)
        kept = _random_words(x.numel()).view_as(x) >= dropped - STEPS // 2
        return x * kept.to(x.dtype).mul_(STEPS / (STEPS - dropped))


def _random_words(count: int) -> Tensor:
    """Return uniform int16 values (count,), four of each number that torch draws."""
    numbers = torch.empty((count + 3) // 4, dtype=torch.int64).random_(MINIMUM, None)
    return numbers.view(torch.int16)[:count]
