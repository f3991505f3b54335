"""A user's torch module, made by their own file.

Reading the file runs it, with all rights of whoever calls: it is their own code, never one from a stranger.
"""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from torch import nn

from pole.errors import InputError
from pole.learning.importing.lines import TheirError, after_comma, line_of_code, lines_are_noted, their_code

MODULE_NAME: Final = "pole_user_module"


def make_module(file: Path, factory: str) -> nn.Module:
    """Run a user's file, call its `factory` without arguments, and return the module, set to evaluate.

    The file finds its neighbours, as when Python runs it. Raises InputError, with the line, where the file or
    the factory fails or exits, or makes no torch module.
    """
    with lines_are_noted(make_module.__code__):
        make = named_in(file, factory)
        try:
            with their_code():
                module = make()
                if isinstance(module, nn.Module):
                    module.eval()
                    return module
        except TheirError as error:
            line = after_comma(error.line or line_of_code(make))
            raise InputError(f"{factory}() of {file} failed{line}: {error.reason}; correct it.") from error
    raise InputError(
        f"{factory}() of {file} returns {type(module).__name__}, no torch.nn.Module"
        f"{after_comma(line_of_code(make))}; return one."
    )


def named_in(file: Path, name: str) -> Callable[[], object]:
    """Run a user's file and return its function or class `name`.

    The file finds its neighbours, as when Python runs it. Raises InputError, with the line, where there is no
    such file or name, or the file fails or exits.
    """
    specification = importlib.util.spec_from_file_location(MODULE_NAME, file.absolute())
    if not file.is_file() or specification is None or specification.loader is None:
        raise InputError(f"There is no Python file {file}; name it as module.py:name.")
    module = importlib.util.module_from_spec(specification)
    sys.modules[MODULE_NAME] = module
    folder = str(file.absolute().parent)
    if folder not in sys.path:
        sys.path.append(folder)
    try:
        with their_code():
            specification.loader.exec_module(module)
            found = getattr(module, name, None)
    except TheirError as error:
        raise InputError(f"{file} failed{after_comma(error.line)}: {error.reason}; correct it.") from error
    if not callable(found):
        raise InputError(f"{file} has no function or class {name!r}; name one that it has.")
    made: Callable[[], object] = found
    return made
