"""The GPU library, compiled on first use into a folder of the user's, named by its sources."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from platformdirs import user_cache_path

from pole.errors import InputError

HERE = Path(__file__).parent
NATIVE = HERE.parent / "native"
SOURCES = (HERE / "decryptor.cu", NATIVE / "schedule.c")
FLAGS = ("-std=c++17", "-O3", "-shared", "-Xcompiler", "-fPIC")
SHOWN_LINES = 5
WRITABLE_BY_OTHERS = 0o022
USUAL_HOME = "/usr/local/cuda"


def compiler() -> Path:
    """Return nvcc from the PATH, CUDA_HOME or its usual place; raises InputError where there is none."""
    found = shutil.which("nvcc")
    homes = [Path(home) for home in (os.environ.get("CUDA_HOME"), USUAL_HOME) if home]
    candidates = [Path(found)] if found else [home / "bin" / "nvcc" for home in homes]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise InputError("nvcc is not on this machine; install NVIDIA's CUDA toolkit, or set CUDA_HOME.")


def cache_folder() -> Path:
    """Return where libraries are kept, in the platform's folder for caches."""
    return user_cache_path("pole") / "cuda"


def library_path(architecture: str) -> Path:
    """Return the file of the library for an architecture; another source, flag or architecture is another."""
    headers = [*HERE.glob("*.h"), NATIVE / "kernel.h"]
    digest = hashlib.sha256("\0".join((architecture, *FLAGS)).encode())
    for source in sorted((*SOURCES, *headers)):
        digest.update(hashlib.sha256(source.read_bytes()).digest())
    return cache_folder() / f"{digest.hexdigest()[:32]}-{architecture}.so"


def library(architecture: str) -> Path:
    """Return the library for an architecture, compiled now if it is not there: a minute or so, once.

    Raises InputError where others can write its folder, without nvcc, and with the compiler's last lines
    where it fails.
    """
    target = library_path(architecture)
    if target.is_file() and target.parent.stat().st_mode & WRITABLE_BY_OTHERS:
        raise InputError(
            f"Others can put a library of theirs into {target.parent}, which would run here: delete it."
        )
    if target.is_file():
        return target
    nvcc = compiler()
    for missing in (target.parent.parent, target.parent):
        missing.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        built = Path(folder) / target.name
        command = [str(nvcc), *FLAGS, f"-arch={architecture}", "-o", str(built), *map(str, SOURCES)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed arguments
        if done.returncode != 0:
            last = " | ".join((done.stderr or done.stdout).strip().splitlines()[-SHOWN_LINES:])
            raise InputError(f"nvcc cannot compile the GPU library for {architecture}: {last}")
        built.chmod(0o700)
        built.replace(target)
    return target
