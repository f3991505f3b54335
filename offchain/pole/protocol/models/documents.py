"""JSON documents that pydantic models check: each object with every key once, and faults as sentences."""

import json
from typing import Any

from pydantic import ValidationError

from pole.quoting import MAX_QUOTED, MAX_REASON, listed, one_line, quoted


def parse_json(document: bytes | str) -> Any:
    """Return what JSON says; raises ValueError where it is none, or an object has a key twice."""
    return json.loads(document, object_pairs_hook=_without_duplicates)


def sentence(what: str, error: ValidationError, page: str) -> str:
    """Return the first fault of a document called `what`, whose fields the documentation's `page` tells."""
    first = error.errors(include_url=False)[0]
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in first["loc"])
    place = one_line("".join(steps).lstrip("."), MAX_QUOTED) or "its top"
    context = first.get("ctx", {})
    match first["type"]:
        case "missing":
            fault = f"lacks the field {place}; add it"
        case "extra_forbidden":
            fault = f"has a field {place} that PoLe does not know; remove it or correct its name"
        case "union_tag_not_found":
            fault = f"lacks {context['discriminator']} at {place}; add it"
        case "union_tag_invalid":
            fault = f"knows no {quoted(context['tag'])} at {place}; use one of {context['expected_tags']}"
        case _:
            message = one_line(first["msg"].removeprefix("Value error, "), MAX_REASON)
            fault = f"is unusable at {place}: {message[:1].lower() + message[1:]}; correct it"
    return f"{what} {fault} ({page} tells all fields)."


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        raise ValueError(f"a key stands twice in the object with {listed(document)}")
    return document
