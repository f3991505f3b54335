"""The lines of a user's own files where something was called, made or failed: never torch's, never ours."""

import inspect
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType
from typing import Any, Final

import torch
from torch import nn

from pole.quoting import MAX_REASON, one_line

NOT_THEIRS: Final = (
    Path(torch.__file__).parents[1],
    Path(sysconfig.get_path("stdlib")),
    Path(__file__).parents[2],
)
MADE: Final = "pole_line"


def line_of_call(until: CodeType) -> str:
    """Return "line N of FILE" for the user's innermost frame within the call of `until`, "" without one."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_code is not until:
        if _is_theirs(frame.f_code.co_filename):
            return _line(frame.f_lineno, frame.f_code.co_filename)
        frame = frame.f_back
    return ""


def line_of_error(error: BaseException) -> str:
    """Return "line N of FILE" for the user's innermost line that an error came through, "" without one."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return _line(error.lineno, error.filename)
    for frame, number in reversed(list(traceback.walk_tb(error.__traceback__))):
        if _is_theirs(frame.f_code.co_filename):
            return _line(number, frame.f_code.co_filename)
    return ""


def line_of_code(function: Callable[..., Any]) -> str:
    """Return "line N of FILE" for the beginning of a user's function, "" where it is none of theirs."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None or not _is_theirs(code.co_filename):
        return ""
    return _line(code.co_firstlineno, code.co_filename)


def line_of_making(module: nn.Module) -> str:
    """Return "line N of FILE" where a module was made while `lines_are_noted`, "" where that is not known."""
    return str(vars(module).get(MADE, ""))


def line_of_forward(module: nn.Module) -> str:
    """Return "line N of FILE" for a module's forward where that is the user's, else where it was made."""
    return line_of_code(module.forward) or line_of_making(module)


class TheirError(Exception):
    """A user's code failed or exited at `line` ("line N of FILE" or ""), for a `reason` that is one line."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.line, self.reason = line_of_error(error), first_line(error)


@contextmanager
def their_code() -> Iterator[None]:
    """Turn whatever a user's code raises, but for the interrupt from the keyboard, into TheirError."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise TheirError(error) from error


@contextmanager
def lines_are_noted(until: CodeType) -> Iterator[None]:
    """Note on every module where it is made, as far in as the call of `until`."""
    original: Callable[..., None] = nn.Module.__init__

    def noting(module: nn.Module, *args: Any, **kwargs: Any) -> None:
        original(module, *args, **kwargs)
        vars(module)[MADE] = line_of_call(until)

    nn.Module.__init__ = noting  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        nn.Module.__init__ = original  # type: ignore[method-assign]


def after_comma(line: str) -> str:
    """Return ", line N of FILE" for a line, "" for none."""
    return f", {line}" if line else ""


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, without a full stop."""
    if isinstance(error, SystemExit):
        return "it ends the program (SystemExit)"
    line = next(iter(str(error).splitlines()), "") or type(error).__name__
    return one_line(line, MAX_REASON).rstrip(".")


def _is_theirs(file: str) -> bool:
    path = Path(file)
    return path.is_absolute() and not any(path.is_relative_to(folder) for folder in NOT_THEIRS)


def _line(number: int, file: str) -> str:
    return f"line {number} of {Path(file).name}"
