"""Whether a specification's network computes what a user's module does, whatever the weights.

Every parameter and buffer of the module is drawn anew, the network gets the same, and both answer the same
random samples: a part that a module begins without (a weight of zeros, a norm of ones) counts like any other.
"""

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, cast

import numpy as np
import torch
from torch import Tensor, nn

from pole.learning.importing.inspection import type_of
from pole.learning.importing.layers import Source
from pole.learning.importing.lines import TheirError, after_comma, line_of_forward, line_of_making, their_code
from pole.learning.importing.trace import UnsupportedError
from pole.learning.networks.network import AddedPosition, Network, SelfAttention
from pole.protocol.models.specification import ModelSpecification

DRAWS: Final = ((1, 1.0), (5, 0.3), (2, 3.0))
"""For each draw of weights the number of samples, and the deviation of their values."""
TOLERANCE: Final = 1e-4


def fill(network: Network, sources: Mapping[str, Source]) -> None:
    """Give a specification's network the weights that its layers were made of."""
    for name, source in sources.items():
        _copy(source, network.module(name))


def require_likeness(
    module: nn.Module, specification: ModelSpecification, sources: Mapping[str, Source]
) -> None:
    """Raise UnsupportedError where the specification's network computes something else than the module.

    `sources` are parts of the module; their weights are other ones afterwards.
    """
    place = f"forward{after_comma(line_of_forward(module))}"
    network = Network(specification).eval().to(type_of(module))
    shape = network.nodes[0].input_shapes[0]
    generator = torch.Generator().manual_seed(0)
    for samples, deviation in DRAWS:
        _draw(module, generator)
        fill(network, sources)
        inputs = deviation * torch.randn((samples, *shape), generator=generator, dtype=type_of(module))
        theirs = _answer(module, inputs.clone(), place)
        with torch.no_grad():
            ours = network(inputs)
        if not _alike(theirs, ours):
            raise UnsupportedError(
                f"at its {place}: it computes something else than the layers found in it; write it with "
                "layers alone"
            )


@contextmanager
def as_it_was(module: nn.Module) -> Iterator[None]:
    """Give a module its weights, buffers and modes back at the end."""
    modes = [(each, each.training) for each in module.modules()]
    tensors = [*module.parameters(), *module.buffers()]
    kept = [(each, each.detach().clone()) for each in tensors if not nn.parameter.is_lazy(each)]
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode
        with torch.no_grad():
            for tensor, value in kept:
                tensor.data.copy_(value)


def _draw(module: nn.Module, generator: torch.Generator) -> None:
    """Fill weights with numbers of both signs that keep values about one, and buffers with positive ones."""
    with torch.no_grad():
        for parameter in module.parameters():
            deviation = (2 / max(1, parameter[0].numel())) ** 0.5 if parameter.ndim > 1 else 0.7
            parameter.data.normal_(0, deviation, generator=generator)
        for buffer in module.buffers():
            if buffer.is_floating_point():
                buffer.data.uniform_(0.5, 1.5, generator=generator)


def _answer(module: nn.Module, inputs: Tensor, place: str) -> Tensor:
    state = _state(module)
    try:
        with torch.no_grad(), their_code():
            answer: Tensor = module(inputs)
    except TheirError as error:
        raise UnsupportedError(
            f"as it fails on {len(inputs)} samples with other weights{after_comma(error.line)}: "
            f"{error.reason}; what it does must not depend on their number or on its weights"
        ) from error
    changed = [name for name, value in _state(module).items() if value != state.get(name)]
    if changed:
        raise UnsupportedError(
            f"at its {place}: it changes {changed[0]} when it evaluates; leave that out, layers keep nothing"
        )
    return answer


def _state(module: nn.Module) -> dict[str, Any]:
    """Return what a module may remember from call to call: states of random numbers, attributes, weights."""
    kept: dict[str, Any] = {}
    for path, part in module.named_modules():
        for name, value in (*vars(part).items(), *vars(type(part)).items()):
            if isinstance(value, int | float | str | tuple | list):
                kept[f"{path}.{name}".lstrip(".")] = repr(value)
        for name, value in getattr(part.forward, "__globals__", {}).items():
            if isinstance(value, int | float):
                kept[name] = value
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        kept[name] = tensor._version
    kept["the state of Python's random numbers"] = random.getstate()
    kept["the state of NumPy's random numbers"] = repr(np.random.get_state())
    kept["the state of torch's random numbers"] = torch.get_rng_state().numpy().tobytes()
    return kept


def _alike(theirs: object, ours: Tensor) -> bool:
    if not isinstance(theirs, Tensor) or theirs.shape != ours.shape:
        return False
    scale = max(1.0, float(theirs.abs().max()))
    return bool((theirs - ours).abs().max() <= TOLERANCE * scale)


def _copy(source: Source, target: nn.Module) -> None:
    if isinstance(target, AddedPosition):
        with torch.no_grad():
            target.position.copy_(cast(Tensor, source).reshape(target.position.shape))
    else:
        inner = target.attention if isinstance(target, SelfAttention) else target
        weights = cast(nn.Module, source)
        try:
            inner.load_state_dict(weights.state_dict())
        except RuntimeError as error:
            place = type(weights).__name__ + after_comma(line_of_making(weights))
            raise UnsupportedError(
                f"at its {place}: its weights are other ones than it makes; leave them as they are"
            ) from error
