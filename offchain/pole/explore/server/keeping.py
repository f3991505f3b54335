"""Answers kept while the index stands still: a page is a function of what was read."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

MAX_BYTES: Final = 2**24
"""Bytes of all answers that are kept together."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of an answer, and its media type."""

    body: bytes
    media_type: str

    def response(self) -> Response:
        """Return the answer as it is sent."""
        return Response(self.body, media_type=self.media_type)


class KeptAnswers:
    """Answers by what was asked, those asked for last, as long as the state of the index is the same."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._state: Hashable = None
        self._answers: OrderedDict[Hashable, Answer] = OrderedDict()
        self._bytes = 0

    def find(self, state: Hashable, asked: Hashable) -> Answer | None:
        """Return the answer to what was asked in this state, None where it is not kept."""
        self._enter(state)
        if asked not in self._answers:
            return None
        self._answers.move_to_end(asked)
        return self._answers[asked]

    def keep(self, state: Hashable, asked: Hashable, answer: Answer) -> None:
        """Keep an answer that was made in a state; one of a state that is over is dropped."""
        if state != self._state or asked in self._answers:
            return
        self._answers[asked] = answer
        self._bytes += len(answer.body)
        while self._bytes > self._max_bytes:
            _, dropped = self._answers.popitem(last=False)
            self._bytes -= len(dropped.body)

    def _enter(self, state: Hashable) -> None:
        if state != self._state:
            self._state, self._bytes = state, 0
            self._answers.clear()
