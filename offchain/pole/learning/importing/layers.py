"""The layers found in a torch module so far, each with its name, inputs, shape and origin."""

import re
from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from torch import nn

from pole.learning.importing.modules import equivalent
from pole.learning.importing.trace import UnsupportedError
from pole.protocol.mapping.kinds import Shape
from pole.protocol.models.graph import RESERVED_NAMES
from pole.protocol.models.layers import INPUT, Layer
from pole.protocol.models.shapes import output_shape
from pole.quoting import listed

Source = nn.Module | nn.Parameter
LONGEST_NAME: Final = 32
LAYER: Final[TypeAdapter[Layer]] = TypeAdapter(Layer)


@dataclass(frozen=True, slots=True)
class Flow:
    """A batch of tensors: the layer that makes it, and the shape of one of its samples."""

    name: str
    shape: Shape


class LayerList:
    """Layers as JSON values in `layers`, and in `sources` the module or parameter with each one's weights."""

    def __init__(self, root: nn.Module, features: Shape) -> None:
        self.root: Final = root
        self.start: Final = Flow(INPUT, features)
        self.layers: list[dict[str, Any]] = []
        self.sources: dict[str, Source] = {}
        self._names = set(RESERVED_NAMES)
        self._taken: set[int] = set()

    def add(self, op: str, hint: str, *inputs: Flow, source: Source | None = None, **arguments: Any) -> Flow:
        """Append a layer called like `hint`; raises InputError where its inputs do not fit it.

        `source` is refused when another layer has weights of it already.
        """
        name = self._name(hint, op)
        document = {"name": name, "op": op, **arguments}
        shape = output_shape(_validated(document), tuple(flow.shape for flow in inputs))
        if source is not None:
            self._take(source)
        previous = self.layers[-1]["name"] if self.layers else INPUT
        read = [flow.name for flow in inputs]
        self.layers.append(document if read == [previous] else document | {"inputs": read})
        if source is not None:
            self.sources[name] = source
        self._names.add(name)
        return Flow(name, shape)

    def add_module(self, module: nn.Module, hint: str, flow: Flow) -> Flow:
        """Append the layer that a torch.nn module is; return `flow` itself where that changes nothing."""
        found = equivalent(module, flow.shape)
        if found is None:
            return flow
        source = module if any(True for _ in module.parameters()) else None
        return self.add(found.op, hint, flow, source=source, **found.arguments)

    def _take(self, source: Source) -> None:
        """Raise UnsupportedError where a layer has the same weights already, or where they are frozen."""
        own = [source] if isinstance(source, nn.Parameter) else list(source.parameters())
        places = {_place(each) for each in own}
        shared = places & self._taken
        self._taken |= places
        frozen = {_place(each) for each in own if not each.requires_grad}
        if shared:
            raise UnsupportedError(
                f"two layers cannot share weights, here {self._paths(shared)}: make a module for each"
            )
        if frozen:
            raise UnsupportedError(
                f"every weight is trained: leave requires_grad=False of {self._paths(frozen)} out"
            )

    def _paths(self, places: set[int]) -> str:
        named = self.root.named_parameters(remove_duplicate=False)
        return listed(path.removeprefix("0.") for path, each in named if _place(each) in places)

    def _name(self, hint: str, op: str) -> str:
        plain = re.sub(r"[^a-z0-9_]+", "_", hint.lower())
        number, name = 1, ""
        while not name or name in self._names:
            ending = f"_{number}" if number > 1 else ""
            stem = re.sub(r"^[^a-z]+", "", plain[len(ending) - LONGEST_NAME :])
            name = (stem or op.lower()) + ending
            number += 1
        return name


def _validated(document: dict[str, Any]) -> Layer:
    try:
        return LAYER.validate_python(document)
    except ValidationError as error:
        first = error.errors()[0]
        raise UnsupportedError(
            f"a {document['op']} cannot have {first['loc'][-1]}={first['input']!r}: {first['msg']}"
        ) from error


def _place(parameter: nn.Parameter) -> int:
    return parameter.untyped_storage().data_ptr()
