"""A kernel compiled with gcc's sanitizers, and a Python that can load it."""

import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from scripts.contracts.sources import ROOT

KERNELS = {
    "encryption": ROOT / "offchain" / "pole" / "ipfe" / "native",
    "evaluation": ROOT / "offchain" / "pole" / "learning" / "evaluation" / "native",
}
COMPILER = "gcc"
LIBRARIES = ("libasan.so", "libubsan.so")
# With the checks in it, gcc takes a quarter of an hour to optimise one path so far.
OPTIMISATION = '#pragma GCC optimize("O3")'
FLAGS = (
    *("-std=gnu11", "-O1", "-g1", "-fPIC", "-fno-omit-frame-pointer"),
    *("-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
)
ENVIRONMENT = {
    # Python keeps small objects in arenas of its own, where no byte is out of bounds.
    "PYTHONMALLOC": "malloc",
    # Python itself leaves memory behind when it ends.
    "ASAN_OPTIONS": "detect_leaks=0",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "OPENBLAS_NUM_THREADS": "1",
}


def missing() -> str:
    """Return what keeps the sanitizers from this machine and what to do, or nothing."""
    if shutil.which(COMPILER) is None:
        absent = COMPILER
    else:
        absent = ", ".join(name for name in LIBRARIES if not library(name).is_absolute())
    if not absent:
        return ""
    return (
        f"The sanitizers need gcc and its libraries, but {absent} is not here: install them (Debian and "
        "Ubuntu: apt-get install gcc libc6-dev; Fedora: dnf install gcc libasan libubsan)."
    )


def library(name: str) -> Path:
    """Return where gcc has a library of its own; a bare name where it has none."""
    found = subprocess.run([COMPILER, f"-print-file-name={name}"], capture_output=True, text=True, check=True)
    return Path(found.stdout.strip())


def sanitized_module(kernel: str, folder: Path) -> Path:
    """Compile a kernel into a folder, its files beside each other; return the module."""
    folder.mkdir()
    include = f"-I{sysconfig.get_paths()['include']}"
    for source in KERNELS[kernel].glob("*.[ch]"):
        text = source.read_text(encoding="utf-8")
        (folder / source.name).write_text(text.replace(OPTIMISATION, ""), encoding="utf-8")
    objects = {source: source.with_suffix(".o") for source in sorted(folder.glob("*.c"))}
    compiling = [
        subprocess.Popen([COMPILER, *FLAGS, include, "-c", str(source), "-o", str(target)])
        for source, target in objects.items()
    ]
    codes = [process.wait() for process in compiling]
    if any(codes):
        sys.exit("gcc cannot compile the kernel with its sanitizers: its complaint is above.")
    module = folder / f"_native{sysconfig.get_config_var('EXT_SUFFIX')}"
    subprocess.run([COMPILER, *FLAGS, "-shared", *map(str, objects.values()), "-o", str(module)], check=True)
    return module


def machine() -> str:
    """Return one line on the processor, the system and the compiler."""
    compiler = subprocess.run([COMPILER, "-dumpfullversion"], capture_output=True, text=True, check=True)
    return f"{_processor()}, {platform.system()}, gcc {compiler.stdout.strip()}"


def run_calls(kernel: str, module: Path, *, seconds: float, seed: int) -> int:
    """Call the sanitized module in a process of its own; return its exit code."""
    command = [sys.executable, "-m", "scripts.stress.sanitize.calls", kernel, str(module)]
    command += [str(seconds), str(seed)]
    preloaded = " ".join(str(library(name)) for name in LIBRARIES)
    environment = os.environ | ENVIRONMENT | {"LD_PRELOAD": preloaded}
    return subprocess.run(command, env=environment, cwd=ROOT, check=False).returncode


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text(encoding="utf-8").splitlines() if information.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
