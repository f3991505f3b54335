"""The sanitizers' command says what it lacks, and notices calls that do what they must not."""

import subprocess
import sys
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import pytest
from scripts.stress.sanitize import build
from scripts.stress.sanitize.calls import Counts, WrongResultError, outcome_of, report
from scripts.stress.sanitize.hostile import spoiled
from scripts.stress.sanitize.valid import Call, Caller

ROOT = Path(__file__).resolve().parents[4]


def command(*words: str, path: str | None = None) -> "subprocess.CompletedProcess[str]":
    environment = None if path is None else {"PATH": path, "PYTHONPATH": ":".join(sys.path)}
    call = [sys.executable, "-m", "scripts.stress.sanitize", *words]
    return subprocess.run(call, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def caller(**functions: Any) -> Caller:
    module = ModuleType("_native")
    vars(module).update({"names": lambda: ["portable"]} | functions)
    return Caller(module, Random(1))  # noqa: S311 - reproducible choices


def takes_all(*arguments: object) -> None:
    """Do nothing, whatever comes."""


def test_without_a_compiler_it_says_what_to_install(tmp_path: Path) -> None:
    done = command(path=str(tmp_path))
    assert done.returncode == 1
    assert "gcc is not here: install them" in done.stderr


def test_without_a_sanitizer_s_library_it_names_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(build, "library", lambda name: Path("/lib" if name == "libubsan.so" else "") / name)
    assert "libasan.so is not here" in build.missing()
    assert "libubsan" not in build.missing().partition("is not here")[0]


def test_a_wrong_result_a_foreign_error_and_a_kept_buffer_are_noticed() -> None:
    right = Call("expand", ("portable", b"", bytearray(64)), check=lambda result: None, outputs=(2,))

    def wrong(result: object) -> None:
        raise AssertionError("wrote other bytes than plain Python")

    def crash(*arguments: object) -> None:
        raise MemoryError

    mistaken = Call("expand", right.arguments, wrong)
    with pytest.raises(AssertionError, match="other bytes"):
        until_raised(caller(expand=takes_all), mistaken)
    with pytest.raises(MemoryError):
        until_raised(caller(expand=crash), right)
    view = memoryview(right.arguments[2])
    with pytest.raises(BufferError):
        right.require_released()
    view.release()


def test_a_scalar_that_is_not_reduced_must_be_refused() -> None:
    call = Call("base_multiples", ("portable", bytes(32), bytearray(32)), lambda result: None, (2,), (1,))
    with pytest.raises(WrongResultError, match="base_multiples took"):
        until_raised(caller(base_multiples=takes_all), call)


def until_raised(calling: Caller, call: Call) -> None:
    for _ in range(1000):
        outcome_of(calling, call)


def test_the_help_has_an_example() -> None:
    assert "python -m scripts.stress.sanitize --seconds 600 --seed 7" in command("--help").stdout


def test_the_report_counts_outcomes_by_function() -> None:
    counts = Counts({("decrypt", "right"): 7, ("decrypt", "refused"): 2, ("expand", "taken"): 1})
    decrypt, expanded = report(counts).splitlines()
    assert decrypt.split() == ["decrypt", "7", "right", "2", "refused", "0", "taken"]
    assert expanded.split() == ["expand", "0", "right", "0", "refused", "1", "taken"]


def test_numbers_that_were_all_taken_away_are_spoiled_again() -> None:
    one = Call("expand", ((1,),), takes_all)
    for seed in range(2000):
        spoiling = caller()
        spoiling.rng = Random(seed)  # noqa: S311 - reproducible choices
        spoiled(one, spoiling)
