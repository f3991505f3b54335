"""Modules as people write them, over 16 features, that no specification can be made of.

A line with a mark of "refused:" is one that the refusal names, with the words that the refusal holds.
"""

import math
import random
import sys
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations, prune


class Base(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.fc = nn.Linear(16, 16), nn.Linear(16, 16), nn.Linear(16, 3)
        self.weight = nn.Parameter(torch.randn(16, 16))
        self.scale = nn.Parameter(torch.ones(16))
        self.register_buffer("shift", torch.zeros(16))
        self.calls = 0


class Alpha(Base):
    def __init__(self) -> None:
        super().__init__()
        nn.init.zeros_(self.a.weight)
        nn.init.zeros_(self.a.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.add(x, self.a(x), alpha=0.1))  # refused: alpha is a factor


class Factor(Base):
    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x + 0.5 * self.a(x))  # refused: a constant factor belongs into a layer's own weights


class Divided(Base):
    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.a(x) / math.sqrt(x.size(-1)))  # refused: a constant factor


class FactorInPlace(Base):
    def forward(self, x: Tensor) -> Tensor:
        h = self.a(x)
        h *= 2  # refused: a constant factor
        return self.fc(h)


class LearnedFactor(Base):
    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x * self.scale)  # refused: nn.LayerNorm


class Gate(Base):
    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.a(x) * torch.sigmoid(self.b(x)))  # refused: gates


class Constant(Base):
    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x + 1)  # refused: no constant


class ConstantTensor(Base):
    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x + torch.ones(16))  # refused: no constant


class Buffer(Base):
    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x + cast(Tensor, self.shift))  # refused: no buffer


class Difference(Base):
    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.a(x) - self.b(x))  # refused: add instead


class OwnMatmul(Base):
    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight + self.scale  # refused: nn.Linear


class OwnLinear(Base):
    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight, self.scale)  # refused: nn.Linear


class Einsum(Base):
    def forward(self, x: Tensor) -> Tensor:
        return torch.einsum("bi,ij->bj", x, self.weight)  # refused: nn.Linear


class OwnAttention(Base):
    def forward(self, x: Tensor) -> Tensor:
        t = x.view(-1, 4, 4)
        weights = torch.softmax(t @ t.transpose(1, 2), dim=-1)  # refused: nn.MultiheadAttention
        return self.fc((weights @ t).flatten(1))


class Tied(Base):
    def __init__(self) -> None:
        super().__init__()
        self.b.weight = self.a.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.b(torch.relu(self.a(x))))  # refused: 'a.weight', 'b.weight'


class TiedByData(Base):
    def __init__(self) -> None:
        super().__init__()
        self.b.bias.data = self.a.bias.data

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.b(self.a(x)))  # refused: 'a.bias', 'b.bias'


class CalledTwice(Base):
    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.a(torch.relu(self.a(x))))  # refused: cannot share weights, here 'a.weight'


class Frozen(Base):
    def __init__(self) -> None:
        super().__init__()
        self.a.requires_grad_(requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.a(x))  # refused: requires_grad=False of 'a.weight', 'a.bias'


class NoGradient(Base):
    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            x = self.a(x)  # refused: leave torch.no_grad out
        return self.fc(x)


class Detached(Base):
    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.a(x).detach())  # refused: training needs its gradient


class MixesSamples(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x.view(-1, 8))  # refused: samples must stay apart


class FixedBatch(Base):
    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x.reshape(3, -1))  # refused: samples must stay apart


class Centred(Base):
    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x - x.mean(0))  # refused: a mean must be over


class FlattensAll(Base):
    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x.view(x.size(0) * 4, 4).view(-1, 16))  # refused: samples must stay apart


class TransposedInPlace(Base):
    def forward(self, x: Tensor) -> Tensor:
        t = x.view(-1, 4, 4)
        t.transpose(1, 2).relu_()
        return self.fc(x)  # refused: changes in place


class PartInPlace(Base):
    def forward(self, x: Tensor) -> Tensor:
        h = self.a(x)
        h[:, 0] = 0
        return self.fc(h)  # refused: changes in place


class WritesOut(Base):
    def forward(self, x: Tensor) -> Tensor:
        h, g = self.a(x), self.b(x)
        torch.add(h, g, out=x)  # refused: no layer takes it as it is called
        return self.fc(x)


class ViewChanged(Base):
    def forward(self, x: Tensor) -> Tensor:
        h = self.a(x)
        t = h.view(-1, 4, 4)
        h.relu_()
        return self.fc(t.flatten(1))  # refused: changes in place


