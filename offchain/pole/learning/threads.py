"""How many threads of the processor canonical evaluation and NumPy use; torch's own are set by torch."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

# Loaded first: a library that is not loaded yet cannot be limited.
import numpy as np  # noqa: F401
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

Part = TypeVar("Part")

_allowed = 1


def limit_threads(count: int) -> None:
    """Let this process use `count` threads for canonical evaluation and NumPy's matrix products from now on.

    Left alone, matrix products use all cores, and several processes wait for each other's threads.
    """
    global _allowed
    _allowed = count
    _matrix_products().limit(limits=count)


def allowed_threads() -> int:
    """Return how many threads canonical evaluation may use: what `limit_threads` was told, else 1."""
    return _allowed


def beside_each_other(work: Callable[[Part], None], parts: Iterable[Part]) -> None:
    """Do the work for every part, as many parts at a time as there are threads allowed.

    The work must not depend on the order. Its first error is raised once what has begun has ended.
    """
    if _allowed == 1:
        for part in parts:
            work(part)
        return
    pool = ThreadPoolExecutor(_allowed)
    try:
        # Each product in the thread that asks for it: the parts keep all threads busy.
        with _matrix_products().limit(limits=1):
            for _ in pool.map(work, parts):
                pass
    finally:
        pool.shutdown(cancel_futures=True)


def _matrix_products() -> ThreadpoolController:
    # Looked for anew: other packages bring a library of their own.
    return ThreadpoolController().select(user_api="blas")
