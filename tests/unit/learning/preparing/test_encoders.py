"""Frozen encoders: run before anything is quantised, known by their digest, and their errors have a line."""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from pole.errors import InputError
from pole.learning.data.datasets import load
from pole.learning.data.own import save_pole
from pole.learning.machine.disk_arrays import OnDisk
from pole.learning.preparing.applying import encode, rows_of
from pole.learning.preparing.encoders import find_encoder, fit_encoder, open_encoder
from pole.learning.preparing.preparing import Wanted, prepare, prepare_frame
from pole.learning.preparing.tables import on_disk

ROWS = 40
LENGTHS = """
class Lengths:
    def __call__(self, texts):
        return [[len(text), text.count("a")] for text in texts]
"""
TEXTS = {
    "text": ["a" * (1 + row % 5) + "b" * (row % 7) for row in range(ROWS)],
    "kind": ["u", "v"] * (ROWS // 2),
}


def file(folder: Path, text: str) -> Path:
    path = folder / "encoder.py"
    path.write_text(text)
    return path


def written_onnx(folder: Path, weights: np.ndarray[Any, np.dtype[np.float32]]) -> Path:
    """Write an encoder that multiplies rows by weights."""
    node = helper.make_node("MatMul", ["rows", "weights"], ["values"])
    constant = helper.make_tensor("weights", TensorProto.FLOAT, weights.shape, weights.ravel().tolist())
    sides = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, size])
        for name, size in zip(("rows", "values"), weights.shape, strict=True)
    ]
    graph = helper.make_graph([node], "encoder", sides[:1], sides[1:], [constant])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    path = folder / "encoder.onnx"
    onnx.save(model, str(path))
    return path


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("raise ValueError('no')", r"Lengths of .* cannot be made, line 1 of encoder.py: no; correct it\."),
        ("import sys\nsys.exit(3)", r"cannot be made, line 2 of encoder.py: 3; correct it\."),
        ("def f(:", r"cannot be made, line 1 of encoder.py: invalid syntax"),
        ("x = 1", r"cannot be made.*: module 'pole_user_encoder' has no attribute 'Lengths'; correct it\."),
        ("class Lengths: pass", r"cannot be called with rows; give it a method __call__\."),
        (
            "class Lengths:\n def __call__(self, x):\n  return x[99]",
            r"failed, line 3 of encoder.py: list index",
        ),
        (
            "class Lengths:\n def __call__(self, x):\n  return [1.0] * len(x)",
            r"makes the shape \[40\] of 40 rows",
        ),
        ("class Lengths:\n def __call__(self, x):\n  return [[1e999]] * len(x)", r"makes NaN or infinity"),
        (
            "import random\nclass Lengths:\n def __call__(self, x):\n  return [[random.random()] for _ in x]",
            r"makes other numbers of the same rows; freeze it",
        ),
        (
            "class Lengths:\n def __call__(self, x):\n  return [[len(x)]] * len(x)",
            r"depends on the rows beside it; freeze it",
        ),
    ],
)
def test_an_encoder_that_fails_is_one_sentence_with_its_line(
    tmp_path: Path, text: str, sentence: str
) -> None:
    path = file(tmp_path, text)
    with pytest.raises(InputError, match=sentence):
        fit_encoder(open_encoder(f"{path}:Lengths"), TEXTS["text"])


@pytest.mark.parametrize("reference", ["nowhere.py:A", "encoder", "nowhere.onnx"])
def test_an_encoder_that_is_not_there_is_said(reference: str) -> None:
    with pytest.raises(InputError, match=r"names no encoder|There is no file"):
        open_encoder(reference)


def test_texts_become_numbers_and_so_do_new_ones(tmp_path: Path) -> None:
    path = file(tmp_path, LENGTHS)
    reference = f"{path}:Lengths"
    prepared = prepare_frame(TEXTS, Wanted(target="kind", text="text", encoder=reference))
    assert prepared.preparation.encoder is not None
    assert (prepared.preparation.encoder.name, prepared.preparation.input_shape) == (
        "encoder.py:Lengths",
        (2,),
    )
    assert (prepared.dataset.x_train.min(), prepared.dataset.x_train.max()) == (0, 1)
    save_pole(tmp_path / "texts.pole", prepared.dataset.samples(), prepared.preparation)
    preparation = load(str(tmp_path / "texts.pole"), None).preparation
    assert preparation is not None
    assert preparation.encoder is not None
    found = find_encoder(preparation.encoder, [tmp_path / "elsewhere", tmp_path])
    rows = rows_of({"text": ["a", "aaaaabbbbbb"]}, preparation)
    assert encode(preparation, rows, encoder=found).samples.tolist() == [[0, 0], [1, 1]]
    with pytest.raises(
        InputError, match=r"need the encoder encoder.py:Lengths .* name its file by --encoder"
    ):
        encode(preparation, rows)


