"""Features on disk: in the smallest type that holds them, which no result depends on."""

from pathlib import Path

import numpy as np
import pytest
from tests.unit.roles.conftest import specification

from pole.learning.evaluation.canonical import CanonicalModel, evaluate
from pole.learning.evaluation.features import fit_feature_map
from pole.protocol.formats.encrypted_set import ShardRef
from pole.roles.receiving.feature_files import FeatureFiles, smallest_type
from pole.roles.receiving.samples import OpenedRows, Samples

REF = ShardRef("bafyshard", "ab" * 32, 1, 2)
OPENED = OpenedRows(
    Samples(np.array([[0, 0, 0], [4, 5, 60000]], dtype=np.uint16), np.array([0, 2])), np.array([True, False])
)


@pytest.mark.parametrize(
    ("bound", "dtype"),
    [(0, np.uint16), (2**16 - 1, np.uint16), (2**16, np.int32), (2**31 - 1, np.int32), (2**31, np.int64)],
)
def test_the_type_is_the_smallest_that_holds_the_bound(bound: int, dtype: type) -> None:
    assert smallest_type(bound)[1] == dtype


def test_features_under_another_shard_or_of_another_shape_are_not_read(tmp_path: Path) -> None:
    files = FeatureFiles(tmp_path, (3,), 2**16 - 1)
    files.write(0, REF, OPENED)
    assert files.read(0, ShardRef("bafyother", "cd" * 32, 1, 2), 2) is None
    assert files.read(0, REF, 1) is None
    assert FeatureFiles(tmp_path, (4,), 2**16 - 1).read(0, REF, 2) is None
    assert FeatureFiles(tmp_path, (3,), 2**16).read(0, REF, 2) is None


def test_features_are_read_as_they_were_written(tmp_path: Path) -> None:
    files = FeatureFiles(tmp_path, (3,), 2**16 - 1)
    files.write(0, REF, OPENED)
    read = files.read(0, REF, 2)
    assert read is not None
    assert np.array_equal(read.samples.features, OPENED.samples.features)
    assert np.array_equal(read.samples.labels, OPENED.samples.labels)
    assert np.array_equal(read.bad, OPENED.bad)


def test_the_evaluation_of_a_model_does_not_depend_on_the_type() -> None:
    random = np.random.default_rng(1)
    features = random.integers(0, 2**15, (50, 3))
    labels = random.integers(0, 3, 50)
    weights = random.integers(-5000, 5000, (3, 3)).astype(np.int32)
    tensors = {"logits.weight": weights, "logits.bias": np.zeros(3, dtype=np.int32)}
    maps = [fit_feature_map(features.astype(held)) for held in (np.int64, np.int32, np.uint16)]
    assert all(np.array_equal(maps[0].scale, other.scale) for other in maps)
    model = CanonicalModel(specification(), bytes(32), maps[0], tensors)
    predictions = [
        evaluate(model, features.astype(held), labels).predictions for held in (np.int64, np.int32, np.uint16)
    ]
    assert np.array_equal(predictions[0], predictions[1])
    assert np.array_equal(predictions[0], predictions[2])
