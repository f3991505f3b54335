"""ONNX files: what onnxruntime computes is canonical evaluation, to the bit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.learning.exporting.trained import (
    NETWORKS,
    networks,
    random_samples,
    specification,
    trained_model,
)

from pole.learning.exporting.lowering import of_samples
from pole.learning.exporting.onnx_file import OnnxModel, write_onnx
from pole.learning.exporting.trained_model import TrainedModel
from pole.protocol.models.specification import ModelSpecification

ERROR = {"name": "mean_absolute_error", "scale": 5}
TILED = {"kind": "blocks", "tile": [2, 3]}
PADDED = {"kind": "conv", "kernel": [3, 3]}
UNPADDED = {"kind": "conv", "kernel": [2, 3], "padding": "valid"}


def run(path: Path, trained: TrainedModel, samples: Any) -> dict[str, Any]:
    path.write_bytes(write_onnx(of_samples(trained), {"format": "test"}))
    return OnnxModel(path).run({"samples": samples})


def require_equal(path: Path, spec: ModelSpecification, seed: int, count: int = 60) -> None:
    trained, samples = trained_model(spec, seed), random_samples(spec, count, seed)
    found = run(path / "model.onnx", trained, samples)
    logits = trained.logits(samples)
    assert np.array_equal(found["logits"], logits)
    assert np.array_equal(found["label"], trained.labels(logits))
    if trained.is_regression:
        assert np.array_equal(found["value"], trained.values(trained.labels(logits)))
    else:
        names = np.array(trained.names())[trained.labels(logits)]
        assert found["label_name"].tolist() == names.tolist()


@pytest.mark.parametrize("spec", NETWORKS)
@pytest.mark.parametrize("seed", [1, 2])
def test_every_layer_gives_the_bits_of_canonical_evaluation(
    tmp_path: Path, spec: ModelSpecification, seed: int
) -> None:
    require_equal(tmp_path, spec, seed)


@settings(max_examples=25, deadline=None)
@given(spec=networks(), seed=st.integers(0, 2**16))
def test_so_does_every_network_of_them(
    tmp_path_factory: pytest.TempPathFactory, spec: ModelSpecification, seed: int
) -> None:
    require_equal(tmp_path_factory.mktemp("onnx"), spec, seed, count=15)


@pytest.mark.parametrize("mapping", [None, TILED, PADDED, UNPADDED])
@pytest.mark.parametrize("noise", [0, 7])
def test_every_mapping_layer_does_with_noise_and_without(
    tmp_path: Path, mapping: dict[str, Any] | None, noise: int
) -> None:
    require_equal(tmp_path, specification(mapping=mapping, noise=noise, shape=(2, 4, 6)), 3)


@pytest.mark.parametrize(("metric", "classes"), [("macro_f1", 4), ("auc", 2), (ERROR, 30), ("accuracy", 2)])
def test_every_metric_reads_its_label(tmp_path: Path, metric: Any, classes: int) -> None:
    require_equal(tmp_path, specification(metric=metric, classes=classes), 4, count=300)


def test_no_rows_give_no_rows(tmp_path: Path) -> None:
    trained = trained_model(specification())
    found = run(tmp_path / "model.onnx", trained, np.empty((0, 5)))
    assert found["logits"].shape == (0, 3)
    assert found["label"].shape == (0,)


def test_the_same_model_gives_the_same_file() -> None:
    first, second = (write_onnx(of_samples(trained_model(NETWORKS[0])), {"b": "1", "a": "2"}) for _ in "12")
    assert first == second
