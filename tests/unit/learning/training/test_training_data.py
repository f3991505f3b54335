"""What a network learns from is the same to the bit in memory and on disk."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.learning.bounded import ends_well

from pole.learning.evaluation import features as feature_module
from pole.learning.evaluation import model_file
from pole.learning.evaluation.features import fit_feature_map, normalised, whiten, whitening
from pole.learning.machine.disk_arrays import OnDisk
from pole.learning.training.recipe import TrainingSettings
from pole.learning.training.search import _split
from pole.learning.training.stopping import StopRule
from pole.learning.training.training import train
from pole.learning.training.training_data import TrainingTask, prepare
from pole.protocol.mapping.kinds import LinearMapping
from pole.protocol.mapping.layer import feature_shape
from pole.protocol.models.specification import mlp

CPU = torch.device("cpu")
SPECIFICATION = mlp(
    input_shape=(4,), input_bits=8, mapping=LinearMapping(bits=8, queries=4), hidden=(8,), classes=3
)


def task(count: int, *, on: Any, seed: int = 1) -> TrainingTask:
    random = np.random.default_rng(seed)
    labels = np.arange(count) % SPECIFICATION.classes
    shape = (count, *feature_shape(SPECIFICATION))
    features = (random.integers(0, 900, shape) + 300 * labels[:, None]).astype(np.uint16)
    settings_ = TrainingSettings(epochs=2, steps=1)
    return TrainingTask(SPECIFICATION, bytes(32), features, labels, settings_, on)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(count=st.integers(2, 70), at_once=st.integers(1, 200), seed=st.integers(0, 99))
def test_inputs_on_disk_are_those_in_memory(tmp_path: Path, count: int, at_once: int, seed: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        blocks = feature_module.batches
        patch.setattr(feature_module, "batches", lambda n, size: blocks(n, size, at_once))
        given_task = task(count, on=OnDisk(tmp_path, smallest=1), seed=seed)
        found = prepare(given_task, CPU)
        values = normalised(given_task.features, fit_feature_map(given_task.features))
        matrix = whitening(values, given_task.settings.whitening_floor)
        expected = whiten(values, matrix)
    assert found.inputs.numpy().tobytes() == expected.tobytes()
    assert found.whitening is not None
    assert found.whitening.tobytes() == matrix.tobytes()


def test_the_model_that_is_found_is_the_same(tmp_path: Path) -> None:
    rule = StopRule(1, float("inf"), lambda: 0.0, lambda: False)
    in_memory, on_disk = (
        train(each, rule, random_seed=3, device=CPU)
        for each in (task(64, on=np.empty), task(64, on=OnDisk(tmp_path, smallest=1)))
    )
    assert model_file.save(in_memory.candidate.model) == model_file.save(on_disk.candidate.model)


def test_a_search_parts_samples_on_disk_too(tmp_path: Path) -> None:
    parts = [_split(task(50, on=on), 7) for on in (np.empty, OnDisk(tmp_path, smallest=1))]
    for ours, theirs in zip(*parts, strict=True):
        assert ours.features.tobytes() == theirs.features.tobytes()
        assert ours.labels.tolist() == theirs.labels.tolist()


PREPARES = """
import sys
from pathlib import Path
import numpy as np
import torch
from pole.learning.machine.disk_arrays import OnDisk
from tests.unit.learning.training.test_training_data import CPU, SPECIFICATION, task
from pole.learning.training.training_data import TrainingTask, prepare
from pole.learning.training.recipe import TrainingSettings
from pole.protocol.mapping.layer import feature_shape

prepare(task(64, on=np.empty), CPU)
bound(56)
count = 2**24 // feature_shape(SPECIFICATION)[0]
features = OnDisk(Path(sys.argv[1]), smallest=1)((count, *feature_shape(SPECIFICATION)), np.uint16)
for start in range(0, count, 2**16):
    features[start : start + 2**16] = np.arange(features[start : start + 2**16].size).reshape(
        -1, features.shape[1]
    )
labels = np.zeros(count, dtype=np.uint8)
allocate = OnDisk(Path(sys.argv[1]), smallest=1) if len(sys.argv) > 2 else np.empty
whole = TrainingTask(SPECIFICATION, bytes(32), features, labels, TrainingSettings(), allocate)
data = prepare(whole, CPU)
assert data.inputs[torch.tensor([count - 1, 0])].shape == (2, features.shape[1])
"""


def test_memory_need_not_hold_what_a_network_learns_from(tmp_path: Path) -> None:
    assert ends_well(PREPARES, tmp_path, "on disk")
    assert not ends_well(PREPARES, tmp_path)
