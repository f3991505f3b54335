"""A program as an ONNX file, exact on onnxruntime's processor provider; written without torch."""

from pathlib import Path
from typing import Any, Final

import numpy as np

from pole.learning.exporting.program import BYTE, FLOAT, TEXT, WHOLE, Port, Program, Step

OPSET: Final = 18
ML_OPSET: Final = 3
ML_DOMAIN: Final = "ai.onnx.ml"
IR_VERSION: Final = 9
ROWS: Final = "rows"
"""The name of the first dimension of every input and output."""


def write_onnx(program: Program, metadata: dict[str, str]) -> bytes:
    """Return the bytes of the ONNX file of a program, with metadata of strings; the same ones every time."""
    import onnx
    from onnx import helper

    graph = helper.make_graph(
        [_node(step) for step in program.steps],
        "pole",
        [_port(port) for port in program.inputs],
        [_port(port) for port in program.outputs],
        [_tensor(name, value) for name, value in program.constants.items()],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(ML_DOMAIN, ML_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, producer_name="pole", ir_version=IR_VERSION)
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


class OnnxModel:
    """An ONNX file at work in onnxruntime, on one thread of the processor."""

    def __init__(self, path: Path) -> None:
        import onnxruntime  # type: ignore[import-untyped]

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Return the outputs of rows by name."""
        names = [port.name for port in self._session.get_outputs()]
        return dict(zip(names, self._session.run(names, inputs), strict=True))


def _types() -> dict[str, int]:
    from onnx import TensorProto

    return {
        FLOAT: TensorProto.DOUBLE,
        WHOLE: TensorProto.INT64,
        BYTE: TensorProto.UINT8,
        TEXT: TensorProto.STRING,
    }


def _node(step: Step) -> Any:
    from onnx import helper

    attributes: dict[str, Any] = dict(step.attributes)
    if "to" in attributes:
        attributes["to"] = _types()[attributes["to"]]
    domain = ML_DOMAIN if step.op == "LabelEncoder" else ""
    return helper.make_node(step.op, list(step.inputs), [step.output], domain=domain, **attributes)


def _port(port: Port) -> Any:
    from onnx import helper

    return helper.make_tensor_value_info(port.name, _types()[port.type], [ROWS, *port.shape])


def _tensor(name: str, value: Any) -> Any:
    from onnx import TensorProto, helper, numpy_helper

    if value.dtype.kind == "U":
        texts = [text.encode() for text in value.ravel().tolist()]
        return helper.make_tensor(name, TensorProto.STRING, value.shape, texts)
    return numpy_helper.from_array(np.ascontiguousarray(value).reshape(value.shape), name)
