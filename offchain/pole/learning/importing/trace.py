"""What a user's forward does, as torch.fx follows it, beside what it makes of an example.

torch.fx notes the calls of a forward without running them. Here each call is also run on a few random
samples: so sizes are known while a forward is followed, and what a call changes in place is seen. Nodes that
read what was changed read the node that changed it: the graph has no calls for their effect alone.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final

import torch
from torch import Tensor, fx, nn
from torch.nn import functional
from torch.utils import _pytree as pytree

from pole.errors import InputError
from pole.learning.importing.lines import TheirError, after_comma, line_of_call, line_of_making, their_code
from pole.protocol.mapping.kinds import Shape

SAMPLES: Final = 3
LINE: Final = "pole_line"
EXAMPLE: Final = "pole_example"
FLOWS: Final = "pole_flows"
FORBIDDEN: Final = "pole_forbidden"
"""In a node's meta: its line, what it makes of the example, whether that depends on the features, and why it
cannot be exported whatever it is."""


class UnsupportedError(InputError):
    """Parts of a torch module that no layer of a specification stands for; `obstacles` has them singly."""

    def __init__(self, message: str, obstacles: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.obstacles = tuple(obstacles)


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """The graph of a forward as far as it could be followed, why not to its end, and the line at fault.

    Its `root` is the module within an nn.Sequential. The line is named where only the following failed: what
    else stands on it may be there for that alone.
    """

    root: nn.Module
    graph: fx.Graph
    failure: str = ""
    line: str = ""


def trace(module: nn.Module, features: Shape, dtype: torch.dtype) -> Trace:
    """Return what a module does with samples of shape `features`, in the mode that it is in."""
    random = torch.Generator().manual_seed(0)
    example = torch.randn((SAMPLES, *features), generator=random, dtype=dtype)
    tracer, root = _Tracer(example.clone()), nn.Sequential(module)
    try:
        with torch.enable_grad(), their_code():
            graph = tracer.trace(root)
    except TheirError as error:
        place = after_comma(error.line)
        if isinstance(error.__cause__, UnsupportedError):
            return Trace(root, tracer.graph, f"at its forward{place}: {error.reason}")
        failure = _failure(module, example)
        if failure:
            return Trace(root, tracer.graph, failure)
        failure = (
            f"as its forward cannot be followed{place}: {error.reason}; a specification does the same "
            "for every sample"
        )
        return Trace(root, tracer.graph, failure, error.line)
    for node in reversed(graph.nodes):
        if not node.users and node.op not in ("placeholder", "output"):
            graph.erase_node(node)
    return Trace(root, graph)


def differences(evaluated: Trace, trained: Trace) -> Iterator[str]:
    """Yield where a forward does something else in training, but for dropout.

    F.dropout of the graph in evaluation is told what it does in training.
    """
    different = "as its forward does something else in training{}: write it without self.training".format
    if trained.failure and not evaluated.failure:
        yield different(after_comma(trained.line)) if trained.line else f"in training, {trained.failure}"
    if trained.failure or evaluated.failure:
        return
    for still, moving in zip_longest(evaluated.graph.nodes, trained.graph.nodes):
        if still is None or moving is None or _described(still) != _described(moving):
            yield different(after_comma((moving or still).meta[LINE]))
            return
        if still.target is functional.dropout:
            if still.kwargs.get("training"):
                place = call_of(still) + after_comma(still.meta[LINE])
                yield f"at its {place}: it drops values in evaluation too: use nn.Dropout"
            still.kwargs = moving.kwargs


def call_of(node: fx.Node) -> str:
    """Return what a node is, such as "call method 'relu'"."""
    name = str(node.target).removeprefix("0.") if node.op == "call_module" else node.name
    return f"{node.op.replace('_', ' ')} {name!r}"


def fetch(root: nn.Module, path: str) -> Any:
    """Return the attribute of a module at a dotted path."""
    for name in path.split("."):
        root = getattr(root, name)
    return root


def _described(node: fx.Node) -> tuple[str, ...]:
    kwargs = {name: value for name, value in node.kwargs.items() if name != "training"}
    return node.op, str(node.target), str(node.args), str(kwargs)


def _failure(module: nn.Module, example: Tensor) -> str:
    """Return how a module fails where nobody follows it, "" where it does not."""
    try:
        with torch.no_grad(), their_code():
            module(example)
    except TheirError as error:
        return (
            f"as it fails on features of shape {list(example.shape[1:])}, which the mapping layer makes of a "
            f"sample{after_comma(error.line or line_of_making(module))}: {error.reason}; change one of them"
        )
    return ""


class _Tracer(fx.Tracer):
    """Follows a forward over an example; parameters and buffers are values too, never constants."""

    proxy_buffer_attributes = True

    def __init__(self, example: Tensor) -> None:
        super().__init__()
        self._example = example
        self._running = False
        self._replaced: dict[fx.Node, fx.Node] = {}
        self._stale: dict[fx.Node, str] = {}

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _Known(node, self)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        if self._running:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)

    def call_module(self, m: nn.Module, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if self._running or m not in (self.submodule_paths or ()):
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def create_arg(self, a: Any) -> Any:
        try:
            return super().create_arg(a)
        except NameError as error:
            raise UnsupportedError(
                "it uses weights that are no part of the module: name their layer in __init__, "
                "self.name = ..., and keep lists in an nn.ModuleList"
            ) from error

    def to_bool(self, obj: fx.Proxy) -> bool:
        raise fx.proxy.TraceError("it branches on a value or on the number of samples")

    def iter(self, obj: fx.Proxy) -> Iterator[fx.Proxy]:
        raise fx.proxy.TraceError("it loops over samples or values")

    def create_node(self, kind: str, target: Any, args: Any, kwargs: Any, *rest: Any, **more: Any) -> fx.Node:
        args, kwargs = fx.node.map_arg((args, kwargs), lambda each: self._replaced.get(each, each))
        node = super().create_node(kind, target, tuple(args), dict(kwargs), *rest, **more)
        node.meta[LINE] = line_of_call(trace.__code__)
        node.meta[FLOWS] = kind == "placeholder" or any(each.meta[FLOWS] for each in node.all_input_nodes)
        if kind != "output" and not torch.is_grad_enabled():
            node.meta[FORBIDDEN] = "training needs its gradient: leave torch.no_grad out"
        for changed in (self._stale[each] for each in node.all_input_nodes if each in self._stale):
            node.meta[FORBIDDEN] = f"it reads what {changed} changes in place: write that without the change"
        self._run(node)
        return node

    def _run(self, node: fx.Node) -> None:
        args, kwargs = fx.node.map_arg((node.args, node.kwargs), lambda each: each.meta[EXAMPLE])
        given = [each for each in pytree.tree_leaves((args, kwargs)) if isinstance(each, Tensor)]
        before = [_version(each) for each in given]
        self._running = True
        try:
            match node.op:
                case "placeholder":
                    result = self._example
                case "get_attr":
                    result = fetch(self.root, str(node.target))
                case "call_module":
                    result = self.root.get_submodule(str(node.target))(*args, **kwargs)
                case "call_method":
                    result = getattr(args[0], str(node.target))(*args[1:], **kwargs)
                case "call_function":
                    result = node.target(*args, **kwargs)  # type: ignore[operator]
                case _:
                    return
        finally:
            self._running = False
        node.meta[EXAMPLE] = result
        for tensor, version in zip(given, before, strict=True):
            if _version(tensor) != version:
                self._replace(tensor, node)

    def _replace(self, changed: Tensor, node: fx.Node) -> None:
        """Let what reads a changed tensor from now on read the node that changed it."""
        result = node.meta[EXAMPLE]
        for other in self.graph.nodes:
            example = other.meta.get(EXAMPLE)
            if other is node or not any(_overlap(each, changed) for each in pytree.tree_leaves(example)):
                continue
            if _is_view_of_the_same(example, changed) and _is_view_of_the_same(result, changed):
                self._replaced[other] = node
            else:
                self._stale[other] = call_of(node) + after_comma(node.meta[LINE])


class _Known(fx.Proxy):
    """What flows through a forward while it is followed: its sizes are known, but the number of samples."""

    def __getattr__(self, name: str) -> Any:
        example = self.node.meta.get(EXAMPLE)
        if isinstance(example, Tensor) and name in ("ndim", "dtype", "device", "is_cuda"):
            return getattr(example, name)
        return super().__getattr__(name)

    @property
    def shape(self) -> tuple[Any, ...]:
        """The sizes."""
        example = self.node.meta[EXAMPLE]
        if not isinstance(example, Tensor):
            return super().__getattr__("shape")  # type: ignore[return-value]
        if self.node.meta[FLOWS] and example.ndim:
            return (self.tracer.create_proxy("call_method", "size", (self, 0), {}), *example.shape[1:])
        return tuple(example.shape)

    def size(self, dim: int | None = None) -> Any:
        """Return the sizes, or one of them."""
        return self.shape if dim is None else self.shape[dim]

    def dim(self) -> int:
        """Return the number of sizes."""
        return len(self.node.meta[EXAMPLE].shape)

    def __index__(self) -> int:
        raise fx.proxy.TraceError("it makes a number of a value or of the number of samples")

    __len__ = __int__ = __float__ = __index__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise fx.proxy.TraceError("it makes an array of values")

    def __setitem__(self, key: Any, value: Any) -> None:
        self.tracer.create_proxy("call_method", "__setitem__", (self, key, value), {})


def _changing(name: str) -> Callable[[fx.Proxy, Any], fx.Proxy]:
    return lambda self, other: self.tracer.create_proxy("call_method", name, (self, other), {})


for _operator, _method in {"add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "pow": "pow"}.items():
    setattr(_Known, f"__i{_operator}__", _changing(f"{_method}_"))


def _version(tensor: Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version


def _overlap(first: object, second: Tensor) -> bool:
    return (
        isinstance(first, Tensor)
        and first.layout == second.layout == torch.strided
        and first.untyped_storage().data_ptr() == second.untyped_storage().data_ptr()
    )


def _is_view_of_the_same(first: object, second: Tensor) -> bool:
    return (
        isinstance(first, Tensor)
        and _overlap(first, second)
        and (first.data_ptr(), first.shape, first.stride(), first.dtype)
        == (second.data_ptr(), second.shape, second.stride(), second.dtype)
    )
