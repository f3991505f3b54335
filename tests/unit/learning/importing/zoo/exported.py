"""Modules as people write them, over 16 features, that a specification can be made of."""

import sys
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint


def layers_alone() -> nn.Module:
    return nn.Sequential(nn.Linear(16, 12), nn.ReLU(), nn.Dropout(0.2), nn.Linear(12, 3))


def one_layer() -> nn.Module:
    return nn.Linear(16, 3, bias=False)


def lazy() -> nn.Module:
    return nn.Sequential(nn.LazyLinear(8), nn.LazyBatchNorm1d(), nn.Tanh(), nn.LazyLinear(3))


def double() -> nn.Module:
    return nn.Sequential(nn.Linear(16, 8), nn.BatchNorm1d(8), nn.GELU(), nn.Linear(8, 3)).double()


def in_a_scripted_loop() -> nn.Module:
    blocks = [nn.Sequential(nn.Linear(16, 16), nn.LayerNorm(16), nn.LeakyReLU(0.25)) for _ in range(3)]
    return nn.Sequential(*blocks, nn.Linear(16, 3))


def series_as_an_image() -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (2, 1, 8)),
        nn.Conv2d(2, 3, 3, padding="same"),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(24, 3),
    )


def series_with_a_stride() -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (2, 1, 8)), nn.Conv2d(2, 3, 5, stride=2, padding=2), nn.Flatten(), nn.Linear(12, 3)
    )


