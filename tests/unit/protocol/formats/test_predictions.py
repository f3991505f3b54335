import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pole.errors import InputError
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.formats.predictions import predictions_digest

labels = st.lists(st.integers(-1, 5), max_size=6).map(lambda values: np.array(values, dtype=np.int16))


@pytest.mark.parametrize("label", [-2, 0xFFFF, 2**40])
def test_what_is_no_label_is_refused(label: int) -> None:
    with pytest.raises(InputError, match="must lie in"):
        predictions_digest(0, np.array([label], dtype=np.int64), None)


@pytest.mark.parametrize("predictions", [np.zeros((1, 1), np.int16), np.zeros(1), np.zeros(1, bool)])
def test_what_is_no_list_of_labels_is_refused(predictions: np.ndarray) -> None:
    with pytest.raises(InputError, match="one-dimensional"):
        predictions_digest(0, predictions, None)


def test_the_bytes_are_those_of_the_format() -> None:
    train, test = np.array([1, -1, 258], np.int16), np.array([2], np.uint8)
    plain = b"pole.predictions.v2" + bytes.fromhex("00 03000000 0100 ffff 0201 01000000 0200")
    assert predictions_digest(0, train, test) == keccak256(plain)
    plain = b"pole.predictions.v2" + bytes.fromhex("02 03000000 0100 ffff 0201 00000000")
    assert predictions_digest(2, train, None) == keccak256(plain)


@given(labels, labels)
def test_a_digest_of_an_earlier_attempt_is_worthless_in_a_later_one(a: np.ndarray, b: np.ndarray) -> None:
    assert len({predictions_digest(attempt, a, b) for attempt in range(3)}) == 3


@given(labels, labels, labels, labels)
def test_different_predictions_have_different_digests(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray
) -> None:
    equal = np.array_equal(a, c) and np.array_equal(b, d)
    assert (predictions_digest(1, a, b) == predictions_digest(1, c, d)) == equal
