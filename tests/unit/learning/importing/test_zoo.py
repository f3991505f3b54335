"""A zoo of modules: each is exported as it is, or refused with a sentence and the line."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch
from tests.unit.learning.importing.zoo import exported, refused
from torch import nn

from pole.errors import InputError
from pole.learning.importing.export import Wanted, export, with_weights
from pole.learning.importing.user_file import make_module
from pole.protocol.mapping.kinds import LinearMapping

WANTED = Wanted((24,), 8, LinearMapping(bits=8, queries=16), "accuracy", None)
pytestmark = pytest.mark.filterwarnings("ignore")
KEEPERS = {(exported, "OnOneInput"), (exported, "OwnLinear"), (refused, "Base")}
MARK = re.compile(r"# refused:? ?(.*)$")


def animals(zoo: ModuleType) -> list[str]:
    return [
        name
        for name, each in vars(zoo).items()
        if getattr(each, "__module__", "") == zoo.__name__ and (zoo, name) not in KEEPERS
    ]


def file_of(zoo: ModuleType) -> Path:
    assert zoo.__file__ is not None
    return Path(zoo.__file__)


def marks(name: str) -> Iterator[tuple[int, str]]:
    lines, first = inspect.getsourcelines(getattr(refused, name))
    for number, line in enumerate(lines, start=first):
        found = MARK.search(line)
        if found:
            yield number, found[1]


@pytest.mark.parametrize("name", animals(exported))
def test_what_is_exported_computes_the_same_with_other_weights(name: str) -> None:
    module = make_module(file_of(exported), name)
    begun = {
        key: value.clone() for key, value in module.state_dict().items() if not nn.parameter.is_lazy(value)
    }
    network = export(module, WANTED)
    assert all(torch.equal(module.state_dict()[key], value) for key, value in begun.items())
    assert not module.training
    torch.manual_seed(7)
    for each in module.parameters():
        each.data.uniform_(-0.7, 0.7)
    dtype = next(module.parameters()).dtype
    for samples in (1, 2, 6):
        inputs = 2 * torch.randn((samples, 16), dtype=dtype)
        with torch.no_grad():
            ours = with_weights(network).to(dtype)(inputs.clone())
            theirs = module(inputs)
        assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", animals(refused))
def test_what_is_refused_is_told_with_all_its_lines(name: str) -> None:
    with pytest.raises(InputError) as caught:
        export(make_module(file_of(refused), name), WANTED)
    sentence, found = str(caught.value), list(marks(name))
    assert found
    for number, words in found:
        assert words in sentence
        assert f"line {number} of refused.py" in sentence


@pytest.mark.parametrize("stride", [1, 2])
def test_a_convolution_over_an_image_of_one_row_is_one_over_a_series(stride: int) -> None:
    series, image = nn.Conv1d(2, 3, 5, stride, padding=2), nn.Conv2d(2, 3, 5, stride, padding=2)
    image.weight.data[:, :, 2], image.bias = series.weight.data, series.bias
    inputs = torch.randn(4, 2, 8)
    assert torch.allclose(image(inputs.unsqueeze(2)).squeeze(2), series(inputs), atol=1e-6)
