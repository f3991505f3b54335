"""Which code path does the group arithmetic on this machine.

The native kernel is an optional extension: "ifma" (AVX-512 IFMA), "avx2" and "portable" give the same bytes
as "python", some hundred to ten thousand times faster. The fastest that the processor can run is taken,
unless the caller or the environment variable POLE_IPFE_BACKEND names another. "cuda" decrypts on an NVIDIA
GPU and leaves everything else to the processor; it is taken only where it is named.
"""

import os
from functools import lru_cache

from pole.errors import InputError
from pole.ipfe.cuda import build, device
from pole.ipfe.cuda.kernel import CudaKernel, default_limits
from pole.ipfe.cuda.library import Library
from pole.ipfe.kernel import Kernel
from pole.ipfe.reference import ReferenceKernel

try:
    from pole.ipfe import native_kernel
except ImportError:
    NATIVE: list[Kernel] = []
else:
    NATIVE = [native_kernel.NativeKernel(name) for name in native_kernel.names()]

VARIABLE = "POLE_IPFE_BACKEND"
CUDA = "cuda"


def available() -> list[str]:
    """Return the names of the processor's code paths that run here, fastest first; the last is "python"."""
    return [kernel.name for kernel in (*NATIVE, ReferenceKernel())]


def choose(name: str | None = None) -> Kernel:
    """Return the code path `name`, or the one that POLE_IPFE_BACKEND names, or the fastest of the processor.

    The first use of "cuda" compiles its library. Raises InputError when the one asked for is not available
    here, for "cuda" with what is missing.
    """
    wanted = name or os.environ.get(VARIABLE)
    kernels: list[Kernel] = [*NATIVE, ReferenceKernel()]
    if not wanted:
        return kernels[0]
    if wanted == CUDA:
        return _cuda()
    for kernel in kernels:
        if kernel.name == wanted:
            return kernel
    raise InputError(f"There is no back end {wanted!r} here; choose one of {', '.join(available())}.")


def describe() -> str:
    """Return one sentence on the code path in use, with what is slow and why when it is plain Python."""
    chosen = choose().name
    if chosen == CUDA:
        return f"Decryption runs on the GPU {device.find().name}, everything else on {available()[0]!r}."
    if chosen != "python":
        return f"Encryption and decryption run on the native kernel, code path {chosen!r}."
    not_built = "the native kernel was not built; install a C compiler, then PoLe again"
    reason = f"{VARIABLE} asks for it" if NATIVE else not_built
    return f"Encryption and decryption run in plain Python, some thousand times slower, because {reason}."


@lru_cache(maxsize=1)
def _cuda() -> CudaKernel:
    processor: list[Kernel] = [*NATIVE, ReferenceKernel()]
    try:
        library = Library.load(build.library(device.find().architecture))
    except InputError as error:
        raise InputError(f"The back end {CUDA!r} does not run here. {error}") from error
    return CudaKernel(library, processor[0], default_limits())
