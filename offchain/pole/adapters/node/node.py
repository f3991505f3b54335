"""The boundary to an Ethereum node: what comes through it is an answer to what was asked, of the right shape.

Everything else is UnreachableError, whatever a node, a proxy or somebody on the way sends.
"""

import itertools
import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pole.adapters.node.answers import (
    BatchRefusedError,
    LongAnswerError,
    Request,
    StatusError,
    UnansweredError,
    parse_answer,
    parse_answers,
)
from pole.adapters.node.methods import METHODS, SENDING
from pole.adapters.node.questions import Question
from pole.adapters.node.refusals import AbsentError, TooMuchError
from pole.adapters.node.tracing import traced
from pole.errors import UnreachableError
from pole.protocol.encoding.abi_codec import AbiError
from pole.quoting import reason

LOG: Final = logging.getLogger("pole.node")

T = TypeVar("T")

Post = Callable[[bytes], bytes]
"""Sends the bytes of a request, and returns those of the answer; raises UnansweredError."""

LEARNED_FOR: Final = 600.0
"""Seconds after which a node is asked for twice as much at once: its refusal may have been of a moment."""


class NoSuchBlockError(UnreachableError):
    """The node has no block of that number, or has none yet."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a question is asked, and seconds: before the second time, doubled later, and for all."""

    tries: int = 3
    pause: float = 0.25
    within: float = 20


@dataclass(frozen=True, slots=True)
class Words:
    """How a node is spoken of: by an address without its keys, and with what to do when it never answered."""

    address: str
    advice: str


class Node:
    """A node over `post`.

    Questions are asked again when they come to nothing; transactions are not, which their sender sees to.
    """

    def __init__(
        self,
        post: Post,
        words: Words,
        *,
        patience: Patience | None = None,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self.post = post
        self._words = words
        self._patience = patience or Patience()
        self._clock = clock
        self._wait = wait
        self._numbers = itertools.count(1)
        self._has_answered = False
        self._at_once: int | None = None
        self._learned_at = 0.0

    def ask(self, question: Question[T]) -> T:
        """Return the answer. Raises UnreachableError, and NodeRefusalError for what the node refuses.

        Of the first kind is TooMuchError, for what the node answers, but not so much at once.
        """
        return _read(question, self.request(question.method, question.parameters))

    def ask_all(self, questions: Sequence[Question[Any]]) -> list[Any]:
        """Return the answers to questions that travel as one request; raises what `ask` raises."""
        found = self.request_all([(each.method, each.parameters) for each in questions])
        return [_read(question, result) for question, result in zip(questions, found, strict=True)]

    def request(self, method: str, parameters: Sequence[Any]) -> Any:
        """Return the result of one method, as JSON has it; raises what `ask` raises."""
        request = Request(next(self._numbers), method, parameters)
        return _present(request, self._ask_one(request))

    def request_all(self, asked: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Return the results of several methods as `request` does.

        They travel as one request, or in as few as the node takes so many at once.
        """
        requests = [Request(next(self._numbers), method, parameters) for method, parameters in asked]
        results: list[Any] = []
        while left := requests[len(results) :]:
            results += self._ask_first(left)
        return [_present(request, result) for request, result in zip(requests, results, strict=True)]

    def _ask_first(self, asked: Sequence[Request]) -> list[Any]:
        """Return the results of the first of some requests: of so many as the node takes at once.

        A batch that it refuses teaches how many, where the first of them alone is answered.
        """
        if self._at_once is not None and self._clock() >= self._learned_at + LEARNED_FOR:
            self._learn(2 * self._at_once)
        first = asked[: self._at_once]
        if len(first) == 1:
            return [self._ask_one(first[0])]
        body = _body([_content(each) for each in first])
        try:
            return self._ask(first, lambda: parse_answers(self._post_batch(first, body), first))
        except BatchRefusedError as error:
            alone = self._ask_one(first[0])
            self._learn(len(first) // 2)
            LOG.info("%s takes no %d requests at once (%s).", self._words.address, len(first), error)
            return [alone]

    def _learn(self, at_once: int) -> None:
        self._at_once, self._learned_at = at_once, self._clock()

    def _ask_one(self, request: Request) -> Any:
        body = _body(_content(request))
        try:
            return self._ask([request], lambda: parse_answer(self.post(body), request))
        except AbsentError:
            return None

    def _post_batch(self, asked: Sequence[Request], body: bytes) -> bytes:
        try:
            return self.post(body)
        except StatusError as error:
            raise BatchRefusedError(str(error)) from error
        except LongAnswerError as error:
            # Logs of fewer blocks are shorter, which who asks for them sees to.
            if any(request.method == "eth_getLogs" for request in asked):
                raise
            raise BatchRefusedError(str(error)) from error

    def _ask(self, asked: Sequence[Request], ask: Callable[[], T]) -> T:
        """Ask once, and a few times more where nothing but a question is lost and there is time."""
        is_question = all(request.method in METHODS.keys() - SENDING for request in asked)
        pauses = self._pauses() if is_question else iter(())
        while True:
            try:
                with traced(asked, self._clock):
                    found = ask()
            except (UnansweredError, UnreachableError) as error:
                pause = None if _is_too_much(error) else next(pauses, None)
                if pause is None:
                    raise self._unreachable(error) from error
                self._wait(pause)
            else:
                self._has_answered = True
                return found

    def _pauses(self) -> Iterator[float]:
        until = self._clock() + self._patience.within
        pauses = (self._patience.pause * 2**retry for retry in range(self._patience.tries - 1))
        return itertools.takewhile(lambda pause: self._clock() + pause < until, pauses)

    def _unreachable(self, error: Exception) -> UnreachableError:
        if isinstance(error, UnreachableError):
            return error
        if isinstance(error, LongAnswerError):
            return TooMuchError(
                f"The Ethereum node at {self._words.address} answers too much ({error}).", is_sure=True
            )
        if self._has_answered:
            return UnreachableError(
                f"The Ethereum node at {self._words.address} does not answer now ({error})."
            )
        return UnreachableError(
            f"No Ethereum node answers at {self._words.address} ({error}): {self._words.advice}, or name "
            "another with --rpc."
        )


def _is_too_much(error: Exception) -> bool:
    """Return whether the same question would have the same answer: 64 MiB of it are not taken three times."""
    return isinstance(error, LongAnswerError) or (isinstance(error, TooMuchError) and error.is_sure)


def _read(question: Question[T], result: Any) -> T:
    try:
        return question.read(result)
    except AbiError as error:
        raise UnreachableError(
            f"The Ethereum node gave an answer that makes no sense: {reason(error)}."
        ) from error


def _content(request: Request) -> dict[str, Any]:
    return {
        "jsonrpc": "2.0",
        "id": request.number,
        "method": request.method,
        "params": request.parameters or [],
    }


def _body(content: Any) -> bytes:
    return json.dumps(content, default=_plain).encode()


def _plain(value: Any) -> Any:
    """Return what web3 leaves in parameters, as JSON has it."""
    return dict(value) if isinstance(value, Mapping) else "0x" + bytes(value).hex()


def _present(request: Request, result: Any) -> Any:
    if request.method == "eth_getBlockByNumber" and result is None:
        raise NoSuchBlockError(
            f"The Ethereum node has no block {request.parameters[0]}: it may lag behind, or not keep it."
        )
    return result