def test_another_file_under_the_same_name_is_refused_before_it_runs(tmp_path: Path) -> None:
    path = file(tmp_path, LENGTHS)
    encoder, _ = fit_encoder(open_encoder(f"{path}:Lengths"), TEXTS["text"])
    file(tmp_path, LENGTHS + "raise SystemExit")
    with pytest.raises(
        InputError, match=r"is not the encoder that the data were prepared with .* bring that"
    ):
        find_encoder(encoder, [tmp_path])
    with pytest.raises(InputError, match=r"is not at .*; bring its file there, or name it by --encoder"):
        find_encoder(encoder, [tmp_path / "elsewhere"])


def test_an_onnx_file_encodes_arrays(tmp_path: Path) -> None:
    x, y = np.random.default_rng(1).random((ROWS, 3)), np.arange(ROWS) % 2
    np.savez(tmp_path / "a.npz", x=x, y=y)
    path = written_onnx(tmp_path, np.eye(3, 2, dtype=np.float32))
    prepared = prepare(tmp_path / "a.npz", Wanted(encoder=str(path)))
    plain = prepare(tmp_path / "a.npz", Wanted())
    assert prepared.dataset.input_shape == (2,)
    assert np.corrcoef(prepared.dataset.x_train[:, 0], plain.dataset.x_train[:, 0])[0, 1] > 0.99
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"is no usable ONNX file .*; export it again"):
        open_encoder(str(path))


def test_a_torch_module_is_set_to_evaluate(tmp_path: Path) -> None:
    text = "from torch import nn\ndef make():\n    return nn.Sequential(nn.Flatten(), nn.Dropout(0.5))\n"
    encoder = open_encoder(f"{file(tmp_path, text)}:make")
    assert encoder(np.ones((3, 2, 2))).tolist() == [[1, 1, 1, 1]] * 3


COUNTING = """
import os
from pathlib import Path

HERE = Path(__file__).parent

class Counting:
    def __call__(self, rows):
        log = HERE / "calls"
        calls = log.read_text().split() if log.exists() else []
        limit = HERE / "limit"
        if limit.exists() and len(calls) >= int(limit.read_text()):
            os.kill(os.getpid(), 9)
        log.write_text(" ".join([*calls, str(len(rows))]))
        scale = float((HERE / "weights").read_text())
        return [[scale * sum(map(float, row)), float(row[0])] for row in rows]
"""
LIMITED = (
    "import sys; from pole.cli import main; from pole.learning.preparing import encoders; "
    "encoders.ROWS_AT_ONCE = 8; main(sys.argv[1:])"
)


