"""A data set prepared on disk, block by block, is the one that is prepared in memory, to the bit."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from tests.unit.learning.bounded import ends_well
from tests.unit.learning.preparing.test_preparing import columns, written

from pole.errors import DiskError, InputError
from pole.learning.evaluation.features import batches
from pole.learning.machine.disk_arrays import OnDisk
from pole.learning.preparing import arrow_files, delimited, preparing
from pole.learning.preparing.preparing import Prepared, Wanted, prepare
from pole.learning.preparing.tables import Workspace, on_disk

CHURNED = Wanted(target="churned")


def everything_on_disk(folder: Path) -> Workspace:
    return replace(on_disk(folder), allocate=OnDisk(folder, smallest=1))


def told(prepared: Prepared) -> tuple[Any, ...]:
    samples = {name: (array.dtype, array.tobytes()) for name, array in prepared.dataset.samples().items()}
    return samples, prepared.preparation, prepared.columns, prepared.notes


CELLS = st.one_of(
    st.sampled_from(["", "NA", "1,000", "+3", "inf", "nan(1)", "12:30", "many", "2020-01-01"]),
    st.integers(-50, 50).map(str),
    st.floats(-1e3, 1e3).map(repr),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(
    rows=st.lists(st.tuples(CELLS, CELLS, st.booleans()), min_size=8, max_size=40), block=st.integers(1, 50)
)
def test_blocks_of_any_size_make_the_samples_of_the_whole(
    tmp_path: Path, rows: list[tuple[str, str, bool]], block: int
) -> None:
    path = tmp_path / "rows.csv"
    lines = [f'"{a}","{b}",{number % 7},{"ab"[number % 2]}' for number, (a, b, _) in enumerate(rows)]
    path.write_text("\n".join(["left,right,week,side", *lines]))
    wanted = Wanted(target="side", categories=("week",))
    whole = prepare(path, wanted)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preparing, "batches", partial(batches, at_once=block))
        patch.setattr(delimited, "BLOCK_BYTES", 256)
        found = prepare(path, wanted, workspace=everything_on_disk(tmp_path))
    assert told(found) == told(whole)


@pytest.mark.parametrize("kind", ["csv", "parquet", "feather", "arrows", "xlsx"])
def test_every_kind_of_table_can_be_kept_on_disk(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, kind)
    whole = prepare(path, CHURNED)
    monkeypatch.setattr(arrow_files, "ROWS", 7)
    assert told(prepare(path, CHURNED, workspace=everything_on_disk(tmp_path))) == told(whole)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.float64])
@pytest.mark.parametrize("shape", [(3,), (2, 4)])
def test_arrays_can_be_kept_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Any, shape: tuple[int, ...]
) -> None:
    random = np.random.default_rng(3)
    parts: dict[str, Any] = {
        f"{name}_{part}": array
        for part, count in (("train", 30), ("test", 10))
        for name, array in (
            ("x", random.integers(0, 90, (count, *shape)).astype(kind)),
            ("y", np.arange(count) % 3),
        )
    }
    np.savez(tmp_path / "own.npz", **parts)
    whole = prepare(tmp_path / "own.npz", Wanted())
    monkeypatch.setattr(preparing, "batches", partial(batches, at_once=20))
    found = prepare(tmp_path / "own.npz", Wanted(), workspace=everything_on_disk(tmp_path))
    assert told(found) == told(whole)


def test_rows_that_are_made_samples_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "batches", lambda count, _: batches(count, 1, 40))
    counted: list[tuple[int, int]] = []
    prepare(
        written(tmp_path, "csv"),
        CHURNED,
        workspace=on_disk(tmp_path, lambda done, total: counted.append((done, total))),
    )
    assert counted == [(40, 100), (80, 100), (100, 100)]


def test_a_disk_without_room_is_no_fault_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "csv")
    with pytest.raises(
        DiskError, match=r"The rows cannot be kept in .*nowhere \(No such file or directory\)"
    ):
        prepare(path, CHURNED, workspace=on_disk(tmp_path / "nowhere"))


def test_a_damaged_file_is_no_fault_of_the_disk(tmp_path: Path) -> None:
    path = written(tmp_path, "parquet")
    content = path.read_bytes()
    path.write_bytes(content[:100] + bytes(200) + content[300:])
    with pytest.raises(InputError, match="is no usable table"):
        prepare(path, CHURNED, workspace=on_disk(tmp_path))


def test_rows_of_several_row_groups_are_refused_by_the_largest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parquet.write_table(pa.table(columns()), tmp_path / "rows.parquet", row_group_size=10)
    monkeypatch.setattr(arrow_files, "MAX_UNPACKED_BYTES", 2000)
    prepare(tmp_path / "rows.parquet", CHURNED, workspace=on_disk(tmp_path))
    monkeypatch.setattr(arrow_files, "MAX_UNPACKED_BYTES", 100)
    with pytest.raises(InputError, match=r"A row group of .* write it in smaller row groups"):
        prepare(tmp_path / "rows.parquet", CHURNED, workspace=on_disk(tmp_path))


PREPARES = """
import sys
from pathlib import Path
from pole.learning.preparing.preparing import Wanted, prepare
from pole.learning.preparing.tables import MEMORY, on_disk

path = Path(sys.argv[1])
prepare(path.with_name("few.parquet"), Wanted(target="y"))
bound(128)
workspace = on_disk(path.parent) if len(sys.argv) > 2 else MEMORY
found = prepare(path, Wanted(target="y"), workspace=workspace)
assert len(found.dataset.x_train) == 160_000
"""


def test_memory_holds_a_column_and_not_the_table(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    for name, count in (("few", 100), ("many", 200_000)):
        values = {f"x{number}": random.integers(0, 99, count) / 8 for number in range(40)}
        table = pa.table(values | {"y": np.arange(count) % 2})
        parquet.write_table(table, tmp_path / f"{name}.parquet", row_group_size=20_000)
    assert ends_well(PREPARES, tmp_path / "many.parquet", "on disk")
    assert not ends_well(PREPARES, tmp_path / "many.parquet")
