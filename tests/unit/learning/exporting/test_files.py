"""Exported files: from rows as their owner has them to the bits of canonical evaluation."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.unit.learning.exporting.trained import NETWORKS, specification, trained_model
from tests.unit.roles.models.kept import ALL, OF_TABLE, TABLE, specification_of
from torch import from_numpy

from pole.errors import IntegrityError
from pole.learning.data.preparation import Encoder, Preparation
from pole.learning.exporting.checking import RANDOM_ROWS, Runner, random_trials, require_equal
from pole.learning.exporting.lowering import of_rows, without_texts
from pole.learning.exporting.onnx_file import OnnxModel, write_onnx
from pole.learning.exporting.program import Program
from pole.learning.exporting.python_file import PythonModel, source_of_estimator, write_arrays
from pole.learning.exporting.torch_file import ProgramModule
from pole.learning.exporting.trained_model import TrainedModel

Made = tuple[Runner, Program]
Make = Callable[[Path, TrainedModel], Made]

ENCODED = Preparation(
    source=OF_TABLE.source,
    encoder=Encoder(name="net.py:Net", digest="0" * 64, width=3, low=(-1, 0, 2), high=(1, 5, 2.5)),
    target=OF_TABLE.target,
)


def onnx(folder: Path, trained: TrainedModel) -> Made:
    program, path = of_rows(trained), folder / "model.onnx"
    path.write_bytes(write_onnx(program, {}))
    return OnnxModel(path), program


def python(folder: Path, trained: TrainedModel) -> Made:
    program = of_rows(trained)
    (folder / "model.npz").write_bytes(write_arrays(program, trained))
    (folder / "model.py").write_bytes(source_of_estimator())
    return PythonModel(folder / "model.py"), program


def torch(_: Path, trained: TrainedModel) -> Made:
    program = without_texts(trained)
    return Module(program), program


class Module:
    """A torch module as it is before it is exported, which takes a second each time."""

    def __init__(self, program: Program) -> None:
        self._module = ProgramModule(program)
        self._inputs = [port.name for port in program.inputs]

    def run(self, inputs: dict[str, Any]) -> dict[str, Any]:
        found = self._module(*(from_numpy(np.ascontiguousarray(inputs[name])) for name in self._inputs))
        return {name: value.numpy() for name, value in found.items()}


def with_preparation(preparation: Preparation | None, **more: Any) -> TrainedModel:
    known = preparation or OF_TABLE
    trained = trained_model(specification_of(known, **more))
    return TrainedModel(trained.model, trained.quantisation, preparation)


@pytest.mark.parametrize("make", [onnx, python, torch])
@pytest.mark.parametrize("preparation", [None, *ALL, ENCODED])
def test_rows_of_every_kind_are_answered_as_canonical_evaluation_does(
    tmp_path: Path, make: Make, preparation: Preparation | None
) -> None:
    trained = with_preparation(preparation)
    runner, program = make(tmp_path, trained)
    assert require_equal(trained, runner, random_trials(trained, program, 5, 300)) == RANDOM_ROWS


@pytest.mark.parametrize("make", [python, torch])
@pytest.mark.parametrize("spec", NETWORKS)
def test_so_is_every_layer_elsewhere_than_in_onnx(tmp_path: Path, make: Make, spec: Any) -> None:
    trained = trained_model(spec)
    runner, program = make(tmp_path, trained)
    trials = list(random_trials(trained, program, 6, 128))[:2]
    assert require_equal(trained, runner, iter(trials)) == 256


@pytest.mark.parametrize("metric", ["macro_f1", "auc"])
@pytest.mark.parametrize("make", [python, torch])
def test_so_is_every_metric(tmp_path: Path, make: Make, metric: str) -> None:
    trained = trained_model(specification(metric=metric, classes=2, noise=3))
    runner, program = make(tmp_path, trained)
    assert require_equal(trained, runner, random_trials(trained, program, 7, 512)) == RANDOM_ROWS


def test_another_answer_is_told() -> None:
    trained = with_preparation(OF_TABLE)

    class Liar:
        def run(self, inputs: dict[str, Any]) -> dict[str, Any]:
            count = len(inputs["age"])
            logits = np.zeros((count, 3), dtype=np.int64)
            return {"logits": logits, "label": logits[:, 0], "label_name": np.array(["no"] * count)}

    with pytest.raises(IntegrityError, match="computes another logits than canonical evaluation in row 1 "):
        require_equal(trained, Liar(), random_trials(trained, of_rows(trained), 1, 64))


def test_a_column_may_be_called_as_an_output_is(tmp_path: Path) -> None:
    names = ("label", "label_", "logits", "pole/x", "ö")
    columns = tuple(
        column.model_copy(update={"name": name}) for column, name in zip(TABLE.columns, names, strict=True)
    )
    source = TABLE.model_copy(update={"columns": columns})
    trained = with_preparation(OF_TABLE.model_copy(update={"source": source}))
    runner, program = onnx(tmp_path, trained)
    assert [port.name for port in program.inputs] == ["label_", "label__", "logits_", "pole/x", "ö"]
    require_equal(trained, runner, random_trials(trained, program, 1, 512))
