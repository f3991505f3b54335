"""The CUDA sources compiled by a C++ compiler: the device's own operations, run on the processor."""

import shutil
import subprocess
from pathlib import Path

from pole.ipfe import backend
from pole.ipfe.cuda import build
from pole.ipfe.cuda.kernel import CudaKernel
from pole.ipfe.cuda.library import Library, Limits

COMPILER = shutil.which("c++") or ""
NO_COMPILER = "no C++ compiler, which runs the CUDA sources on the processor"
FLAGS = ["-O2", "-Wall", "-Wextra", "-Werror"]
PROCESSOR = backend.choose(backend.available()[0])
# More memory than any test asks for, and portions that some tests need several of.
LIMITS = Limits(logarithms=1 << 24, bytes=1 << 28, samples=64)


def compile_library(folder: Path) -> Library:
    """Compile decryptor.cu as plain C++ beside schedule.c."""
    device, schedule = build.SOURCES
    path = folder / "pole_cuda_on_cpu.so"
    command = [COMPILER, *FLAGS, "-fPIC", "-shared", "-o", str(path)]
    command += ["-x", "c++", "-std=c++17", str(device)]
    objects = folder / "schedule.o"
    subprocess.run(
        [COMPILER, *FLAGS, "-fPIC", "-x", "c", "-c", str(schedule), "-o", str(objects)], check=True
    )
    subprocess.run([*command, "-x", "none", str(objects)], check=True)
    return Library.load(path)


def kernel_of(library: Library, limits: Limits = LIMITS) -> CudaKernel:
    return CudaKernel(library, PROCESSOR, limits)
