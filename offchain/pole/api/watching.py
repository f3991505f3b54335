"""A task watched until it has ended."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from pole.errors import RefusedError, UnreachableError

if TYPE_CHECKING:
    from pole.adapters.ethereum.task_story import News, Standing


def looks(
    look: "Callable[[], Standing]", wait: Callable[[], None], warn: Callable[[str], None]
) -> "Iterator[tuple[tuple[News, ...], Standing]]":
    """Yield where a task stands, look by look, with what is new since the last one; the last has its outcome.

    A node that does not answer for a while is asked again, and `warn` is told once. It is not waited after
    the last look. Raises what the first look raises.
    """
    told: set[News] = set()
    complaint = ""
    standing = look()
    while True:
        fresh = tuple(news for news in standing.news if news not in told)
        told.update(fresh)
        yield fresh, standing
        if standing.outcome is not None:
            return
        wait()
        try:
            standing, complaint = look(), ""
        except (UnreachableError, RefusedError) as error:
            if str(error) != complaint:
                complaint = str(error)
                warn(complaint)
