import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests.unit.learning.integer_reference import logits_by_hand
from tests.unit.learning.user_modules import Encoder, Perceptron, ResNet, Vgg, VisionTransformer
from torch import Tensor, nn
from torch.nn import functional

from pole.errors import InputError
from pole.learning.evaluation.canonical import logits
from pole.learning.evaluation.features import FeatureMap, fit_feature_map, normalised
from pole.learning.importing.export import Wanted, export, with_weights
from pole.learning.importing.trace import UnsupportedError
from pole.learning.importing.user_file import make_module
from pole.learning.networks.export import to_canonical
from pole.protocol.mapping import kinds
from pole.protocol.mapping.kinds import BlocksMapping, ConvMapping, LinearMapping
from pole.protocol.mapping.layer import feature_shape
from pole.protocol.models.graph import count_parameters
from pole.protocol.models.metrics import AbsoluteError
from pole.protocol.models.specification import parse_specification

SEED = bytes(range(32))
TABLE = Wanted((20,), 8, LinearMapping(bits=8, queries=16), "accuracy", None)
TILES = Wanted((8, 8), 8, BlocksMapping(bits=3, queries=8, tile=(4, 4)), "accuracy", None)


def picture(side: int) -> Wanted:
    return Wanted((3, side, side), 8, ConvMapping(bits=3, queries=1, kernel=(3, 3)), "accuracy", None)


NETWORKS: dict[str, tuple[Callable[[], nn.Module], Wanted]] = {
    "perceptron": (Perceptron, TABLE),
    "vgg-16": (lambda: Vgg(divided=32), picture(32)),
    "resnet-18": (lambda: ResNet(divided=32), picture(32)),
    "encoder": (Encoder, TILES),
    "encoder, norms last": (lambda: Encoder(norm_first=False, activation="relu"), TILES),
    "vision transformer": (VisionTransformer, picture(8)),
}


def settled(
    module: Callable[[], nn.Module], wanted: Wanted
) -> tuple[nn.Module, NDArray[np.int64], FeatureMap, Tensor]:
    """The module after its norms have seen data, and features of one and the same distribution."""
    torch.manual_seed(3)
    made = module()
    raw = torch.randint(0, 2000, (40, *kinds.feature_shape(wanted.mapping, wanted.input_shape))).numpy()
    feature_map = fit_feature_map(raw)
    inputs = torch.from_numpy(normalised(raw, feature_map))
    made.train()
    with torch.no_grad():
        for _ in range(20):
            made(inputs)
    return made.eval(), raw, feature_map, inputs


@pytest.mark.parametrize("name", NETWORKS)
def test_a_module_its_specification_and_the_canonical_model_say_the_same(name: str) -> None:
    module, raw, feature_map, inputs = settled(*NETWORKS[name])
    exported = export(module, NETWORKS[name][1])
    specification = exported.specification
    assert parse_specification(specification.canonical_bytes()) == specification
    assert count_parameters(specification.nodes()) == sum(p.numel() for p in module.parameters())
    network = with_weights(exported)
    with torch.no_grad():
        theirs = module(inputs)
        assert torch.allclose(network(inputs), theirs, atol=1e-4)
    assert feature_shape(specification) == raw.shape[1:]
    model = to_canonical(network, specification, SEED, feature_map, None)
    exact = logits(model, raw)
    assert np.abs(exact / 1024 - theirs.numpy()).max() < 0.05
    assert exact[:1].tolist() == [logits_by_hand(model, raw[0])]


@pytest.mark.parametrize(
    ("module", "wanted", "parameters"), [(Vgg, picture(32), 14_990_922), (ResNet, picture(32), 11_181_642)]
)
def test_networks_of_full_size_fit_a_specification(
    module: Callable[[], nn.Module], wanted: Wanted, parameters: int
) -> None:
    specification = export(module().eval(), wanted).specification
    assert specification.max_parameters == parameters
    assert parse_specification(specification.canonical_bytes()) == specification


def test_what_forward_writes_out_becomes_layers() -> None:
    class Written(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3, padding="same")
            self.twice = nn.Conv2d(4, 4, 1)
            self.fc = nn.Sequential(nn.Identity(), nn.Linear(32, 20, bias=False))

        def forward(self, x: Tensor) -> Tensor:
            x = torch.relu(self.conv(x))
            x = functional.max_pool2d(functional.leaky_relu(x, 0.125), 3, stride=2, padding=1)
            x = torch.cat([x, self.twice(x).tanh()], dim=1)
            row = torch.cat([functional.adaptive_avg_pool2d(x, 1).flatten(1), x.mean((2, 3))], 1)
            row = functional.dropout(row.reshape(row.shape[0], -1), 0.3, self.training)
            return self.fc(torch.cat([row, functional.gelu(input=row).sigmoid()], dim=1))

    specification = export(Written().eval(), picture(8)).specification
    assert [layer.op for layer in specification.graph] == [
        *("Conv2d", "ReLU", "LeakyReLU", "MaxPool2d", "Conv2d", "Tanh", "Concat"),
        *("AvgPool2d", "Flatten", "AvgPool2d", "Flatten", "Concat", "Dropout", "GELU", "Sigmoid"),
        *("Concat", "Linear"),
    ]


