"""Arrays on disk are arrays like any other, but memory need not hold them, and nothing is left of them."""

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tests.unit.learning.bounded import ends_well

from pole.errors import DiskError
from pole.learning.machine.disk_arrays import OnDisk


def test_where_there_is_no_room_it_is_said_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(
        DiskError, match=r"48 bytes cannot be kept in .* \(No space left on device\): make room"
    ):
        OnDisk(tmp_path, smallest=1)((2, 3), np.float64)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    values=arrays.arrays(
        st.sampled_from([np.uint8, np.int64, np.float32]), arrays.array_shapes(max_dims=3, min_side=0)
    ),
    smallest=st.integers(0, 64),
)
def test_what_is_written_is_read_again_whatever_the_size(
    tmp_path: Path, values: np.ndarray[Any, Any], smallest: int
) -> None:
    made = OnDisk(tmp_path / "kept", smallest)(values.shape, values.dtype)
    made[...] = values
    assert (made.dtype, made.shape) == (values.dtype, values.shape)
    assert made.tobytes() == values.tobytes()


def test_nothing_of_it_is_seen_in_its_folder(tmp_path: Path) -> None:
    made = OnDisk(tmp_path, smallest=1)((1000,), np.int64)
    made[:] = 7
    assert list(tmp_path.iterdir()) == []
    assert made.sum() == 7000


def test_its_owner_alone_may_look_into_the_folder(tmp_path: Path) -> None:
    OnDisk(tmp_path / "kept", smallest=1)((1000,), np.int64)
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o700


FILLS = """
import sys
import numpy as np
from pathlib import Path
from pole.learning.machine.disk_arrays import OnDisk

bound(32)
allocate = OnDisk(Path(sys.argv[1])) if len(sys.argv) > 1 else np.empty
values = allocate((2**24,), np.float64)
values[:] = 1.0
assert values.sum() == 2**24
"""


def test_it_may_be_larger_than_the_memory_that_a_process_has(tmp_path: Path) -> None:
    assert not ends_well(FILLS)
    assert ends_well(FILLS, tmp_path)
