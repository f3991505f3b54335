"""Kinds of bad answers of an Ethereum node, and how a right answer is made one of them."""

import json
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final

STALE_BLOCKS: Final = 3
"""By how much a node that lags is behind."""
OTHER_CHAIN: Final = "0x2a"
SENDING: Final = "eth_sendRawTransaction"
SERVER_ERROR: Final = -32000


class Answer(StrEnum):
    """What a node makes of a request."""

    RIGHT = "right"
    DROPPED = "connection dropped"
    LOST = "answer lost"
    DOUBLED = "request doubled"
    DELAYED = "answer delayed"
    TRICKLING = "answer trickling"
    EMPTY = "empty answer"
    TRUNCATED = "truncated answer"
    PAGE = "page of a gateway"
    LIMITED = "too many requests"
    LIMITED_ERROR = "limit as an error"
    INTERNAL = "internal error"
    NO_BATCH = "batch refused"
    NULL = "null"
    WRONG_TYPE = "wrong type"
    TWICE = "answer twice"
    STALE = "stale"
    OTHER_CHAIN = "other chain"
    KNOWN = "already known"
    UNDERPRICED = "underpriced"
    NONCE_TOO_LOW = "nonce too low"


OF_SENDING: Final = (
    *(Answer.DROPPED, Answer.LOST, Answer.DOUBLED, Answer.DELAYED, Answer.TRICKLING, Answer.TRUNCATED),
    *(Answer.PAGE, Answer.INTERNAL, Answer.KNOWN, Answer.UNDERPRICED, Answer.NONCE_TOO_LOW),
)
"""What a worker may meet that sends a transaction, which nearly always reaches the chain all the same."""
OF_ANY: Final = (
    *(Answer.DROPPED, Answer.LOST, Answer.DELAYED, Answer.TRICKLING, Answer.EMPTY, Answer.TRUNCATED),
    *(Answer.PAGE, Answer.LIMITED, Answer.LIMITED_ERROR, Answer.INTERNAL, Answer.NO_BATCH, Answer.NULL),
    *(Answer.WRONG_TYPE, Answer.TWICE, Answer.STALE, Answer.OTHER_CHAIN),
)
"""What any request may meet in a window of bad answers."""

NOT_FORWARDED: Final = frozenset(
    {Answer.DROPPED, Answer.PAGE, Answer.LIMITED, Answer.LIMITED_ERROR, Answer.NO_BATCH}
)
"""Answers of a node, or of what stands before it, that has not looked at the request."""

_ERRORS: Final = {
    Answer.LIMITED_ERROR: (-32005, "rate limit exceeded"),
    Answer.INTERNAL: (-32603, "Internal error"),
    Answer.NO_BATCH: (-32600, "batch requests are not supported"),
    Answer.KNOWN: (SERVER_ERROR, "already known"),
    Answer.UNDERPRICED: (SERVER_ERROR, "replacement transaction underpriced"),
    Answer.NONCE_TOO_LOW: (SERVER_ERROR, "nonce too low"),
}
_PAGES: Final = {
    Answer.PAGE: HTTPStatus.BAD_GATEWAY,
    Answer.LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
}

Call = dict[str, Any]


def calls_of(body: bytes) -> list[Call]:
    """Return the calls of a request, one or a batch."""
    asked = json.loads(body)
    return asked if isinstance(asked, list) else [asked]


def sends(body: bytes) -> bool:
    """Return whether a request sends a transaction."""
    return any(call["method"] == SENDING for call in calls_of(body))


def status_of(answer: Answer) -> int:
    """Return the HTTP status of an answer."""
    return int(_PAGES.get(answer, HTTPStatus.OK))


def lagging(body: bytes, head: int) -> bytes:
    """Return a request that asks for an older block wherever it asks for the newest, which is `head`."""
    older = hex(max(0, head - STALE_BLOCKS))
    asked = json.loads(body)
    for call in asked if isinstance(asked, list) else [asked]:
        call["params"] = [older if each == "latest" else each for each in call.get("params") or []]
    return json.dumps(asked).encode()


def bent(answer: Answer, body: bytes, told: bytes) -> bytes:
    """Return what a node says in the place of `told`, its right answer to the request `body`.

    What is not forwarded has b"" as its right answer. The bytes of an answer that is only late, lost, doubled
    or older are those of the right one.
    """
    if answer in _PAGES:
        return b"<html><body>Try again later.</body></html>"
    if answer is Answer.EMPTY:
        return b""
    if answer is Answer.TRUNCATED:
        return told[: len(told) // 2]
    if answer is Answer.TWICE:
        return told + told
    if answer is Answer.NO_BATCH:
        return json.dumps(_failed(None, answer)).encode()
    changed = _changed(answer, calls_of(body))
    if changed is None:
        return told
    return json.dumps(changed if isinstance(json.loads(body), list) else changed[0]).encode()


def chain_changed(body: bytes, told: bytes) -> bytes:
    """Return the right answer but for the chain's id."""
    answers = json.loads(told)
    of_chain = {call["id"] for call in calls_of(body) if call["method"] == "eth_chainId"}
    for each in answers if isinstance(answers, list) else [answers]:
        if each.get("id") in of_chain:
            each["result"] = OTHER_CHAIN
    return json.dumps(answers).encode()


def _changed(answer: Answer, calls: list[Call]) -> list[Call] | None:
    """Return answers to all calls that hold the same error, or a result of no meaning; None where none do."""
    if answer in _ERRORS:
        return [_failed(call["id"], answer) for call in calls]
    if answer is Answer.NULL:
        return [{"jsonrpc": "2.0", "id": call["id"], "result": None} for call in calls]
    if answer is Answer.WRONG_TYPE:
        return [{"jsonrpc": "2.0", "id": call["id"], "result": [True]} for call in calls]
    return None


def _failed(number: Any, answer: Answer) -> Call:
    code, message = _ERRORS[answer]
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}}
