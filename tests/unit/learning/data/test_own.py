"""A user's own files: what damages them is one sentence, and a .pole file comes back as it was written."""

import io
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.unit.learning.data.test_preparation import example

from pole.errors import InputError
from pole.learning.data.datasets import load
from pole.learning.data.own import UNIT, save_pole
from pole.learning.data.preparation import ClassTarget, ImageSource, Preparation, parse_preparation

PETS = Preparation(
    source=ImageSource(height=2, width=3, channels=1), target=ClassTarget(column="c", names=("a", "b"))
)
Y = np.array([0, 1, 1])


def saved(tmp_path: Path, preparation: Preparation = PETS, **changes: Any) -> Path:
    x = np.arange(18).reshape(3, 2, 3) / 255
    path = tmp_path / "pets.pole"
    save_pole(path, {"x_train": x, "y_train": Y, "x_test": x, "y_test": Y} | changes, preparation)
    return path


KILLED = """
import os
import signal
import sys
from pathlib import Path

import numpy as np

from pole.learning.data import own
from tests.unit.learning.data.test_own import PETS, Y

write = own.write_pole

def killed(file, samples, preparation):
    write(file, samples, preparation)
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)

own.write_pole = killed
if sys.argv[2:]:
    del os.O_TMPFILE
x = np.zeros((3, 2, 3))
own.save_pole(Path(sys.argv[1]), {"x_train": x, "y_train": Y, "x_test": x, "y_test": Y}, PETS)
"""


@pytest.mark.parametrize(("named", "left"), [([], set()), (["named"], {".pets.pole.unsaved"})])
@pytest.mark.parametrize("before", [None, b"what was there before"])
def test_a_kill_leaves_what_was_there_and_no_data_that_the_next_run_does_not_take(
    tmp_path: Path, named: list[str], left: set[str], before: bytes | None
) -> None:
    path = tmp_path / "pets.pole"
    if before is not None:
        path.write_bytes(before)
    there = {each.name for each in tmp_path.iterdir()}
    for _ in range(2):
        ended = subprocess.run([sys.executable, "-c", KILLED, path, *named], check=False)
        assert ended.returncode == -signal.SIGKILL
        assert {each.name for each in tmp_path.iterdir()} == there | left
        assert all((tmp_path / name).stat().st_mode & 0o777 == 0o600 for name in left)
        assert (path.read_bytes() if path.exists() else None) == before
    saved(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["pets.pole"]
    assert load(str(path), None).preparation == PETS


def test_a_pole_file_comes_back_with_its_preparation(tmp_path: Path) -> None:
    path = saved(tmp_path)
    dataset = load(str(path), None)
    assert (dataset.name, dataset.preparation, dataset.bounds) == ("pets", PETS, UNIT)
    assert dataset.x_train.tobytes() == (np.arange(18) / 255).tobytes()
    assert dataset.y_test.tolist() == Y.tolist()
    first = path.read_bytes()
    assert saved(tmp_path).read_bytes() == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["pets.pole"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"x_train": np.zeros((3, 3, 2))}, "x_train in .* is uint8 of shape .* prepare the data again"),
        ({"y_test": np.array([0, 1, 2])}, "has labels beyond the 2 of its preparation"),
        ({"y_test": np.array([0, 1])}, "it must hold 3 integers"),
    ],
)
def test_a_pole_file_that_is_not_its_preparations_is_refused(
    tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        load(str(saved(tmp_path, **changes)), None)


def test_values_beyond_the_unit_range_are_refused(tmp_path: Path) -> None:
    preparation = parse_preparation(Preparation.model_validate(example(), strict=False).canonical_bytes())
    path = saved(tmp_path, preparation, x_train=np.full((3, 4), 1.5), x_test=np.zeros((3, 4)))
    with pytest.raises(InputError, match="has values beyond 0 to 1"):
        load(str(path), None)


def arrays(**changes: Any) -> bytes:
    stream = io.BytesIO()
    x = np.random.default_rng(1).normal(size=(30, 2))
    y = np.arange(30) % 3
    np.savez(stream, **({"x_train": x, "y_train": y, "x_test": x, "y_test": y} | changes))
    return stream.getvalue()


def encrypted(data: bytes) -> bytes:
    """Return a zip file whose first entry says that it is encrypted."""
    place = data.index(b"PK\x01\x02") + 8
    return data[:place] + bytes([data[place] | 1]) + data[place + 1 :]


def damaged_deflate() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        # An entry that is made by name has the time of day, and test ids would differ between processes.
        entry = zipfile.ZipInfo("x_train.npy")
        archive.writestr(entry, b"\x93NUMPY" + bytes(1000), zipfile.ZIP_DEFLATED)
    data = stream.getvalue()
    return data[:45] + b"\xff\xff\xff" + data[48:]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\x93NUMPY" + bytes(100), "is one array of numpy.save under another name"),
        (encrypted(arrays()), "is encrypted; save it without a password"),
        (damaged_deflate(), r"lacks y_train|is no usable \.npz file"),
        (arrays()[:-40], r"is no usable \.npz file"),
        (b"", r"is no usable \.npz file"),
        (arrays(y_train=np.arange(30) % 3 + 1), "begin at 1 and end at 3; save them counted from 0"),
        (arrays(x_train=np.zeros((30, 6, 6, 3))), r"looks like \(n, height, width, channels\)"),
        (arrays(x_train=np.array([{}] * 30)), r"is no usable \.npz file"),
    ],
)
def test_a_damaged_file_is_one_sentence(tmp_path: Path, data: bytes, sentence: str) -> None:
    path = tmp_path / "own.npz"
    path.write_bytes(data)
    with pytest.raises(InputError, match=sentence) as caught:
        load(str(path), None)
    assert str(caught.value).endswith(".")


def test_an_archive_that_unpacks_to_too_much_is_refused_before_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pole.learning.data.reading.MAX_UNPACKED_BYTES", 1000)
    np.savez_compressed(tmp_path / "own.npz", **np.load(io.BytesIO(arrays())))
    with pytest.raises(InputError, match="more than the 1,000 that PoLe reads; take fewer rows"):
        load(str(tmp_path / "own.npz"), None)


def test_an_outlier_does_not_flatten_its_column_and_is_said(tmp_path: Path) -> None:
    x = np.random.default_rng(1).normal(size=(30, 2))
    x[4, 1] = 1e6
    (tmp_path / "own.npz").write_bytes(arrays(x_train=x))
    dataset = load(str(tmp_path / "own.npz"), None)
    assert dataset.bounds is not None
    assert max(dataset.bounds.high) < 10
    assert [sentence.split(" have ")[0] for sentence in dataset.advice] == [
        f"1 of 30 training samples in {tmp_path / 'own.npz'}"
    ]
    (tmp_path / "own.npz").write_bytes(arrays())
    assert load(str(tmp_path / "own.npz"), None).advice == ()