class Data(Base):
    def forward(self, x: Tensor) -> Tensor:  # refused: something else than the layers
        h = self.a(x)
        h.data = h.data * 2
        return self.fc(h)


class Softmax(Base):
    def forward(self, x: Tensor) -> Tensor:
        return functional.softmax(self.fc(x), dim=-1)  # refused: leave it out


def last_softmax() -> nn.Module:
    return nn.Sequential(
        nn.Linear(16, 3),
        nn.Softmax(-1),  # refused: leave it out
    )


def many_obstacles() -> nn.Module:
    return nn.Sequential(
        nn.Linear(16, 16),
        nn.SiLU(),  # refused: use nn.GELU
        nn.LeakyReLU(),  # refused: no multiple of 1/4096
        nn.Unflatten(1, (4, 4)),
        nn.GroupNorm(2, 4),  # refused: use nn.BatchNorm2d
        nn.Flatten(),
        nn.LayerNorm(16, eps=1e-6),  # refused: eps 1e-05
        nn.Linear(16, 3),
        nn.LogSoftmax(-1),  # refused: leave it out
    )


class ManyLines(Base):
    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x) * 0.5  # refused: a constant factor
        x = functional.silu(x)  # refused: use nn.GELU
        first, second = x.chunk(2, dim=1)  # refused: parts of a tensor
        x = torch.cat([first, second], dim=1)
        x = functional.normalize(x, dim=-1)  # refused: nn.LayerNorm
        if x.sum() > 0:  # refused: cannot be followed
            x = self.b(x)
        return self.fc(x)


