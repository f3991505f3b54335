"""What suits data: as wide as the samples can fill, scored by what its labels ask for."""

import numpy as np
import pytest

from pole.learning.data.datasets import DataSet
from pole.learning.data.preparation import ClassTarget, NumberColumn, NumberTarget, Preparation, TableSource
from pole.learning.suggesting.network import class_names, is_regression, metric_of, network, unit_of
from pole.learning.suggesting.scores import f1_by_class, in_own_words
from pole.protocol.mapping.kinds import LinearMapping
from pole.protocol.models.metrics import AbsoluteError

SOURCE = TableSource(columns=(NumberColumn(name="size", low=0, high=1, fill=0),))


def data(labels: list[int], target: ClassTarget | NumberTarget | None = None) -> DataSet:
    x, y = np.zeros((len(labels), 4)), np.array(labels, dtype=np.int64)
    classes = max(labels) + 1 if target is None else target.classes
    preparation = None if target is None else Preparation(source=SOURCE, target=target)
    return DataSet("made", x, y, x, y, classes=classes, preparation=preparation)


@pytest.mark.parametrize(
    ("labels", "metric"),
    [
        ([0, 1] * 10, "accuracy"),
        ([0] * 9 + [1], "auc"),
        ([0, 1, 2] * 5, "accuracy"),
        ([0] * 10 + [1] * 10 + [2], "macro_f1"),
    ],
)
def test_rare_classes_count_by_the_metric_that_is_chosen(labels: list[int], metric: str) -> None:
    assert metric_of(data(labels)) == metric


def test_guessing_the_median_of_a_regression_scores_nothing() -> None:
    target = NumberTarget(column="price", low=0, step=2.5, steps=100, unit="EUR")
    dataset = data([10, 20, 30, 40, 50], target)
    metric = metric_of(dataset)
    assert isinstance(metric, AbsoluteError)
    assert metric.scale == 12
    assert unit_of(dataset) == (2.5, "EUR")
    said = np.full(5, 30)
    assert in_own_words(dataset, metric, said, dataset.y_test) == "MAE 30 EUR"


def test_many_labels_without_a_preparation_are_steps_of_a_target() -> None:
    assert is_regression(data(list(range(25, 347, 3))))
    assert not is_regression(data([0, 1, 2] * 10))


def test_classes_go_by_the_names_that_their_owner_gave_them() -> None:
    dataset = data([0, 1, 1, 0], ClassTarget(column="churned", names=("no", "yes")))
    assert class_names(dataset) == ("no", "yes")
    assert in_own_words(dataset, "accuracy", np.array([0, 1, 0, 0]), dataset.y_test) == "F1 no 0.80, yes 0.67"


def test_a_class_that_nobody_saw_has_no_f1() -> None:
    found = f1_by_class(np.array([0, 1]), np.array([0, 0]), 3)
    assert found[:2].tolist() == [pytest.approx(2 / 3), 0.0]
    assert np.isnan(found[2])


@pytest.mark.parametrize(("samples", "widths"), [(10, [16, 8]), (150, [32, 16]), (60_000, [512, 256])])
def test_a_network_is_as_wide_as_its_samples_can_fill(samples: int, widths: list[int]) -> None:
    made = network(data([0, 1] * (samples // 2)), LinearMapping(bits=3, queries=2))
    assert [layer.out_features for layer in made.graph if layer.op == "Linear"] == [*widths, 2]


def test_a_regression_has_one_output() -> None:
    target = NumberTarget(column="price", low=0, step=1, steps=100)
    assert network(data([10, 20, 30], target), LinearMapping(bits=3, queries=2)).outputs == 1
