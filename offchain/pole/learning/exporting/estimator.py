"""A model that PoLe exported, as a scikit-learn estimator; needs NumPy and scikit-learn alone.

The file beside this one, of the same name with the ending .npz, has the model: constants, and a list of steps
that are operations of ONNX. All arithmetic is in float64 and exact or correctly rounded, so predictions are
equal to the canonical evaluation that the model was bought by.

    from model import load
    load().predict(frame)
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin  # type: ignore[import-untyped]

LOGIT_ONE = 2**10
ROWS_AT_ONCE = 512


def _reshape(value: Any, shape: Any) -> Any:
    kept = [value.shape[place] if size == 0 else size for place, size in enumerate(shape.tolist())]
    return value.reshape(kept)


def _pad(value: Any, pads: Any, fill: Any) -> Any:
    rank = value.ndim
    return np.pad(value, list(zip(pads[:rank], pads[rank:], strict=True)), constant_values=float(fill))


def _encode_labels(
    cells: Any, *, keys_strings: Sequence[str], values_int64s: Sequence[int], default_int64: int
) -> Any:
    known = dict(zip(keys_strings, values_int64s, strict=True))
    found = [known.get(str(cell), default_int64) for cell in cells.ravel()]
    return np.array(found, dtype=np.int64).reshape(cells.shape)


OPERATIONS: Mapping[str, Callable[..., Any]] = {
    "Add": lambda a, b: a + b,
    "ArgMax": lambda x, axis, keepdims: np.argmax(x, axis=axis),
    "Cast": lambda x, to: x.astype(to),
    "Clip": lambda x, low, high: np.clip(x, low, high),
    "Concat": lambda *given, axis: np.concatenate(given, axis=axis),
    "Div": lambda a, b: a / b,
    "Equal": lambda a, b: a == b,
    "Floor": np.floor,
    "Gather": lambda x, places, axis: np.take(x, places, axis=axis),
    "Greater": lambda a, b: a > b,
    "Identity": lambda x: x,
    "IsInf": np.isinf,
    "IsNaN": np.isnan,
    "LabelEncoder": _encode_labels,
    "Less": lambda a, b: a < b,
    "MatMul": lambda a, b: a @ b,
    "Mul": lambda a, b: a * b,
    "Or": lambda a, b: a | b,
    "Pad": _pad,
    "ReduceMax": lambda x, axes, keepdims: x.max(axis=int(axes[0]), keepdims=bool(keepdims)),
    "ReduceSum": lambda x, axes, keepdims: x.sum(axis=int(axes[0]), keepdims=bool(keepdims)),
    "Reshape": _reshape,
    "Round": np.rint,
    "Sqrt": np.sqrt,
    "Sub": lambda a, b: a - b,
    "Transpose": lambda x, perm: x.transpose(perm),
    "Where": np.where,
}


class _Exported(BaseEstimator):  # type: ignore[misc]
    """What classifier and regressor have in common: rows in, the program's outputs out."""

    def __init__(self, path: str | Path | None = None) -> None:
        self.path = path
        self._read(Path(path) if path is not None else Path(__file__).with_suffix(".npz"))

    def fit(self, X: Any, y: Any = None) -> "_Exported":
        """Return the estimator as it is: it was trained before it was exported."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def outputs(self, X: Any) -> dict[str, Any]:
        """Return all outputs of rows: logits (n, outputs) in multiples of 2^-10, labels, what they mean.

        Rows are a data frame, a mapping of columns or a two-dimensional array for a table; arrays else.
        """
        given = self._columns(X)
        count = len(next(iter(given.values())))
        starts = range(0, max(count, 1), ROWS_AT_ONCE)
        parts = [
            self._run({name: column[start : start + ROWS_AT_ONCE] for name, column in given.items()})
            for start in starts
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in self._outputs}

    def decision_function(self, X: Any) -> Any:
        """Return the logits (n, outputs) as real numbers."""
        return self.outputs(X)["logits"] / LOGIT_ONE

    def _read(self, path: Path) -> None:
        with np.load(path, allow_pickle=False) as file:
            program = json.loads(str(file["program"]))
            self._constants = {name: file[key] for key, name in program["constants"].items()}
        self._inputs, self._outputs = program["inputs"], program["outputs"]
        self._steps, self._is_table = program["steps"], program["isTable"]
        self.classes_ = np.array(program["classes"])
        self.n_features_in_ = len(self._inputs)

    def _run(self, given: dict[str, Any]) -> dict[str, Any]:
        values = {**self._constants, **given}
        for step in self._steps:
            inputs = [values[name] for name in step["inputs"]]
            values[step["output"]] = OPERATIONS[step["op"]](*inputs, **step["attributes"])
        return {name: values[name] for name in self._outputs}

    def _columns(self, X: Any) -> dict[str, Any]:
        if not self._is_table:
            (port,) = self._inputs
            return {port["name"]: np.asarray(X, dtype=port["type"])}
        named = isinstance(X, Mapping) or hasattr(X, "columns")
        cells = X if named else np.asarray(X, dtype=object)
        return {
            port["name"]: _cells(cells[port["column"]] if named else cells[:, place], port["type"])
            for place, port in enumerate(self._inputs)
        }


def _cells(column: Any, kind: str) -> Any:
    """Return a column as numbers, NaN for what is missing, or as texts; dates as seconds since 1970 UTC."""
    given = np.asarray(column)
    if given.dtype.kind == "M":
        micros = given.astype("datetime64[us]")
        return np.where(np.isnat(micros), np.nan, micros.astype(np.int64) / 1e6)
    if kind == "str":
        return np.array([_text(cell) for cell in given.tolist()], dtype=str)
    return np.array([np.nan if _is_missing(cell) else float(cell) for cell in given.tolist()])


def _text(cell: Any) -> str:
    if _is_missing(cell):
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def _is_missing(cell: Any) -> bool:
    return cell is None or cell == "" or cell != cell or str(cell) == "<NA>"


class ExportedClassifier(ClassifierMixin, _Exported):  # type: ignore[misc]
    """A classifier: `predict` gives classes by name, `predict_proba` the softmax of the logits."""

    def predict(self, X: Any) -> Any:
        """Return the predicted classes (n,) by name."""
        return self.outputs(X)["label_name"]

    def predict_proba(self, X: Any) -> Any:
        """Return the probabilities (n, classes), in the order of `classes_`."""
        found = self.decision_function(X)
        powers = np.exp(found - found.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)


class ExportedRegressor(RegressorMixin, _Exported):  # type: ignore[misc]
    """A regressor: `predict` gives numbers in the unit of the target."""

    def predict(self, X: Any) -> Any:
        """Return the predicted numbers (n,)."""
        return self.outputs(X)["value"]


def load(path: str | Path | None = None) -> ExportedClassifier | ExportedRegressor:
    """Return the estimator of an .npz file, which is the one beside this file unless it is named."""
    chosen = Path(path) if path is not None else Path(__file__).with_suffix(".npz")
    with np.load(chosen, allow_pickle=False) as file:
        is_regression = "value" in json.loads(str(file["program"]))["outputs"]
    return (ExportedRegressor if is_regression else ExportedClassifier)(chosen)
