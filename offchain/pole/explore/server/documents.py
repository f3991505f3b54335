"""The JSON twin of a page: the same value, fields in camelCase, wei and bytes as strings."""

from collections.abc import Hashable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, Final, cast, get_args, get_origin, get_type_hints

from pole.explore.database import storable
from pole.explore.views.looking import Ether

VERSION: Final = 1
"""Of all documents: it changes when a field is renamed or goes, not when one is added."""

_TERMS_IN_WEI: Final = frozenset({"reward", "data_bond", "fee"})
"""Fields of the protocol's own values that are amounts."""


def document(value: Any) -> Any:
    """Return a view as JSON has it."""
    if is_dataclass(value) and not isinstance(value, type):
        return {
            _camel(field.name): _field(value, field.name, getattr(value, field.name))
            for field in fields(value)
        }
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Mapping):
        return {str(name): document(each) for name, each in value.items()}
    return [document(each) for each in value] if isinstance(value, list | tuple) else value


def _field(owner: Any, name: str, value: Any) -> Any:
    is_amount = name in _amounts(cast(Hashable, type(owner))) and value is not None
    return str(value) if is_amount else document(value)


@cache
def _amounts(kind: Hashable) -> frozenset[str]:
    """Return the fields of a view that are amounts of wei."""
    hints = get_type_hints(kind)
    marked = {name for name, hint in hints.items() if hint is Ether or _is_optional_ether(hint)}
    return frozenset(marked | (_TERMS_IN_WEI & hints.keys()))


def _is_optional_ether(hint: Any) -> bool:
    return get_origin(hint) is UnionType and Ether in get_args(hint)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))
