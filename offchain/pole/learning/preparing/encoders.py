"""Frozen encoders: a user's own function of rows to so many values, run before anything is quantised.

A Python file runs with all rights of whoever calls; it is their own, as its digest in the preparation says.
"""

import hashlib
import importlib.util
import json
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pole.errors import InputError
from pole.learning.data.preparation import Encoder
from pole.learning.data.ranges import scaling_range
from pole.learning.data.reading import read_as
from pole.learning.machine.kept_parts import name_of
from pole.learning.preparing.tables import MEMORY, Workspace
from pole.protocol.models.specification import MAX_INPUTS
from pole.quoting import MAX_REASON, one_line, quoted

Values = NDArray[np.float64]

ROWS_AT_ONCE: Final = 256
MODULE_NAME: Final = "pole_user_encoder"
ONNX: Final = ".onnx"
CLOSE: Final = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class FrozenEncoder:
    """A function of rows (an array (n, ...) or a list of texts) to values (n, width).

    `name` is that of the file, with the class behind it, `digest` the SHA-256 of the file, in hex.
    """

    name: str
    digest: str
    function: Callable[[Any], Any]

    def __call__(
        self, rows: Any, report: Callable[[int], None] = lambda _: None, workspace: Workspace = MEMORY
    ) -> Values:
        """Return what the encoder makes of rows, a part at a time; `report` is told how many are done.

        Parts that the workspace keeps are not made again, but for the first: by what the encoder makes of it
        the others are named, so that those of other weights are not taken for its own.
        Raises InputError, with the user's line, where it fails, or makes no finite numbers, a row each.
        """
        first = self._values(rows[:ROWS_AT_ONCE])
        witness = name_of(self.name.encode(), self.digest.encode(), first.tobytes())
        made = workspace.allocate((len(rows), first.shape[1]), np.float64)
        for start in range(0, len(rows), ROWS_AT_ONCE):
            part = rows[start : start + ROWS_AT_ONCE]
            values = (
                workspace.parts.part(_name(witness, part), partial(self._values, part)) if start else first
            )
            if values.shape[1] != first.shape[1]:
                raise InputError(
                    f"The encoder {self.name} makes {first.shape[1]} numbers of some rows and "
                    f"{values.shape[1]} of others; let it make as many of each."
                )
            made[start : start + len(part)] = values
            report(start + len(part))
        return made

    def _values(self, rows: Any) -> Values:
        try:
            made = np.asarray(self.function(rows), dtype=np.float64)
        except Exception as error:
            raise InputError(
                f"The encoder {self.name} failed{_line_in(self.name, error)}: {_said(error)}; correct it."
            ) from error
        if made.ndim != 2 or len(made) != len(rows) or not 1 <= made.shape[1] <= MAX_INPUTS:
            raise InputError(
                f"The encoder {self.name} makes the shape {list(made.shape)} of {len(rows)} rows; let it "
                f"return [{len(rows)}, width]."
            )
        if not np.all(np.isfinite(made)):
            raise InputError(f"The encoder {self.name} makes NaN or infinity; let it return finite numbers.")
        return made


def _name(witness: bytes, rows: Any) -> bytes:
    """Return the name under which is kept what the encoder of a witness makes of some rows."""
    if not isinstance(rows, np.ndarray):
        return name_of(witness, json.dumps(rows).encode())
    return name_of(witness, f"{rows.dtype.str} {rows.shape}".encode(), rows.tobytes())


def open_encoder(reference: str) -> FrozenEncoder:
    """Return the encoder in a file: `module.py:Class`, called without arguments, or `file.onnx`.

    What the class makes is called with rows; a torch module gets a float32 tensor and is set to evaluate.
    Raises InputError, with the user's line, where that fails.
    """
    file, _, name = reference.rpartition(":") if not reference.endswith(ONNX) else (reference, "", "")
    if not file:
        raise InputError(f"{quoted(reference)} names no encoder; write module.py:Class, or file.onnx.")
    path = Path(file)
    if not path.is_file():
        raise InputError(f"There is no file {path}; name an encoder as module.py:Class, or file.onnx.")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if path.suffix == ONNX:
        return FrozenEncoder(path.name, digest, _onnx(path))
    return FrozenEncoder(f"{path.name}:{name}", digest, _of_class(path, name))


