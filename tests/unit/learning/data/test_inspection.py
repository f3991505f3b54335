"""What is wrong with a data set is found, and said with what to do."""

from typing import Any

import numpy as np
import pytest

from pole.learning.data.datasets import DataSet
from pole.learning.data.inspection import advice, inspect

RANDOM = np.random.default_rng(2)


def data_set(**changes: Any) -> DataSet:
    parts = {
        "x_train": RANDOM.normal(size=(60, 3)),
        "y_train": np.arange(60) % 3,
        "x_test": RANDOM.normal(size=(9, 3)),
        "y_test": np.arange(9) % 3,
    }
    return DataSet("own", **(parts | changes), classes=3)


def said(dataset: DataSet) -> str:
    return " ".join(advice(inspect(dataset), classifies=True))


def test_nothing_is_said_of_what_is_right() -> None:
    assert said(data_set()) == ""


TWICE = np.repeat(RANDOM.normal(size=(30, 3)), 2, axis=0)
CONSTANT = RANDOM.normal(size=(60, 3)) * np.array([1, 0, 1])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"x_train": TWICE}, "30 training and 0 test samples equal an earlier one; drop"),
        ({"x_train": TWICE}, "60 samples have an equal one with another label"),
        ({"x_train": TWICE, "x_test": TWICE[:9]}, "9 test samples (100%) equal a training sample"),
        ({"x_train": CONSTANT}, "1 values of a sample never vary in the training set; leave them out"),
        ({"y_test": np.zeros(9, dtype=int)}, "The test set has one class alone"),
        ({"y_test": np.arange(9) % 2}, "1 classes have no test sample"),
        ({"y_train": np.arange(60) % 2 * 2}, "Label 1 has no training sample; count labels from 0"),
        ({"y_train": np.array([0] * 57 + [1] * 2 + [2])}, "2 classes have fewer than 10 training samples"),
        ({"y_train": np.array([0] * 57 + [1] * 2 + [2])}, "95% of the training samples are of one class"),
    ],
)
def test_what_is_amiss_is_said_with_what_to_do(changes: dict[str, Any], sentence: str) -> None:
    assert sentence in said(data_set(**changes))
