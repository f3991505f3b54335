"""Exporting a kept model: written beside its name, checked on rows, and only then given it."""

import json
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from pole.errors import InputError
from pole.learning.exporting.checking import Runner, Trial, random_trials, require_equal, trial_of_rows
from pole.learning.exporting.lowering import of_rows, without_texts
from pole.learning.exporting.program import Program
from pole.learning.exporting.trained_model import TrainedModel
from pole.learning.preparing.applying import Rows, parts
from pole.roles.models.folder import KeptModel
from pole.roles.models.predicting import rows_at_once
from pole.roles.support.files import own_disk

RANDOM_ROWS_AT_ONCE: Final = 256


@dataclass(frozen=True, slots=True)
class Exported:
    """The files that were written, the rows that they answered as they should, and what goes in."""

    files: tuple[Path, ...]
    rows: int
    program: Program


@dataclass(frozen=True, slots=True)
class Target:
    """A kind of file: its ending, how it is written, and what runs it."""

    ending: str
    program: Callable[[TrainedModel], Program]
    write: Callable[[KeptModel, Program, Path], tuple[Path, ...]]
    open: Callable[[Path, Program], Runner]


def export(kept: KeptModel, target: Target, path: Path, rows: Rows | None) -> Exported:
    """Write a model to `path`, and run 1,024 random rows and `rows` through what was written.

    Raises IntegrityError where one is answered otherwise than by canonical evaluation, and InputError where a
    library is missing or the path cannot be written; nothing is left at the path then.
    """
    if path.suffix != target.ending:
        raise InputError(f"{path} is to be a file of another kind: let its name end with {target.ending}.")
    if not path.parent.is_dir():
        raise InputError(f"The folder {path.parent} is not there: make it, or name another file.")
    program = target.program(kept.trained)
    # Hidden, and of the same ending, which libraries look at.
    unfinished = path.with_name(f".{path.stem}_{os.getpid()}{target.ending}")
    written: tuple[Path, ...] = ()
    try:
        with own_disk(path):
            written = target.write(kept, program, unfinished)
        checked = require_equal(
            kept.trained, target.open(unfinished, program), _trials(kept.trained, program, rows)
        )
        final = tuple(path.with_suffix(each.suffix) for each in written)
        with own_disk(path):
            for temporary, name in zip(written, final, strict=True):
                temporary.replace(name)
    finally:
        for each in (unfinished, *written):
            each.unlink(missing_ok=True)
    return Exported(final, checked, program)


def _trials(trained: TrainedModel, program: Program, rows: Rows | None) -> Iterator[Trial]:
    size = min(rows_at_once(trained), RANDOM_ROWS_AT_ONCE)
    random = random_trials(trained, program, secrets.randbits(63), size)
    if rows is None:
        return random
    return chain(random, (trial_of_rows(trained, program, part) for part in parts(rows, size)))


def metadata_of(kept: KeptModel) -> dict[str, str]:
    """Return what an exported file says of its model."""
    record, preparation = kept.record, kept.trained.preparation
    target = {} if preparation is None else {"target": preparation.target.model_dump(mode="json")}
    return {
        "pole.task": str(record.task_id),
        "pole.chain": str(record.chain_id),
        "pole.contract": record.contract,
        "pole.block": f"0x{record.block_hash.hex()}",
        "pole.model": f"0x{record.model_digest.hex()}",
        "pole.specification": f"0x{record.spec_digest.hex()}",
        "pole.logits": "multiples of 1/1024",
        **{f"pole.{name}": json.dumps(value, sort_keys=True) for name, value in target.items()},
    }


def _write_onnx(kept: KeptModel, program: Program, path: Path) -> tuple[Path, ...]:
    from pole.learning.exporting.onnx_file import write_onnx

    path.write_bytes(write_onnx(program, metadata_of(kept)))
    return (path,)


def _open_onnx(path: Path, _: Program) -> Runner:
    from pole.learning.exporting.onnx_file import OnnxModel

    return OnnxModel(path)


def _write_torch(_: KeptModel, program: Program, path: Path) -> tuple[Path, ...]:
    from pole.learning.exporting.torch_file import write_torch

    write_torch(program, path)
    return (path,)


def _open_torch(path: Path, program: Program) -> Runner:
    from pole.learning.exporting.torch_file import TorchModel

    return TorchModel(path, program)


def _write_python(kept: KeptModel, program: Program, path: Path) -> tuple[Path, ...]:
    from pole.learning.exporting.python_file import source_of_estimator, write_arrays

    arrays = path.with_suffix(".npz")
    arrays.write_bytes(write_arrays(program, kept.trained))
    path.write_bytes(source_of_estimator())
    return arrays, path


def _open_python(path: Path, _: Program) -> Runner:
    from pole.learning.exporting.python_file import PythonModel

    return PythonModel(path)


TARGETS: Final = {
    "onnx": Target(".onnx", of_rows, _write_onnx, _open_onnx),
    "torch": Target(".pt2", without_texts, _write_torch, _open_torch),
    "python": Target(".py", of_rows, _write_python, _open_python),
}