class Conv1d(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(2, 3, 3)  # refused: an image of one row
        self.pool = nn.MaxPool1d(2)  # refused: give a stride to the nn.Conv2d
        self.fc = nn.Linear(9, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.pool(self.conv(x.view(-1, 2, 8))).flatten(1))


class Embedded(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(100, 4)  # refused: no words or indices
        self.fc = nn.Linear(64, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.words(x.long()).flatten(1))  # refused: no words or indices


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(4, 8, batch_first=True)  # refused: use nn.TransformerEncoderLayer
        self.gru = nn.GRU(8, 8, batch_first=True)  # refused: use nn.TransformerEncoderLayer
        self.fc = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x, _ = self.lstm(x.view(-1, 4, 4))
        _, h = self.gru(x)
        return self.fc(h[-1])


class Convolutions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.Sequential(
            nn.Unflatten(1, (4, 2, 2)),
            nn.Conv2d(4, 4, 3, padding=1, groups=4),  # refused: groups 1
            nn.Conv2d(4, 4, 3, padding=2, dilation=2),  # refused: dilation 1
            nn.Conv2d(4, 4, 2, padding="same"),  # refused: an odd kernel_size
            nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),  # refused: padding_mode 'zeros'
            nn.Conv2d(4, 4, (1, 3), padding=(0, 1)),  # refused: is not square
            nn.AvgPool2d(3, 1, padding=1, count_include_pad=False),  # refused: padding 0
            nn.MaxPool2d(2, 1, dilation=1, ceil_mode=True),  # refused: no ceil_mode
            nn.Upsample(scale_factor=2),  # refused: or a stride
            nn.BatchNorm2d(4, affine=False),  # refused: affine
            nn.BatchNorm2d(4, track_running_stats=False),  # refused: track_running_stats
            nn.InstanceNorm2d(4),  # refused: use nn.BatchNorm2d
            nn.Flatten(),
            nn.LayerNorm(16, elementwise_affine=False),  # refused: elementwise_affine
            nn.GELU(approximate="tanh"),  # refused: approximate='none'
            nn.PReLU(),  # refused: use nn.LeakyReLU(0.125)
            nn.Linear(16, 3),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.parts(x)


class Indices(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(2, return_indices=True)  # refused: no return_indices
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x, _ = self.pool(x.view(-1, 1, 4, 4))
        return self.fc(x.flatten(1))


def hooked() -> nn.Module:
    module = nn.Sequential(nn.Linear(16, 3))
    module[0].register_forward_hook(lambda module, args, out: 2 * out)  # refused: a hook is no layer
    return module


def hooked_before() -> nn.Module:
    def half(_module: nn.Module, args: tuple[Tensor, ...]) -> Tensor:  # refused: a hook is no layer
        return args[0] / 2

    module = nn.Sequential(nn.Linear(16, 3))
    module.register_forward_pre_hook(half)
    return module


def weight_normed() -> nn.Module:
    return nn.Sequential(parametrizations.weight_norm(nn.Linear(16, 3)))  # refused: weight_norm


def spectral_normed() -> nn.Module:
    return parametrizations.spectral_norm(nn.Linear(16, 3))  # refused: spectral_norm


def pruned() -> nn.Module:
    layer = nn.Linear(16, 3)  # refused: pruning
    prune.l1_unstructured(layer, "weight", amount=0.5)  # type: ignore[no-untyped-call]
    return layer


def patched() -> nn.Module:
    module = nn.Linear(16, 3)
    module.forward = lambda x: 2 * nn.Linear.forward(module, x)  # type: ignore[assignment,method-assign]  # refused: replaced
    return module


class AlwaysDrops(Base):
    def forward(self, x: Tensor) -> Tensor:
        return self.fc(functional.dropout(self.a(x), 0.3))  # refused: in evaluation too


class Noisy(Base):
    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.a(x) + torch.randn_like(x))  # refused: nn.Dropout alone


class NoisyInTraining(Base):
    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            x = self.b(x)  # refused: something else in training
        return self.fc(self.a(x))


class StochasticDepth(Base):
    def forward(self, x: Tensor) -> Tensor:  # refused: random numbers
        if random.random() < 2:  # noqa: S311
            x = self.a(x)
        return self.fc(x)


class NumpyNoise(Base):
    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x + float(np.random.rand()))  # refused: no constant


class CountsCalls(Base):
    def forward(self, x: Tensor) -> Tensor:  # refused: it changes calls
        self.calls += 1
        return self.fc(self.a(x) if self.calls < 1000 else x)


class Branches(Base):
    def forward(self, x: Tensor) -> Tensor:
        if x.abs().max() > 1e6:  # refused: cannot be followed
            return self.fc(x)
        return self.fc(self.a(x))


class BranchesOnWeights(Base):
    def forward(self, x: Tensor) -> Tensor:
        if cast(Tensor, self.shift)[0] == 0:  # refused: cannot be followed
            return self.fc(x)
        return self.fc(self.a(x))


class BranchesOnData(Base):
    def __init__(self) -> None:
        super().__init__()
        self.weights = [self.fc.weight.detach()]

    def forward(self, x: Tensor) -> Tensor:  # refused: something else than the layers
        if float(self.weights[0].max()) < 0.26:
            return self.fc(x)
        return self.fc(self.a(x))


class BranchesOnSamples(Base):
    def forward(self, x: Tensor) -> Tensor:
        if x.shape[0] == 1:  # refused: the number of samples
            return self.fc(x)
        return self.fc(self.a(x))


class Pair(Base):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:  # refused: one tensor of logits
        return self.fc(x), self.a(x)


class Named(Base):
    def forward(self, x: Tensor) -> dict[str, Tensor]:  # refused: one tensor of logits
        return {"logits": self.fc(x)}


class Scores(Base):
    def forward(self, x: Tensor) -> Any:
        return self.fc(x).argmax(1)  # refused: docs/model-specification.md


class TwoInputs(Base):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:  # refused: the features alone
        return self.fc(x + y)


class Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = [nn.Linear(16, 3)]

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)  # refused: nn.ModuleList
        return x


class Fails(Base):
    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.a(x)[:, :8])  # refused: mat1 and mat2


class Exits(Base):
    def forward(self, x: Tensor) -> Tensor:
        sys.exit(3)  # refused: ends the program


class ClassToken(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.token, self.fc = nn.Parameter(torch.zeros(1, 1, 4)), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        token = self.token.expand(x.shape[0], -1, -1)  # refused: a parameter can be added as it is
        t = torch.cat([token, x.view(-1, 4, 4)], dim=1)
        return self.fc(t[:, 0])  # refused: use mean(dim=1)


class Mask(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention, self.fc = nn.MultiheadAttention(4, 2, batch_first=True), nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        t = x.view(-1, 4, 4)
        mask = torch.ones(4, 4).triu(1).bool()
        y, _ = self.attention(t, t, value=t, attn_mask=mask)  # refused: unmasked
        return self.fc(y.flatten(1))


class Half(Base):
    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            x = self.a(x)  # refused: torch.bfloat16
        return self.fc(x.float())


def complex_numbers() -> nn.Module:
    return nn.Linear(16, 3, dtype=torch.complex64)  # refused: torch.complex64


def half_numbers() -> nn.Module:
    return nn.Sequential(nn.Linear(16, 3)).half()  # refused: torch.float16


def on_no_device() -> nn.Module:
    return nn.Linear(16, 3, device="meta")  # refused: on meta


def drops_all() -> nn.Module:
    return nn.Sequential(nn.Linear(16, 16), nn.Dropout(1.0), nn.Linear(16, 3))  # refused: p=1.0


def replicated() -> nn.Module:
    return nn.DataParallel(nn.Linear(16, 3))  # refused: DataParallel


def scripted() -> nn.Module:
    return torch.jit.script(nn.Linear(16, 3))  # refused: give the module itself


class ManyBlocks(nn.Module):
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.act = nn.Linear(16, 16), nn.SiLU()  # refused: for 2 reasons

        def forward(self, x: Tensor) -> Tensor:
            return self.act(self.fc(x)) * 0.5  # refused: a constant factor

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(self.Block() for _ in range(5)))

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(x)


class SqueezeAndExcite(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 4, 3, padding=1), nn.Linear(64, 3)
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 4), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x.view(-1, 1, 4, 4))
        return self.fc((x * self.gate(x)[:, :, None, None]).flatten(1))  # refused: gates


class CausalAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.fc = nn.Linear(4, 12), nn.Linear(4, 3)
        self.register_buffer("mask", torch.tril(torch.ones(4, 4)))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x.view(-1, 4, 4)).split(4, dim=2)  # refused: parts of a tensor
        weights = (q @ k.transpose(-2, -1)) / math.sqrt(k.size(-1))  # refused: nn.MultiheadAttention
        weights = weights.masked_fill(cast(Tensor, self.mask) == 0, -1e9)  # refused
        return self.fc((weights.softmax(-1) @ v)[:, -1])  # refused: use mean(dim=1)


class Variational(Base):
    def forward(self, x: Tensor) -> Tensor:
        mean, deviation = self.a(x), torch.exp(0.5 * self.b(x))  # refused: use an activation
        return self.fc(mean + torch.randn_like(mean) * deviation)  # refused: nn.Dropout alone


class DropPath(Base):
    def forward(self, x: Tensor) -> Tensor:
        h = self.a(x)
        if self.training:
            h = h * torch.rand(x.shape[0], 1).round()  # refused: something else in training
        return self.fc(x + h)


class FrozenNorm(Base):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(16)  # refused: it evaluates while the module trains

    def train(self, mode: bool = True) -> "FrozenNorm":
        super().train(mode)
        self.norm.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.norm(x))


class FixedPositions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("places", torch.zeros(1, 8, 4))
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = x.view(-1, 4, 4)
        return self.fc((x + cast(Tensor, self.places)[:, : x.size(1)]).mean(1))  # refused: as it is


class OwnFunction(Base):
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(_context: Any, x: Tensor) -> Tensor:
            return x * x  # refused: training needs its gradient

    def forward(self, x: Tensor) -> Any:
        return self.fc(self.Square.apply(x))  # type: ignore[no-untyped-call]


class ClampsWeights(Base):
    def forward(self, x: Tensor) -> Tensor:  # refused: something else than the layers
        self.fc.weight.data.clamp_(-0.1, 0.1)
        return self.fc(x)


class SwitchesModes(Base):
    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout()  # refused: it trains while the module evaluates

    def forward(self, x: Tensor) -> Tensor:
        self.drop.train()
        return self.fc(self.drop(x))


class LoopsOverSamples(Base):
    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.fc(each) for each in x])  # refused: loops over samples


class CountsSamples(Base):
    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x) + torch.zeros(len(x), 3)  # refused: of the number of samples


class Slice(Base):
    def forward(self, x: Tensor) -> Tensor:
        left, right = x[:, :8], x[:, 8:]  # refused: parts of a tensor
        return self.fc(torch.cat([right, left], dim=1))


def other_weights() -> nn.Module:
    layer = nn.Linear(16, 3)  # refused: its weights are other ones
    del layer.bias
    layer.bias = torch.ones(3)  # type: ignore[assignment]
    return layer


def shared_in_an_encoder() -> nn.Module:
    layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    encoder = nn.TransformerEncoder(layer, 2)  # refused: two layers cannot share weights
    encoder.layers[1] = encoder.layers[0]
    return nn.Sequential(nn.Unflatten(1, (4, 4)), encoder, nn.Flatten(), nn.Linear(16, 3))


def gradient_hook() -> nn.Module:
    layer = nn.Linear(16, 3)
    layer.weight.register_hook(lambda gradient: 0 * gradient)  # type: ignore[no-untyped-call]  # refused: a hook is no layer
    return layer
