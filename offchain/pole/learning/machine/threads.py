"""How many threads of the processor canonical evaluation and NumPy use; torch's own are set by torch."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

# Loaded first: a library that is not loaded yet cannot be limited.
import numpy as np  # noqa: F401
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

from pole.errors import AbandonedError

Part = TypeVar("Part")
Stop = Callable[[], bool]

_allowed = 1


def never() -> bool:
    """Return False: for work that nobody stops."""
    return False


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


def one_by_one(work: Callable[[Part], None], parts: Iterable[Part], stop: Stop = never) -> None:
    """Do the work for every part in turn; raises AbandonedError when `stop` says so between two of them."""
    for part in parts:
        _go_on(stop)
        work(part)


def beside_each_other(work: Callable[[Part], None], parts: Iterable[Part], stop: Stop = never) -> None:
    """Do the work for every part, as many parts at a time as there are threads allowed.

    The work must not depend on the order. Its first error is raised once what has begun has ended, and so is
    AbandonedError when `stop` says so.
    """
    if _allowed == 1:
        one_by_one(work, parts, stop)
        return
    pool = ThreadPoolExecutor(_allowed)
    try:
        # Each product in the thread that asks for it: the parts keep all threads busy.
        with _matrix_products().limit(limits=1):
            for _ in pool.map(work, parts):
                _go_on(stop)
    finally:
        pool.shutdown(cancel_futures=True)


def _go_on(stop: Stop) -> None:
    if stop():
        raise AbandonedError("The evaluation was stopped: nobody waits for it any more.")


def _matrix_products() -> ThreadpoolController:
    # Looked for anew: other packages bring a library of their own.
    return ThreadpoolController().select(user_api="blas")
