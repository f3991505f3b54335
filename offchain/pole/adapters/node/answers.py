"""The bytes of answers of JSON-RPC 2.0: whether they are answers, and to these requests."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pole.adapters.node.methods import METHODS
from pole.adapters.node.refusals import BUSY, refusal
from pole.adapters.node.shapes import ShapeError, members, text
from pole.errors import UnreachableError
from pole.quoting import quoted


class UnansweredError(Exception):
    """A request came to nothing that is an answer to it; the message is a clause that says why."""


class StatusError(UnansweredError):
    """HTTP says that the request itself is wrong, or too large."""


class LongAnswerError(UnansweredError):
    """An answer came, but is too long to be taken whole."""


class BatchRefusedError(Exception):
    """The node takes no such number of requests as one; the message is a clause that says why."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request: its number, its method and the parameters of that."""

    number: int
    method: str
    parameters: Sequence[Any]


def parse_answer(body: bytes, request: Request) -> Any:
    """Return the result in an answer, as the table of methods has it.

    Raises UnansweredError for what is no answer to the request, and what `refusal` makes of an error object.
    """
    return _result(_document(body), request)


def parse_answers(body: bytes, requests: Sequence[Request]) -> list[Any]:
    """Return the results in the answer to several requests, in their order.

    Raises as `parse_answer` does, and BatchRefusedError where the node answers that it takes no such batch.
    """
    document = _document(body)
    _check_taken(document, requests)
    if not isinstance(document, list) or len(document) != len(requests):
        raise UnansweredError("the answer is to another number of requests")
    by_number = {each.get("id"): each for each in document if isinstance(each, dict) and _is_number(each)}
    return [_result(by_number.get(request.number), request) for request in requests]


def _check_taken(document: Any, requests: Sequence[Request]) -> None:
    """Raise what a batch was refused with: as a whole by one error, or by one for each that says so."""
    whole = document[0] if isinstance(document, list) and len(document) == 1 < len(requests) else document
    each = whole if isinstance(whole, list) else [whole]
    for answer in each:
        if isinstance(answer, dict) and isinstance(answer.get("error"), dict):
            refused = _refused(answer, requests[0].method)
            is_whole = answer is whole and answer["error"].get("code") not in BUSY
            if isinstance(refused, UnreachableError) and (is_whole or "batch" in str(refused).lower()):
                raise BatchRefusedError(str(refused))
            if answer is whole:
                raise refused


def _document(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UnansweredError("the answer is no JSON") from error


def _is_number(answer: Mapping[str, Any]) -> bool:
    number = answer.get("id")
    return isinstance(number, int) and not isinstance(number, bool)


def _result(answer: Any, request: Request) -> Any:
    if not isinstance(answer, dict) or answer.get("jsonrpc") != "2.0":
        raise UnansweredError("the answer is none of JSON-RPC 2.0")
    if ("error" in answer) is ("result" in answer):
        raise UnansweredError("the answer has neither a result nor an error, or both")
    if "error" in answer and answer.get("id") in (request.number, None):
        raise _refused(answer, request.method)
    if not _is_number(answer) or answer["id"] != request.number:
        raise UnansweredError("the answer is to another request")
    method = METHODS.get(request.method)
    try:
        return answer["result"] if method is None else method.read(request.parameters, answer["result"])
    except ShapeError as error:
        raise UnansweredError(f"the answer to {request.method} makes no sense: {error}") from error


def _refused(answer: Mapping[str, Any], method: str) -> Exception:
    try:
        error = members({"code": _code, "message": text}, {"data": lambda data: data})(answer["error"])
    except ShapeError as malformed:
        raise UnansweredError(f"its error makes no sense: {malformed}") from malformed
    return refusal(method, error)


def _code(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ShapeError(f"{quoted(value)} is no code of an error")
    return value