def refused(forward: Callable[..., Any], wanted: Wanted = TABLE, **parts: nn.Module | nn.Parameter) -> str:
    """The sentence with which a module of these parts and this forward is refused."""

    class Module(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for name, part in parts.items():
                setattr(self, name, part)

    Module.forward = forward
    with pytest.raises(InputError) as caught:
        export(Module().eval(), wanted)
    return str(caught.value)


LINEAR = nn.Linear(16, 10)


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        (nn.Softmax(-1), "Softmax is no layer of a model specification: leave it out"),
        (nn.SiLU(), "use nn.GELU"),
        (nn.LeakyReLU(), "0.01 is no multiple of 1/4096: use 0.125, or 41 / 4096"),
        (nn.GELU("tanh"), "approximate='none'"),
        (nn.LayerNorm(16, eps=1e-6), "eps 1e-05"),
        (nn.BatchNorm1d(16, affine=False), "affine"),
        (nn.LSTM(16, 16), "use nn.TransformerEncoderLayer"),
        (nn.Hardtanh(), "use one of AdaptiveAvgPool2d, AvgPool2d"),
        (nn.MultiheadAttention(16, 4), "one input to itself, attention(x, x, x), unmasked"),
        (nn.Conv2d(1, 1, 3), r"needs a (channels, height, width) input but gets [16]"),
    ],
)
def test_a_layer_that_is_not_on_the_list_is_refused_with_what_to_use_instead(
    part: nn.Module, sentence: str
) -> None:
    found = refused(lambda self, x: self.fc(self.part(x)), part=part, fc=LINEAR)
    assert sentence in found
    assert "call module 'part', line " in found
    assert "of test_export.py" in found


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        (nn.Conv2d(3, 4, (3, 5)), "kernel_size of (3, 5) is not square"),
        (nn.Conv2d(3, 3, 3, groups=3), "groups 1"),
        (nn.Conv2d(3, 4, 2, padding="same"), "odd kernel_size"),
        (nn.MaxPool2d(2, ceil_mode=True), "no ceil_mode"),
        (nn.AvgPool2d(2, padding=1), "padding 0"),
        (nn.AdaptiveAvgPool2d(3), "from [8, 8] to [3, 3]"),
        (nn.BatchNorm2d(3, eps=1e-3), "eps 1e-05"),
        (nn.Dropout2d(), "use nn.Dropout"),
        (nn.GroupNorm(1, 3), "use nn.BatchNorm2d"),
        (nn.Flatten(0), "start at dimension 1 or 2"),
        (nn.Unflatten(1, (1, 3)), "dimension 1 of a (samples, features) input"),
        (nn.Linear(8, 10), "put a Flatten before it"),
    ],
)
def test_a_layer_with_arguments_that_no_specification_has_is_refused(part: nn.Module, sentence: str) -> None:
    assert sentence in refused(lambda self, x: self.part(x).flatten(1), picture(8), part=part)


@pytest.mark.parametrize(
    ("forward", "sentence"),
    [
        (lambda self, x: functional.softmax(self.fc(x), 1), "call function 'softmax', line"),
        (lambda self, x: self.fc(x).log_softmax(1), "leave it out: training takes logits"),
        (lambda self, x: self.fc(x) @ x, "write attention as nn.MultiheadAttention"),
        (lambda self, x: functional.scaled_dot_product_attention(x, x, x), "nn.MultiheadAttention"),
        (lambda self, x: self.fc(x) * 2, "belongs into a layer's own weights"),
        (lambda self, x: self.fc(x) + 2, "only another layer or an nn.Parameter"),
        (lambda self, x: self.fc(x) + self.wide, "parameter of [3] cannot be added to [10]"),
        (lambda self, x: self.fc(self.fc.weight.new_zeros(1)), "model specification"),
        (lambda self, x: self.fc(x[:, :16]), "parts of a tensor have no layer"),
        (lambda self, x: self.fc(x).reshape(5, -1), "samples must stay apart"),
        (lambda self, x: self.fc(x * x.size(0)), "belongs into a layer's own weights"),
        (lambda self, x: torch.cat([self.fc(x), self.fc2(x)], dim=0), "dimension 1 only"),
        (lambda self, x: torch.flatten(self.fc(x)), "start at dimension 1"),
        (lambda self, x: self.fc(x).transpose(0, 1), "transpose(1, 2)"),
        (lambda self, x: self.fc(x).mean(dim=1), "mean(dim=1)"),
        (lambda self, x: (self.fc(x), x), "one tensor of logits"),
        (lambda self, x: x, "last layer"),
        (lambda self, x: self.fc(x) + self.fc(x), "two layers cannot share weights"),
        (lambda self, x, y: self.fc(x), "features alone"),
        (lambda self, x: self.fc(x) if x.sum() > 0 else x, "forward cannot be followed, line"),
        (lambda self, x: functional.linear(x, self.wide), "make it an nn.Linear"),
        (lambda self, x: self.fc(functional.relu(x, other=1)), "unexpected keyword"),  # type: ignore[call-arg]
        (lambda self, x: self.fc(x).reshape(), "docs/model-specification.md"),
    ],
)
def test_what_forward_does_beyond_layers_is_refused(forward: Callable[..., Any], sentence: str) -> None:
    wide = nn.Parameter(torch.ones(3))
    assert sentence in refused(forward, fc=nn.Linear(16, 10), fc2=nn.Linear(16, 10), wide=wide)


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        (nn.TransformerEncoderLayer(8, 2, 8), "batch_first=True"),
        (nn.TransformerEncoderLayer(8, 2, 8, activation=torch.sin, batch_first=True), "'relu' or 'gelu'"),
        (nn.MultiheadAttention(8, 2, batch_first=True, add_zero_attn=True), "add_zero_attn"),
    ],
)
def test_attention_that_no_specification_has_is_refused(layer: nn.Module, sentence: str) -> None:
    def forward(self: Any, x: Any) -> Any:
        x = x.unflatten(1, (4, 8))
        return self.part(x, x, x)[0] if isinstance(layer, nn.MultiheadAttention) else self.part(x)

    assert sentence in refused(forward, TILES, part=layer)


