from dataclasses import replace

import numpy as np

from pole.learning.data.datasets import DataSet
from pole.learning.data.digest import data_set_digest

X = np.arange(24).reshape(6, 2, 2).astype(np.uint8)
DATA = DataSet("blobs", X, np.arange(6) % 2, X[:2], np.arange(2), classes=2)


def test_order_labels_shape_and_number_type_play_no_part() -> None:
    same = [
        replace(DATA, x_train=X[::-1]),
        replace(DATA, y_train=DATA.y_train[::-1]),
        replace(DATA, x_train=X.reshape(6, 4)),
        replace(DATA, x_train=X.astype(np.float32)),
        replace(DATA, x_test=X[2:3]),
    ]
    assert {data_set_digest(each) for each in [DATA, *same]} == {data_set_digest(DATA)}


def test_a_subset_a_scaled_copy_and_a_repeated_sample_are_other_data() -> None:
    others = [X[1:], X * 2, np.concatenate([X, X[:1]]), X[:, ::-1]]
    digests = {data_set_digest(replace(DATA, x_train=x)) for x in others}
    assert len(digests) == 4
    assert data_set_digest(DATA) not in digests
