"""Which requests a node was sent, what came of them, and how long it took: counted, and never in a log."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from pole.adapters.node.answers import BatchRefusedError, Request
from pole.adapters.node.refusals import NodeRefusalError
from pole.roles.support.events import trace

LOG: Final = logging.getLogger("pole.node")


@contextmanager
def traced(asked: Sequence[Request], clock: Callable[[], float]) -> Iterator[None]:
    """Trace the requests that travel together while the context lasts.

    Event "asked" has the `methods`, parted by blanks, the `seconds` by `clock`, and an `outcome`: answered,
    refused, by a node that answers, or unanswered.
    """
    begun, outcome = clock(), "unanswered"
    try:
        yield
        outcome = "answered"
    except (NodeRefusalError, BatchRefusedError):
        outcome = "refused"
        raise
    finally:
        methods = " ".join(request.method for request in asked)
        trace(
            LOG, "asked", f"Asked for {methods}.", methods=methods, seconds=clock() - begun, outcome=outcome
        )