def find_encoder(encoder: Encoder, folders: Sequence[Path], reference: str | None = None) -> FrozenEncoder:
    """Return the encoder that a preparation names: at `reference`, or by its name in one of the folders.

    Raises InputError, before anything of it runs, where it is not there, or is another file than then.
    """
    file, colon, name = (
        encoder.name.rpartition(":") if not encoder.name.endswith(ONNX) else (encoder.name, "", "")
    )
    given = (
        None
        if reference is None
        else Path(reference if reference.endswith(ONNX) else reference.rpartition(":")[0] or reference)
    )
    places = [given] if given else [folder / Path(file).name for folder in folders]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        looked = " or ".join(dict.fromkeys(str(place) for place in places))
        raise InputError(
            f"The encoder {encoder.name} is not at {looked}; bring its file there, or name it by --encoder."
        )
    if hashlib.sha256(path.read_bytes()).hexdigest() != encoder.digest:
        raise InputError(
            f"{path} is not the encoder that the data were prepared with (its SHA-256 is not "
            f"{encoder.digest}); bring that file back, or prepare the data and post a task anew."
        )
    return open_encoder(f"{path}{colon}{name}")


def fit_encoder(
    encoder: FrozenEncoder,
    rows: Any,
    report: Callable[[int], None] = lambda _: None,
    workspace: Workspace = MEMORY,
) -> tuple[Encoder, Values]:
    """Return the encoder with the ranges of its numbers for training rows, and those numbers.

    Raises InputError where it makes other numbers of the same rows, or a row's depend on the rows beside it,
    or they are too far apart to be scaled.
    """
    made = encoder(rows, report, workspace)
    again = encoder(rows[:ROWS_AT_ONCE])
    alone = encoder(rows[:1])
    if not np.array_equal(made[: len(again)], again):
        raise InputError(
            f"The encoder {encoder.name} makes other numbers of the same rows; freeze it: no dropout, a "
            "fixed seed."
        )
    if not np.allclose(alone, made[:1], rtol=CLOSE, atol=CLOSE):
        raise InputError(
            f"What the encoder {encoder.name} makes of a row depends on the rows beside it; freeze it: no "
            "statistics of the batch."
        )
    ends = [scaling_range(column) for column in made.T]
    for number, (low, high) in enumerate(ends):
        if not isfinite(high - low):
            raise InputError(
                f"The encoder {encoder.name} makes numbers too far apart to be scaled (value {number} of a "
                f"row from {low:g} to {high:g}); let it make smaller ones."
            )
    lows, highs = zip(*ends, strict=True)
    return Encoder(name=encoder.name, digest=encoder.digest, width=made.shape[1], low=lows, high=highs), made


def _of_class(path: Path, name: str) -> Callable[[Any], Any]:
    specification = importlib.util.spec_from_file_location(MODULE_NAME, path)
    if specification is None or specification.loader is None:
        raise InputError(f"{path} is no Python file; name an encoder as module.py:Class, or file.onnx.")
    module = importlib.util.module_from_spec(specification)
    sys.modules[MODULE_NAME] = module
    try:
        specification.loader.exec_module(module)
        made = getattr(module, name)()
    except (Exception, SystemExit) as error:
        raise InputError(
            f"{name} of {path} cannot be made{_line_in(path.name, error)}: {_said(error)}; correct it."
        ) from error
    if not callable(made):
        raise InputError(f"{name} of {path} cannot be called with rows; give it a method __call__.")
    return _of_torch(made) if _is_torch_module(made) else made


def _is_torch_module(made: object) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(made, torch.nn.Module)


def _of_torch(module: Any) -> Callable[[Any], Any]:
    import torch

    module.eval()

    def run(rows: Any) -> Any:
        with torch.no_grad():
            return module(torch.from_numpy(np.asarray(rows, dtype=np.float32))).double().numpy()

    return run


def _onnx(path: Path) -> Callable[[Any], Any]:
    try:
        import onnxruntime  # type: ignore[import-untyped]
    except ImportError as error:
        raise InputError(
            "onnxruntime runs ONNX files and is not here: install pole with the extra 'onnx'."
        ) from error
    with read_as("ONNX file", path, "export it again"):
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        inputs = session.get_inputs()
        if len(inputs) != 1:
            raise InputError(f"{path} has {len(inputs)} inputs; an encoder has one, the rows.")
        name, kind = inputs[0].name, inputs[0].type
    kinds = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(string)": np.object_}
    if kind not in kinds:
        raise InputError(f"{path} takes {kind}; an encoder takes float, double or string.")
    return lambda rows: session.run(None, {name: np.asarray(rows, dtype=kinds[kind])})[0]


def _line_in(file: str, error: BaseException) -> str:
    """Return ", line N of FILE" for the innermost line of the user's file that an error came through."""
    name = file.rpartition(":")[0] or file
    if isinstance(error, SyntaxError):
        return f", line {error.lineno} of {name}"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).name == name]
    return f", line {frames[-1].lineno} of {name}" if frames else ""


def _said(error: BaseException) -> str:
    line = next(iter(str(error).splitlines()), "") or type(error).__name__
    return one_line(line, MAX_REASON).rstrip(".")
