"""The native kernels are declared here; everything else about the package is in pyproject.toml."""

from pathlib import Path

from setuptools import Extension, setup

# Without a C compiler the installation succeeds: pole.ipfe.backend says what is slow and why, and models are
# judged in float64.
KERNELS = ("ipfe", "learning/evaluation")


def extension(room: str) -> Extension:
    native = Path("offchain/pole", room, "native")
    return Extension(
        f"pole.{room.replace('/', '.')}._native",
        sources=sorted(str(source) for source in native.glob("*.c")),
        depends=sorted(str(header) for header in native.glob("*.h")),
        optional=True,
    )


setup(ext_modules=[extension(room) for room in KERNELS])
