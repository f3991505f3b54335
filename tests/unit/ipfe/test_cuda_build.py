"""The GPU back end says what it lacks, and is compiled once for each state of its sources."""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from tests.unit.ipfe.cuda_on_cpu import PROCESSOR

from pole.errors import InputError
from pole.ipfe import backend
from pole.ipfe.cuda import build, device
from pole.ipfe.cuda.kernel import CudaKernel, default_limits
from pole.ipfe.cuda.library import Library

HERE = Path(__file__).parent
H200 = device.Device("NVIDIA H200", "sm_90")
# What the compiler may put into memory beside the loop that adds columns, never inside it.
SPILLED_BYTES = 16
C_COMPILER = shutil.which("cc") or ""
STUB_DRIVER = """
#include <string.h>
int cuInit(unsigned flags) { return (int)flags; }
int cuDeviceGetCount(int *count) { *count = DEVICES; return 0; }
int cuDeviceGet(int *device, int ordinal) { *device = ordinal; return 0; }
int cuDeviceGetName(char *name, int length, int device)
{
    strncpy(name, "NVIDIA H200", length);
    return device;
}
int cuDeviceGetAttribute(int *value, int attribute, int device)
{
    *value = attribute == 75 ? 9 : 0;
    return device;
}
"""


def has_nvcc() -> bool:
    try:
        build.compiler()
    except InputError:
        return False
    return True


def a_compiler(folder: Path, script: str) -> Path:
    """An executable of this name in a folder of its own, put first on the PATH by the caller."""
    folder.mkdir(parents=True)
    path = folder / "nvcc"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_without_a_driver_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "DRIVER", "libcuda.so.of-no-machine")
    with pytest.raises(InputError, match="no NVIDIA driver"):
        device.find()


def stub_driver(folder: Path, devices: int) -> str:
    """A driver with so many devices of compute capability 9.0."""
    source, path = folder / "driver.c", folder / f"driver{devices}.so"
    source.write_text(STUB_DRIVER)
    command = [C_COMPILER, f"-DDEVICES={devices}", "-shared", "-fPIC", str(source), "-o", str(path)]
    subprocess.run(command, check=True)
    return str(path)


@pytest.mark.skipif(not C_COMPILER, reason="no C compiler, which the stub driver is made with")
def test_the_driver_describes_its_first_device_or_has_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(device, "DRIVER", stub_driver(tmp_path, 2))
    assert device.find() == H200
    monkeypatch.setattr(device, "DRIVER", stub_driver(tmp_path, 0))
    with pytest.raises(InputError, match="finds no GPU"):
        device.find()


def test_without_a_compiler_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(build, "USUAL_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CUDA_HOME", str(tmp_path / "toolkit"))
    with pytest.raises(InputError, match=r"nvcc is not on this machine; install NVIDIA's CUDA toolkit"):
        build.library("sm_90")
    installed = a_compiler(tmp_path / "toolkit" / "bin", "exit 0")
    assert build.compiler() == installed


def test_a_compiler_that_fails_is_quoted_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    a_compiler(tmp_path / "bin", "echo 'Unsupported gpu architecture sm_1' >&2; exit 1")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    with pytest.raises(InputError, match="cannot compile the GPU library for sm_1: Unsupported gpu"):
        build.library("sm_1")
    assert list(build.cache_folder().iterdir()) == []


def test_a_library_is_compiled_once_and_its_folder_is_the_users_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls = tmp_path / "calls"
    a_compiler(
        tmp_path / "bin",
        f'echo "$@" >> {calls}\nwhile [ "$1" != -o ]; do shift; done; echo built > "$2"',
    )
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    first = build.library("sm_90")
    assert first.read_text() == "built\n"
    assert build.library("sm_90") == first
    assert build.library("sm_80") != first
    assert "-arch=sm_90" in calls.read_text().splitlines()[0]
    assert len(calls.read_text().splitlines()) == 2
    for path in (first, build.cache_folder(), build.cache_folder().parent):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    assert sorted(path.suffix for path in build.cache_folder().iterdir()) == [".so", ".so"]


def test_a_library_that_others_may_have_put_there_is_not_loaded(tmp_path: Path) -> None:
    target = build.library_path("sm_90")
    target.parent.mkdir(parents=True)
    target.write_text("theirs\n")
    target.parent.chmod(0o777)
    with pytest.raises(InputError, match="Others can put a library of theirs"):
        build.library("sm_90")


def test_another_source_is_another_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = build.library_path("sm_90")
    changed = tmp_path / "schedule.c"
    changed.write_bytes(build.SOURCES[1].read_bytes() + b"\n")
    monkeypatch.setattr(build, "SOURCES", (build.SOURCES[0], changed))
    assert build.library_path("sm_90") != before


def test_a_file_that_is_no_library_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.so"
    broken.write_bytes(b"\x7fELF")
    with pytest.raises(InputError, match=r"cannot be loaded .* delete it"):
        Library.load(broken)


def test_the_back_end_says_why_it_does_not_run_and_is_never_taken_unasked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend._cuda.cache_clear()
    monkeypatch.setattr(device, "DRIVER", "libcuda.so.of-no-machine")
    with pytest.raises(InputError, match=r"'cuda' does not run here\. There is no NVIDIA driver"):
        backend.choose("cuda")
    monkeypatch.setenv(backend.VARIABLE, "cuda")
    with pytest.raises(InputError, match="does not run here"):
        backend.choose()
    assert backend.choose("python").name == "python"
    monkeypatch.delenv(backend.VARIABLE)
    assert backend.choose().name != "cuda"
    assert "cuda" not in backend.available()


def test_the_back_end_names_its_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "find", lambda: H200)
    monkeypatch.setattr(backend, "_cuda", lambda: CudaKernel(Library(None), PROCESSOR, default_limits()))
    monkeypatch.setenv(backend.VARIABLE, "cuda")
    assert backend.describe() == (
        f"Decryption runs on the GPU NVIDIA H200, everything else on {PROCESSOR.name!r}."
    )


@pytest.mark.skipif(not has_nvcc(), reason="no nvcc: the device code cannot be compiled here")
def test_the_hot_stages_keep_their_registers(tmp_path: Path) -> None:
    command = [str(build.compiler()), "-std=c++17", "-O3", "-arch=sm_90", "-Xptxas", "-v", f"-I{build.HERE}"]
    command += ["-cubin", "-o", str(tmp_path / "hot.cubin"), str(HERE / "cuda_hot_stages.cu")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    registers = [int(count) for count in re.findall(r"Used (\d+) registers", done.stderr)]
    spills = [int(count) for count in re.findall(r"(\d+) bytes spill", done.stderr)]
    assert len(registers) == 2
    assert max(registers) <= 128  # so that four blocks of 128 threads share a multiprocessor
    assert len(spills) == 4
    assert max(spills) <= SPILLED_BYTES
