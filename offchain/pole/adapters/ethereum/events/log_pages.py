"""The logs of many Ethereum blocks, in pages that a node answers.

A node bounds what one eth_getLogs may span and find, and anybody can fill blocks with logs for little. What
is too much for one answer is asked for in halves, and of one block by its receipts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pole.adapters.ethereum.connection import in_one_request
from pole.adapters.node.node import Node
from pole.adapters.node.questions import Question, Values, logs_by_receipts
from pole.adapters.node.refusals import TooMuchError, UnservedError

PAGE: Final = 2_000
"""Blocks of a page at most: the least span that a large provider takes."""

Beside = Callable[[int], Sequence[Question[Any]]]
"""What is asked for in the same request as the logs up to a block."""


@dataclass(frozen=True, slots=True)
class LogPage:
    """The logs of some blocks up to the block `last`, and the answers to what was asked beside them."""

    last: int
    logs: list[Values]
    beside: list[Any]


@dataclass(slots=True)
class LogPages:
    """Logs through one node, `asking` for those of a first to a last block.

    What one request spans is halved at once where it is too much, and grows again by a quarter with each
    answer: a flood that lasts costs a vain request in several.
    """

    node: Node
    asking: Callable[[int, int], Question[list[Values]]]
    _span: int = field(default=PAGE, init=False)

    def read(self, first: int, last: int, beside: Beside = lambda _: ()) -> LogPage:
        """Return the logs from block `first` on, to `last` or as far before it as the node answers at once.

        Raises UnreachableError: of a node that does not answer at once, of one that does not give the logs of
        `first` alone after some requests, and not its receipts.
        """
        while True:
            until = min(first + self._span - 1, last)
            try:
                found, *others = in_one_request(self.node, [self.asking(first, until), *beside(until)])
            except TooMuchError as error:
                if until == first:
                    return self._by_receipts(first, beside(first), error)
                self._span = (until - first + 1) // 2
            else:
                self._span = min(self._span + self._span // 4 + 1, PAGE)
                return LogPage(until, found, others)

    def _by_receipts(self, number: int, beside: Sequence[Question[Any]], refused: TooMuchError) -> LogPage:
        try:
            found, *others = in_one_request(
                self.node, [logs_by_receipts(self.asking(number, number)), *beside]
            )
        except UnservedError as error:
            raise TooMuchError(
                f"The logs of Ethereum block {number} alone are not to be had, name another node with --rpc: "
                f"{refused}",
                is_sure=refused.is_sure,
            ) from error
        return LogPage(number, found, others)
