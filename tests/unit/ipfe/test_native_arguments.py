"""The compiled module is safe on its own: whatever it is called with, it refuses or takes without harm."""

import subprocess
import sys
from pathlib import Path
from random import SystemRandom
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from pole.ipfe import backend
from pole.ipfe.group import ORDER

if backend.available() == ["python"]:
    pytest.skip("the native kernel was not built", allow_module_level=True)

SECONDS = 3
WINDOWS = np.array([[0, 1], [2, -1]], dtype=np.int32)
VECTORS = np.array([[1, 2]], dtype=np.uint16)
KEYS = bytes(2 * 32)


@pytest.fixture(scope="module")
def native() -> ModuleType:
    from pole.ipfe import _native

    return _native


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({0: 0}, "from 1 to 2.24 columns"),
        ({0: -1}, "negative"),
        ({0: 2**24 + 1}, "from 1 to 2.24 columns"),
        ({0: 2**64}, "too (large|big)"),
        ({0: 2}, "beyond the dimension"),
        ({0: 3.0}, "integer"),
        ({2: 0}, "from 1 to 2.24 windows"),
        ({2: 0, 1: b""}, "from 1 to 2.24 windows"),
        ({2: 2**61}, "from 1 to 2.24 windows"),
        ({2: 1}, "buffer 1 has 4 bytes instead of 8"),
        ({4: 0}, "from 1 to 2.24 queries"),
        ({4: 0, 3: b"", 5: b""}, "from 1 to 2.24 queries"),
        ({4: -(2**63)}, "negative"),
        ({1: b"", 3: b""}, "a window has from 1"),
        ({1: np.array([[0, 1], [3, -1]], dtype=np.int32)}, "beyond the dimension"),
        ({1: np.array([[0, 1], [2, -2]], dtype=np.int32)}, "below -1"),
        ({1: WINDOWS.T}, "contiguous"),
        ({1: None}, "bytes-like"),
        ({1: np.frombuffer(bytes(18), dtype=np.uint8)[2:]}, "not aligned for 4 bytes"),
        ({5: KEYS[1:]}, "buffer 2 has 63 bytes instead of 64"),
        ({5: bytes(32) + ORDER.to_bytes(32, "little")}, "buffer 2 has a scalar that is not reduced"),
    ],
)
def test_a_schedule_of_nonsense_is_refused(native: ModuleType, changes: dict[int, Any], said: str) -> None:
    arguments: list[Any] = [3, WINDOWS, 2, VECTORS, 1, KEYS]
    for place, value in changes.items():
        arguments[place] = value
    with pytest.raises(ValueError, match=said.replace("2.24", r"2\^24")):
        native.build_schedule(*arguments)


@pytest.mark.parametrize("last", [-1, 2**24, 2**32, 2**64, None, 1.0])
def test_a_table_that_is_none_or_too_large_is_refused(native: ModuleType, last: Any) -> None:
    with pytest.raises(ValueError, match=r"16777216 logarithms at most|negative|too (large|big)|integer"):
        native.build_logarithms("portable", last)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({1: None}, "PyCapsule"),
        ({2: object()}, "PyCapsule"),
        ({3: 2**62}, "below 2"),
        ({3: -1}, "negative"),
        ({4: bytes(31)}, "buffer 0"),
        ({5: bytes(95)}, "buffer 1"),
        ({5: bytes(32)}, "buffer 1"),
        ({6: bytearray(17)}, "buffer 2"),
        ({6: bytes(16)}, "read-write"),
        ({6: np.frombuffer(bytearray(20), dtype=np.uint8)[4:]}, "not aligned for 8 bytes"),
    ],
)
def test_a_decryption_of_nonsense_is_refused(native: ModuleType, changes: dict[int, Any], said: str) -> None:
    schedule = native.build_schedule(3, WINDOWS, 2, VECTORS, 1, KEYS)
    table = native.build_logarithms("portable", 5)
    arguments: list[Any] = ["portable", schedule, table, 5, bytes(32), bytes(96), bytearray(16)]
    native.decrypt(*arguments)
    for place, value in changes.items():
        arguments[place] = value
    with pytest.raises(ValueError, match=said):
        native.decrypt(*arguments)


def test_a_schedule_is_no_table_and_a_table_no_schedule(native: ModuleType) -> None:
    schedule = native.build_schedule(3, WINDOWS, 2, VECTORS, 1, KEYS)
    table = native.build_logarithms("portable", 5)
    for pair in ((table, schedule), (schedule, schedule), (table, table)):
        with pytest.raises(ValueError, match="incorrect name"):
            native.decrypt("portable", *pair, 5, bytes(32), bytes(96), bytearray(16))


def test_encryption_of_no_column_or_under_an_unreduced_scalar_is_refused(native: ModuleType) -> None:
    out = bytearray(32)
    with pytest.raises(ValueError, match="no column"):
        native.encrypt("portable", b"", bytes(32), b"", out, bytearray())
    unreduced = ORDER.to_bytes(32, "little")
    for secret, randomness in ((unreduced, bytes(32)), (bytes(32), unreduced)):
        with pytest.raises(ValueError, match="not reduced"):
            native.encrypt("portable", secret, randomness, bytes(4), out, bytearray(32))
    with pytest.raises(ValueError, match="not reduced"):
        native.base_multiples("portable", unreduced, out)
    with pytest.raises(ValueError, match="not reduced"):
        native.linear_combination(bytes(32), unreduced, out)
    out.append(0)


@pytest.mark.parametrize("name", [None, "", "neon", "portable\0", b"portable", 3])
def test_a_code_path_that_is_none_is_refused(native: ModuleType, name: Any) -> None:
    with pytest.raises(ValueError, match="no kernel"):
        native.expand(name, b"", bytearray())


def test_random_calls_are_right_refused_or_taken_without_harm(native: ModuleType) -> None:
    seed = SystemRandom().getrandbits(32)
    path = Path(native.__file__ or "")
    command = [
        sys.executable,
        "-m",
        "scripts.stress.sanitize.calls",
        "encryption",
        str(path),
        str(SECONDS),
        str(seed),
    ]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"seed {seed}: {done.stderr[-2000:]}"