class OnOneInput(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.fc = nn.Linear(16, 16), nn.Linear(16, 16), nn.Linear(16, 3)


class InPlaceOnTheInput(OnOneInput):
    def forward(self, x: Tensor) -> Tensor:
        y = self.b(self.a(functional.relu(x, inplace=True)))
        return self.fc(x + y)


class InPlaceStatement(OnOneInput):
    def forward(self, x: Tensor) -> Tensor:
        h = self.a(x)
        h.relu_()
        g = self.b(h)
        g.add_(h)
        return self.fc(g)


class InPlaceSum(OnOneInput):
    def forward(self, x: Tensor) -> Tensor:
        h = same = self.a(x)
        h += self.b(x)
        return self.fc(same)


class InPlaceLayer(OnOneInput):
    def __init__(self) -> None:
        super().__init__()
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        h = self.a(x)
        return self.fc(self.b(self.act(h)) + h)


class InPlaceThroughAView(OnOneInput):
    def forward(self, x: Tensor) -> Tensor:
        h = self.a(x)
        tokens = h.view(-1, 4, 4)
        torch.tanh_(tokens)
        return self.fc(self.b(tokens.flatten(1)))


class StartsAsNothing(OnOneInput):
    def __init__(self) -> None:
        super().__init__()
        nn.init.zeros_(self.a.weight)
        nn.init.zeros_(self.a.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.add(x, self.b(functional.gelu(self.a(x))), alpha=1))


class AttentionByKeyword(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.unflatten = nn.Unflatten(1, (4, 4))
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.fc = nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        t = self.unflatten(input=x)
        y, _ = self.attention(value=t, query=t, key=t, need_weights=False)
        return self.fc((t + y).flatten(start_dim=1))


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(1, 4, 4))
        layer = nn.TransformerEncoderLayer(4, 2, 8, activation="gelu", batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.reshape(x.shape[0], 4, 4) + self.place
        return self.fc(self.encoder(src=tokens).mean(1))


class Sizes(OnOneInput):
    """Checks and computes sizes, which are known."""

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() != 2 or x.ndim != 2 or x.shape[1] != 16:
            raise ValueError("16 features are needed")
        assert x.size(-1) == 16
        samples, features = x.shape
        for _ in range(features // 16):
            x = self.a(x)
        tokens = x.view(samples, features // 4, -1).transpose(-1, -2).contiguous()
        return self.fc(self.b(tokens.reshape(x.size(0), features)))


class Picture(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding="same", bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = x.view(-1, 4, 4).unsqueeze(1)
        x = functional.leaky_relu_(self.norm(self.conv(x)), 0.125)
        x = functional.max_pool2d(x, 3, stride=1, padding=1)
        x = functional.avg_pool2d(x, kernel_size=2)
        return self.fc(functional.adaptive_avg_pool2d(x, 1).squeeze(-1).squeeze(-1))


class Patches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patch, self.fc = nn.Conv2d(1, 4, 2, stride=2), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patch(torch.unflatten(x, 1, (1, 4, 4))).flatten(-2).permute(0, 2, 1)
        return self.fc(torch.mean(tokens, dim=1))


class Joined(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.branches = nn.ModuleList(nn.Linear(16, width) for width in (3, 4, 5))
        self.activations = nn.ModuleDict({"relu": nn.ReLU(), "tanh": nn.Tanh()})
        self.fc = nn.Linear(28, 3)

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.activations["tanh"](branch(x)) for branch in self.branches]
        return self.fc(torch.cat([*parts, self.activations["relu"](x)], dim=-1))


class Listed(nn.Module):
    """A layer under two names that is called once, and layers that are not called at all."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.unused = nn.Linear(16, 8), nn.Linear(16, 8)
        self.layers = nn.ModuleList([self.first, nn.Identity(), nn.Sigmoid(), nn.Linear(8, 3)])

    def forward(self, x: Tensor) -> Tensor:
        aside = self.unused(x)
        aside.softmax(-1).relu_()
        for layer in self.layers:
            x = layer(x)
        return x


class Dropped(OnOneInput):
    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.5, inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.dropout(self.a(x), 0.3, self.training)
        return self.fc(self.drop(self.b(functional.dropout(x, p=0.9, training=False))))


class Optional(OnOneInput):
    def forward(self, x: Tensor, mask: Tensor | None = None, *, scale: float = 1.0) -> Tensor:
        if mask is not None:
            x = x * mask
        return self.fc(self.a(x) if scale == 1.0 else self.b(x))


class WithLambdas(OnOneInput):
    def __init__(self) -> None:
        super().__init__()
        self.first: Callable[[Tensor], Tensor] = lambda x: self.a(x).relu()
        self.rest: list[Callable[[Tensor], Tensor]] = [lambda x: self.b(x), torch.tanh, functional.relu]

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for each in self.rest:
            x = each(x)
        return self.fc(x)


class OwnLinear(nn.Linear):
    """A class of one's own that changes nothing, in a class that calls it by its base."""


class Inherited(OwnLinear):
    def __init__(self) -> None:
        super().__init__(16, 16)
        self.inner = nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(functional.relu(input=x))


class Residual(nn.Module):
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Linear(16, 16), nn.ReLU(inplace=True), nn.Linear(16, 16))

        def forward(self, x: Tensor) -> Tensor:
            out = self.body(x)
            out += x
            return out.relu_()

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(self.Block() for _ in range(20)))
        self.fc = nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.blocks(x))


class Kept(OnOneInput):
    """Keeps what it saw, which nothing depends on, and says it."""

    def forward(self, x: Tensor) -> Tensor:
        self.seen = self.a(x)
        sys.stdout.write(f"seen {self.seen.shape[1]}\n")
        return self.fc(self.seen)


class Converted(OnOneInput):
    def forward(self, x: Tensor) -> Tensor:
        x = x.float().to(x.device).to(torch.float32).clone()
        return self.fc(torch.relu(input=self.a(x)).contiguous())


class Doubled(OnOneInput):
    def forward(self, x: Tensor) -> Tensor:
        h = self.a(x).sigmoid()
        return self.fc(h + h + x)


class Sliced(OnOneInput):
    """Makes containers and activations while it runs, of layers that it has."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 16))

    def forward(self, x: Tensor) -> Tensor:
        x = nn.Sequential(self.net[2], nn.ReLU())(self.net[:2](x))
        for layer in list(self.children())[:2]:
            x = nn.LeakyReLU(0.5)(layer(x))
        return self.fc(nn.Flatten()(x.view(-1, 4, 4)))


class Summed(OnOneInput):
    def forward(self, x: Tensor) -> Tensor:
        total = sum(each(x) for each in (self.a, self.b))
        return self.fc(torch.squeeze(torch.unsqueeze(total, dim=1), dim=1))


class Mixer(nn.Module):
    """An MLP-Mixer (Tolstikhin et al. 2021)."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(4), nn.LayerNorm(4)
        self.tokens = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 4))
        self.channels = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 4))
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = x.reshape(shape=(x.shape[0], 4, 4))
        x = x + self.tokens(self.first(x).transpose(1, 2)).permute(dims=(0, 2, 1))
        return self.fc((x + self.channels(self.second(x))).mean(axis=1))


class DenseBlock(nn.Module):
    """Channels of pictures that are joined (Huang et al. 2017)."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(3, 2, 3, padding=1)
        self.fc = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = x.view(-1, 1, 4, 4)
        x = torch.cat([x, functional.relu(self.one(x), True)], 1)
        x = torch.cat((x, torch.relu_(self.two(x))), dim=1)
        return self.fc(x.mean(dim=(-2, -1), keepdim=True).flatten(1))


class Checkpointed(OnOneInput):
    def forward(self, x: Tensor) -> Tensor:
        x = checkpoint(self.a, x, use_reentrant=False)
        sys.stderr.write(f"mean {x.mean():.2f}\n")
        return {"logits": self.fc(x), "hidden": self.b(x)}["logits"]
