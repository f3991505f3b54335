"""Which code path does the group arithmetic on this machine.

The native kernel is an optional extension: "ifma" (AVX-512 IFMA), "avx2" and "portable" give the same bytes
as "python", some hundred to ten thousand times faster. The fastest that the processor can run is taken,
unless the caller or the environment variable POLE_IPFE_BACKEND names another.
"""

import os

from pole.errors import InputError
from pole.ipfe.kernel import Kernel
from pole.ipfe.reference import ReferenceKernel

try:
    from pole.ipfe import native_kernel
except ImportError:
    NATIVE: list[Kernel] = []
else:
    NATIVE = [native_kernel.NativeKernel(name) for name in native_kernel.names()]

VARIABLE = "POLE_IPFE_BACKEND"


def available() -> list[str]:
    """Return the names of the code paths that run here, fastest first; the last is "python"."""
    return [kernel.name for kernel in (*NATIVE, ReferenceKernel())]


def choose(name: str | None = None) -> Kernel:
    """Return the code path `name`, or the one that POLE_IPFE_BACKEND names, or the fastest.

    Raises InputError when the one asked for is not available here.
    """
    wanted = name or os.environ.get(VARIABLE)
    kernels: list[Kernel] = [*NATIVE, ReferenceKernel()]
    if not wanted:
        return kernels[0]
    for kernel in kernels:
        if kernel.name == wanted:
            return kernel
    raise InputError(f"There is no back end {wanted!r} here; choose one of {', '.join(available())}.")


def describe() -> str:
    """Return one sentence on the code path in use, with what is slow and why when it is plain Python."""
    chosen = choose().name
    if chosen != "python":
        return f"Encryption and decryption run on the native kernel, code path {chosen!r}."
    not_built = "the native kernel was not built; install a C compiler, then PoLe again"
    reason = f"{VARIABLE} asks for it" if NATIVE else not_built
    return f"Encryption and decryption run in plain Python, some thousand times slower, because {reason}."
