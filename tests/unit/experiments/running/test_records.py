import json
import subprocess
import sys
from pathlib import Path

import pytest
from experiments.running.environment import REPOSITORY
from experiments.running.records import Record, Size, append, best_size, read


def record(
    setting: str = "a", seed: int = 0, size: Size = Size.QUICK, **measured: float | list[list[float]]
) -> Record:
    return Record("one", size, setting, seed, measured, {"machine": "this one"}, 1.5)


def test_a_file_that_is_not_there_has_no_records(tmp_path: Path) -> None:
    assert read(tmp_path / "none.jsonl") == []


def test_records_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "one.jsonl"
    written = [record(seed=0, test=97.5), record("b", 3, Size.FULL, curve=[[1, 2.0]])]
    for each in written:
        append(path, each)
    assert read(path) == written


def test_numbers_that_are_none_are_not_recorded(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        append(tmp_path / "one.jsonl", record(test=float("nan")))
    assert read(tmp_path / "one.jsonl") == []


def test_a_line_that_was_cut_off_is_measured_again(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    append(path, record(seed=0))
    whole = path.read_text()
    path.write_text(whole + whole[: len(whole) // 2])
    assert read(path) == [record(seed=0)]
    append(path, record(seed=1))
    assert [json.loads(line)["seed"] for line in path.read_text().splitlines()] == [0, 1]


def test_commands_beside_each_other_lose_no_record_and_have_each_key_once(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    script = (
        "import sys; from pathlib import Path\n"
        "from experiments.running.records import Record, Size, append\n"
        "for seed in range(40):\n"
        "    append(Path(sys.argv[1]), Record('one', Size.QUICK, 'a', seed, {}, {}, 1.0))\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", script, path], cwd=REPOSITORY) for _ in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert sorted(each.seed for each in read(path)) == list(range(40))


def test_a_record_that_is_there_already_stays(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    assert append(path, record(value=1.0))
    assert not append(path, record(value=2.0))
    assert read(path) == [record(value=1.0)]


def test_a_setting_is_told_at_its_largest_size_alone() -> None:
    small, large = record(size=Size.QUICK), [record(seed=seed, size=Size.REDUCED) for seed in (0, 1)]
    other = record("b", size=Size.QUICK)
    assert best_size([small, *large, other]) == [*large, other]
    assert best_size([*large, small, other]) == [*large, other]
