"""A program as a scikit-learn estimator: a small file of source, and its constants in an .npz beside it."""

import importlib.util
import io
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np

from pole.errors import InputError
from pole.learning.data.preparation import TableSource
from pole.learning.exporting.program import Program
from pole.learning.exporting.trained_model import TrainedModel

SOURCE: Final = Path(__file__).with_name("estimator.py")


def write_arrays(program: Program, trained: TrainedModel) -> bytes:
    """Return the bytes of the .npz file of a program; no part of it is a pickle."""
    keys = {f"c{number}": name for number, name in enumerate(program.constants)}
    preparation = trained.preparation
    is_table = (
        preparation is not None
        and preparation.encoder is None
        and isinstance(preparation.source, TableSource)
    )
    columns = [column.name for column in preparation.source.columns] if is_table else []  # type: ignore[union-attr]
    document = {
        "constants": keys,
        "inputs": [
            {"name": port.name, "type": port.type, "column": columns[place] if is_table else port.name}
            for place, port in enumerate(program.inputs)
        ],
        "outputs": [port.name for port in program.outputs],
        "steps": [
            {"op": step.op, "inputs": step.inputs, "output": step.output, "attributes": dict(step.attributes)}
            for step in program.steps
        ],
        "isTable": is_table,
        "classes": [] if trained.is_regression else list(trained.names()),
    }
    arrays: dict[str, Any] = {key: program.constants[name] for key, name in keys.items()}
    content = io.BytesIO()
    np.savez_compressed(content, program=np.array(json.dumps(document)), **arrays)
    return content.getvalue()


def source_of_estimator() -> bytes:
    """Return the source that reads such a file: it imports NumPy and scikit-learn alone."""
    return SOURCE.read_bytes()


class PythonModel:
    """An exported estimator at work: the source that was written, imported from where it is."""

    def __init__(self, source: Path) -> None:
        self._estimator = _imported(source).load()

    def run(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Return the outputs of rows by name."""
        found: dict[str, Any] = self._estimator._run(inputs)
        return found


def _imported(source: Path) -> ModuleType:
    specification = importlib.util.spec_from_file_location("pole_exported_model", source)
    if specification is None or specification.loader is None:
        raise InputError(f"{source} is no Python file: name one that ends with .py.")
    module = importlib.util.module_from_spec(specification)
    keeps, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        specification.loader.exec_module(module)
    except ImportError as error:
        raise InputError(
            "scikit-learn is not here, which the exported estimator needs: install pole with the extra "
            "'datasets'."
        ) from error
    finally:
        sys.dont_write_bytecode = keeps
    return module