def prepared_with_counting(folder: Path, out: str, *, limit: int | None = None) -> tuple[int, list[int]]:
    """Prepare rows by a process that may die in a call of the encoder; return its status and the calls."""
    (folder / "limit").unlink(missing_ok=True)
    (folder / "calls").unlink(missing_ok=True)
    if limit is not None:
        (folder / "limit").write_text(str(limit))
    named = ["--out", out, "--encoder", "encoder.py:Counting"]
    ended = subprocess.run(
        [sys.executable, "-c", LIMITED, "data", "prepare", "rows.npz", *named],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    calls = (folder / "calls").read_text().split() if (folder / "calls").exists() else []
    return ended.returncode, [int(call) for call in calls]


def test_a_preparation_that_was_killed_goes_on_and_makes_the_same_file(tmp_path: Path) -> None:
    rows = np.random.default_rng(1).random((ROWS, 3))
    np.savez(tmp_path / "rows.npz", x=rows, y=np.arange(ROWS) % 2)
    file(tmp_path, COUNTING)
    (tmp_path / "weights").write_text("2.5")
    status, every = prepared_with_counting(tmp_path, "whole.pole")
    assert (status, every) == (0, [8, 8, 8, 8, 8, 1, 8])

    assert prepared_with_counting(tmp_path, "rows.pole", limit=3) == (-signal.SIGKILL, [8, 8, 8])
    assert (tmp_path / "rows.pole.unfinished").exists()
    # The first part is made again, to see that the encoder is what it was.
    assert prepared_with_counting(tmp_path, "rows.pole") == (0, [8, 8, 8, 1, 8])
    assert (tmp_path / "rows.pole").read_bytes() == (tmp_path / "whole.pole").read_bytes()
    assert not list(tmp_path.glob("*unfinished*"))


@pytest.mark.parametrize("changed", ["rows", "weights", "encoder"])
def test_a_killed_preparation_of_something_else_is_not_gone_on_with(tmp_path: Path, changed: str) -> None:
    rows = np.random.default_rng(1).random((ROWS, 3))
    np.savez(tmp_path / "rows.npz", x=rows, y=np.arange(ROWS) % 2)
    file(tmp_path, COUNTING)
    (tmp_path / "weights").write_text("2.5")
    prepared_with_counting(tmp_path, "rows.pole", limit=3)

    if changed == "rows":
        np.savez(tmp_path / "rows.npz", x=rows[::-1], y=np.arange(ROWS) % 2)
    elif changed == "weights":
        (tmp_path / "weights").write_text("3.5")
    else:
        file(tmp_path, COUNTING + "# another file\n")
    status, calls = prepared_with_counting(tmp_path, "rows.pole")
    assert (status, len(calls)) == (0, 7)
    prepared_with_counting(tmp_path, "whole.pole")
    assert (tmp_path / "rows.pole").read_bytes() == (tmp_path / "whole.pole").read_bytes()


def test_parts_of_other_weights_are_never_mixed(tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", x=np.random.default_rng(1).random((ROWS, 3)), y=np.arange(ROWS) % 2)
    file(tmp_path, COUNTING)
    for weights, limit in (("2.5", 2), ("3.5", 3)):
        (tmp_path / "weights").write_text(weights)
        assert prepared_with_counting(tmp_path, "rows.pole", limit=limit)[0] == -signal.SIGKILL
    (tmp_path / "weights").write_text("4.5")
    assert prepared_with_counting(tmp_path, "rows.pole") == (0, [8, 8, 8, 8, 8, 1, 8])
    prepared_with_counting(tmp_path, "whole.pole")
    assert (tmp_path / "rows.pole").read_bytes() == (tmp_path / "whole.pole").read_bytes()


def test_weights_that_come_back_find_their_own_parts_again(tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", x=np.random.default_rng(1).random((ROWS, 3)), y=np.arange(ROWS) % 2)
    file(tmp_path, COUNTING)
    for weights, limit in (("2.5", 3), ("3.5", 2)):
        (tmp_path / "weights").write_text(weights)
        prepared_with_counting(tmp_path, "rows.pole", limit=limit)
    (tmp_path / "weights").write_text("2.5")
    assert prepared_with_counting(tmp_path, "rows.pole") == (0, [8, 8, 8, 1, 8])
    prepared_with_counting(tmp_path, "whole.pole")
    assert (tmp_path / "rows.pole").read_bytes() == (tmp_path / "whole.pole").read_bytes()


def test_numbers_too_far_apart_are_refused(tmp_path: Path) -> None:
    path = file(
        tmp_path,
        "class A:\n def __call__(self, x):\n  return [[1.0, 1.5e308 * (-1) ** (row > 0)] for row, in x]",
    )
    with pytest.raises(
        InputError, match=r"encoder.py:A makes numbers too far apart .*value 1 of a row .*smaller"
    ):
        fit_encoder(open_encoder(f"{path}:A"), np.array([[0.0], [1.0]] * 8))


def test_an_encoder_that_makes_more_numbers_of_some_rows_is_refused(tmp_path: Path) -> None:
    path = file(
        tmp_path, "class A:\n def __call__(self, x):\n  return [[1.0] * (2 if len(x) > 99 else 3)] * len(x)"
    )
    with pytest.raises(
        InputError, match=r"makes 2 numbers of some rows and 3 of others; let it make as many"
    ):
        open_encoder(f"{path}:A")(np.ones((300, 2)))


def test_numbers_of_an_encoder_can_be_kept_on_disk(tmp_path: Path) -> None:
    path = file(tmp_path, LENGTHS)
    texts = TEXTS["text"] * 20
    workspace = replace(on_disk(tmp_path), allocate=OnDisk(tmp_path, smallest=1))
    made = open_encoder(f"{path}:Lengths")(texts, workspace=workspace)
    assert isinstance(made.base, np.memmap)
    assert made.tolist() == open_encoder(f"{path}:Lengths")(texts).tolist()
