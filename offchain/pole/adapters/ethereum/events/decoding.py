"""What a log says, by the kinds of events that somebody asks for."""

from collections.abc import Mapping
from typing import Any

from pole.adapters.node.contract import EventKind
from pole.adapters.node.questions import Values
from pole.errors import UnreachableError
from pole.protocol.encoding.abi_codec import AbiError
from pole.quoting import reason


def decoded(
    kinds: Mapping[tuple[str, bytes], EventKind], log: Values
) -> tuple[str, Mapping[str, Any]] | None:
    """Return the event's name and arguments, None where it is of no such kind.

    `kinds` are by contract and first topic. Raises UnreachableError for a log that its kind cannot have.
    """
    kind = kinds.get((log["address"], log["topics"][0] if log["topics"] else b""))
    if kind is None:
        return None
    try:
        return kind.name, kind.arguments(log)
    except AbiError as error:
        raise UnreachableError(
            f"The Ethereum node gave an answer that makes no sense: {reason(error)}."
        ) from error