def test_masked_attention_is_refused() -> None:
    def forward(self: Any, x: Any) -> Any:
        return self.part(x.unflatten(1, (4, 8)), src_mask=self.mask).flatten(1)

    layer = nn.TransformerEncoderLayer(8, 2, 8, batch_first=True)
    found = refused(forward, TILES, part=layer, mask=nn.Parameter(torch.zeros(4, 4)))
    assert "without masks" in found


@pytest.mark.parametrize("part", [nn.Linear(20, 16), nn.BatchNorm1d(20)])
def test_a_module_for_other_features_is_refused_with_those_of_the_mapping_layer(part: nn.Module) -> None:
    found = refused(lambda self, x: self.fc(self.part(x)), part=part, fc=LINEAR)
    assert "as it fails on features of shape [16], which the mapping layer makes" in found
    assert "line " in found


def test_a_regression_has_one_output_and_a_grid() -> None:
    metric = AbsoluteError(name="mean_absolute_error", scale=40)
    wanted = Wanted((20,), 8, LinearMapping(bits=8, queries=16), metric, 300)
    specification = export(nn.Sequential(nn.Linear(16, 1)).eval(), wanted).specification
    assert (specification.outputs, specification.classes) == (1, 300)
    with pytest.raises(InputError, match="instead of one value"):
        export(nn.Sequential(nn.Linear(16, 2)).eval(), wanted)


def test_names_are_unique_short_and_of_small_letters() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.Input = nn.Linear(16, 16)
            self._0 = nn.Linear(16, 16)
            self.a_very_long_name_of_a_layer_that_nobody_needs = nn.Linear(16, 16)
            self.and_a_very_long_name_of_a_layer_that_nobody_needs = nn.Linear(16, 10)

        def forward(self, x: Tensor) -> Tensor:
            x = self.a_very_long_name_of_a_layer_that_nobody_needs(self._0(self.Input(x)))
            return self.and_a_very_long_name_of_a_layer_that_nobody_needs(x)

    names = [layer.name for layer in export(Odd().eval(), TABLE).specification.graph]
    assert len(set(names)) == 4
    assert all(len(name) <= 32 for name in names)


@pytest.mark.parametrize(
    ("text", "factory", "sentence"),
    [
        (None, "make", "There is no Python file"),
        ("x = 1", "make", "has no function or class 'make'"),
        ("def make():\n    return 3", "make", "returns int, no torch.nn.Module, line 1 of user.py"),
        ("def make():\n    return 1 / 0", "make", "failed, line 2 of user.py: division by zero"),
        ("x = 1\nimport nowhere_at_all", "make", "failed, line 2 of user.py: No module named"),
        ("x = (", "make", "failed, line 1 of user.py: "),
    ],
)
def test_a_file_that_makes_no_module_is_refused_with_its_line(
    tmp_path: Path, text: str | None, factory: str, sentence: str
) -> None:
    file = tmp_path / "user.py"
    if text is not None:
        file.write_text(text)
    with pytest.raises(InputError) as caught:
        make_module(file, factory)
    assert sentence in str(caught.value)


def test_a_module_from_a_file_is_exported_and_refused_with_the_file_s_lines(tmp_path: Path) -> None:
    file = tmp_path / "user.py"
    file.write_text(
        textwrap.dedent(
            """
            from torch import nn

            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.fc = nn.Linear(16, 10)

                def forward(self, x):
                    x = self.fc(x)
                    return x.softmax(-1)

            def good():
                return nn.Sequential(nn.Linear(16, 10), nn.Identity())
            """
        )
    )
    assert len(export(make_module(file, "good"), TABLE).specification.graph) == 1
    with pytest.raises(UnsupportedError, match=r"call method 'softmax', line 11 of user.py: "):
        export(make_module(file, "Net"), TABLE)
