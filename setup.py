"""The native kernel of pole.ipfe is declared here; everything else about the package is in pyproject.toml."""

from pathlib import Path

from setuptools import Extension, setup

NATIVE = Path("offchain/pole/ipfe/native")

setup(
    ext_modules=[
        Extension(
            "pole.ipfe._native",
            sources=sorted(str(source) for source in NATIVE.glob("*.c")),
            depends=sorted(str(header) for header in NATIVE.glob("*.h")),
            # Without a C compiler the installation succeeds, and pole.ipfe.backend says what is slow and why.
            optional=True,
        )
    ],
)
