"""A user's torch module, made by their own file, and its graph as torch.fx traces it.

Reading the file runs it, with all rights of whoever calls: it is their own code, never one from a stranger.
"""

import importlib.util
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import torch
from torch import fx, nn

from pole.errors import InputError
from pole.quoting import MAX_REASON, one_line

MODULE_NAME: Final = "pole_user_module"
LINE: Final = "pole_line"
TORCH: Final = Path(torch.__file__).parent
OURS: Final = Path(__file__).parents[2]


class UnsupportedError(InputError):
    """A part of a torch module that no layer of a model specification stands for."""


def make_module(file: Path, factory: str) -> nn.Module:
    """Run a user's file, call its `factory` without arguments, and return the module, set to evaluate.

    Raises InputError, with the line, where the file or the factory fails or makes no torch module.
    """
    make = _attribute(_run(file), file, factory)
    try:
        module = make()
    except Exception as error:
        raise InputError(
            f"{factory}() of {file} failed{line_of_error(error)}: {first_line(error)}; correct it."
        ) from error
    if not isinstance(module, nn.Module):
        raise InputError(
            f"{factory}() of {file} returns {type(module).__name__}, no torch.nn.Module; return one."
        )
    return module.eval()


def trace(module: nn.Module) -> fx.Graph:
    """Return the module's graph, whose nodes know their line.

    Raises UnsupportedError, with the line, where it has no fixed graph.
    """
    try:
        with torch.no_grad():
            graph = _Tracer().trace(module)
    except Exception as error:
        raise UnsupportedError(
            f"forward cannot be followed{line_of_error(error)}: {first_line(error)}. What it does must not "
            "depend on the values that flow through it, and its loops must have a fixed length."
        ) from error
    for node in reversed(graph.nodes):
        if not node.users and node.op not in ("placeholder", "output"):
            graph.erase_node(node)
    return graph


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, without a full stop."""
    line = next(iter(str(error).splitlines()), type(error).__name__)
    return one_line(line, MAX_REASON).rstrip(".")


def line_of(node: fx.Node) -> str:
    """Return ", line N of FILE" for the place where a traced node was made, "" where it is not known."""
    return str(node.meta.get(LINE, ""))


class _Tracer(fx.Tracer):
    """A tracer that notes the user's line; torch's own way to do so loads its whole compiler."""

    def create_node(self, *args: Any, **kwargs: Any) -> fx.Node:
        node = super().create_node(*args, **kwargs)
        node.meta[LINE] = _innermost(traceback.extract_stack())
        return node


def _run(file: Path) -> ModuleType:
    specification = importlib.util.spec_from_file_location(MODULE_NAME, file)
    if not file.is_file() or specification is None or specification.loader is None:
        raise InputError(f"There is no Python file {file}; name it as module.py:factory.")
    module = importlib.util.module_from_spec(specification)
    sys.modules[MODULE_NAME] = module
    try:
        specification.loader.exec_module(module)
    except Exception as error:
        raise InputError(f"{file} failed{line_of_error(error)}: {first_line(error)}; correct it.") from error
    return module


def _attribute(module: ModuleType, file: Path, name: str) -> Callable[[], object]:
    found = getattr(module, name, None)
    if not callable(found):
        raise InputError(f"{file} has no function or class {name!r}; name one that makes the module.")
    made: Callable[[], object] = found
    return made


def line_of_error(error: Exception) -> str:
    """Return ", line N of FILE" for the user's line that an error came through, "" where there is none."""
    if isinstance(error, SyntaxError):
        return f", line {error.lineno}"
    return _innermost(traceback.extract_tb(error.__traceback__))


def _innermost(frames: traceback.StackSummary) -> str:
    """Return the line of the innermost frame that is neither torch's nor ours."""
    for frame in reversed(frames):
        file = Path(frame.filename)
        if not file.is_relative_to(TORCH) and not file.is_relative_to(OURS):
            return f", line {frame.lineno} of {file.name}"
    return ""
