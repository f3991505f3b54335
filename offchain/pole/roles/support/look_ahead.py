"""Work on a sequence by threads, its results in order, so much ahead of their reader and no more."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from pole.errors import PoleError

Item = TypeVar("Item")
Result = TypeVar("Result")


def look_ahead(
    work: Callable[[Item], Result], items: Iterable[Item], *, workers: int, maximum: int
) -> Generator[Result]:
    """Yield work(item) in the order of `items`, at most `most` of them begun and not yet handed over.

    What an item, or the making of it, raises is raised in its turn; those behind it that have not begun then
    never do.
    """
    with ThreadPoolExecutor(workers) as pool:
        under_way: deque[Future[Result]] = deque()
        try:
            for future in _begun(pool, work, items):
                under_way.append(future)
                if len(under_way) == maximum:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()


def _begun(
    pool: ThreadPoolExecutor, work: Callable[[Item], Result], items: Iterable[Item]
) -> Iterator[Future[Result]]:
    """Yield the futures of all items; one that could not be made gives a future that raises why, the last."""
    try:
        for item in items:
            yield pool.submit(work, item)
    except PoleError as error:
        failed: Future[Result] = Future()
        failed.set_exception(error)
        yield failed
