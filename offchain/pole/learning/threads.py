"""How many threads of the processor NumPy's matrix products use; torch's own are set by torch."""

# Loaded first: what is not loaded yet cannot be limited.
import numpy as np  # noqa: F401
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]


def limit_threads(count: int) -> None:
    """Let matrix products of NumPy, and so canonical evaluation, use `count` threads at most from now on.

    Left alone, each process uses all cores, and several beside each other wait for each other's threads.
    """
    threadpool_limits(limits=count, user_api="blas")
