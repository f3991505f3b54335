import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pole.errors import InputError
from pole.protocol.rounds.audit_sample import audit_sample, evaluated_count
from pole.protocol.rounds.committee_draw import shuffled


def test_entropy_of_another_length_is_refused() -> None:
    with pytest.raises(InputError, match="must be drawn first"):
        audit_sample(b"", count=1, total=2)


@pytest.mark.parametrize("count", [0, 10, 11])
def test_an_audit_of_everything_takes_every_sample(count: int) -> None:
    assert audit_sample(bytes(32), count=count, total=10).tolist() == list(range(10))
    assert evaluated_count(count, 10) == 10


@given(st.binary(min_size=32, max_size=32), st.integers(2, 500), st.data())
def test_a_sample_is_distinct_ascending_and_inside(entropy: bytes, total: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, total - 1))
    sample = audit_sample(entropy, count=count, total=total)
    assert sample.dtype == np.int64
    assert len(sample) == evaluated_count(count, total) == count
    assert np.all(np.diff(sample) > 0)
    assert 0 <= sample[0] <= sample[-1] < total


def test_the_sample_does_not_follow_the_committee_draw() -> None:
    drawn = sorted(shuffled(b"\x07" * 32, total=1000, count=10))
    assert audit_sample(b"\x07" * 32, count=10, total=1000).tolist() != drawn


def test_a_known_sample() -> None:
    assert audit_sample(bytes(range(32)), count=5, total=100).tolist() == [6, 12, 27, 37, 88]
