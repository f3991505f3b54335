"""A small learned attack: a network that improves what a linear attack reconstructs."""

from dataclasses import dataclass
from itertools import pairwise
from math import cos, pi
from typing import Final

import numpy as np
import torch
from torch import nn

from pole.learning.privacy.reconstruction import Floats
from pole.learning.training.optimising.adamw import AdamW

MAX_HIDDEN: Final = 512
HIDDEN_PER_COLUMN: Final = 8
BATCH: Final = 250
LEARNING_RATE: Final = 2e-3
WEIGHT_DECAY: Final = 1e-2


@dataclass(frozen=True, slots=True, eq=False)
class Decoder:
    """Adds to a linear reconstruction (n, D) what `network` makes of it."""

    network: nn.Module

    def apply(self, estimates: Floats) -> Floats:
        """Return better reconstructions (n, D), limited to 0..1."""
        inputs = torch.from_numpy(estimates.astype(np.float32))
        with torch.inference_mode():
            outputs = inputs + self.network(inputs)
        return np.asarray(np.clip(outputs.numpy(), 0.0, 1.0), dtype=np.float64)


def train_decoder(estimates: Floats, samples: Floats, *, steps: int, seed: int) -> Decoder:
    """Return a decoder trained to lead from linear reconstructions (n, D) to their samples (n, D).

    A network of two hidden layers, by AdamW on the squared error of batches of 250 under a rate that decays
    as a cosine; `seed` fixes its start and the batches. Costs 1.6 billion multiplications a step for D = 784.
    """
    random = torch.Generator().manual_seed(seed)
    network = _network(samples.shape[1], random)
    inputs = torch.from_numpy(estimates.astype(np.float32))
    residuals = torch.from_numpy(samples.astype(np.float32)) - inputs
    optimiser = AdamW(network.parameters(), weight_decay=WEIGHT_DECAY)
    for step in range(steps):
        batch = torch.randint(len(samples), (BATCH,), generator=random)
        loss = nn.functional.mse_loss(network(inputs[batch]), residuals[batch])
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step(LEARNING_RATE * (1 + cos(pi * step / steps)) / 2)
    return Decoder(network)


def _network(dimension: int, random: torch.Generator) -> nn.Module:
    hidden = min(MAX_HIDDEN, HIDDEN_PER_COLUMN * dimension)
    widths = (dimension, hidden, hidden, dimension)
    layers: list[nn.Module] = []
    for number, (inputs, outputs) in enumerate(pairwise(widths)):
        linear = nn.Linear(inputs, outputs)
        # Starts from "no correction": the last layer is zero.
        scale = 0.0 if number == len(widths) - 2 else (2.0 / inputs) ** 0.5
        with torch.no_grad():
            linear.weight.normal_(0.0, 1.0, generator=random).mul_(scale)
            linear.bias.zero_()
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])
