"""A transformer encoder over the four tiles of a `blocks` mapping layer of MNIST, 32 features each.

pole spec from-torch examples/transformer.py:make --input 28x28 --mapping blocks --tile 14x14 --queries 32
"""

import torch
from torch import Tensor, nn

TILES, FEATURES, WIDTH = 4, 32, 64


class Transformer(nn.Module):
    """Every tile is a token: embedded, given a place, encoded twice, and averaged.

    The layer in front is for the whitening of the features, which training makes a part of its weights.
    """

    def __init__(self) -> None:
        super().__init__()
        self.front = nn.Linear(TILES * FEATURES, TILES * FEATURES)
        self.embedding = nn.Linear(FEATURES, WIDTH)
        self.place = nn.Parameter(0.02 * torch.randn(TILES, WIDTH))
        layer = nn.TransformerEncoderLayer(
            WIDTH, nhead=4, dim_feedforward=128, activation="gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, num_layers=2, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(WIDTH)
        self.logits = nn.Linear(WIDTH, 10)

    def forward(self, features: Tensor) -> Tensor:
        """Return logits (samples, 10) of features (samples, 128)."""
        tokens = self.embedding(self.front(features).view(-1, TILES, FEATURES)) + self.place
        logits: Tensor = self.logits(self.norm(self.encoder(tokens)).mean(dim=1))
        return logits


def make() -> nn.Module:
    """Return the network, untrained."""
    return Transformer()
