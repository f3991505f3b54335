"""Types of Solidity's ABI that the contracts could have, and values of them."""

from typing import Any

from eth_utils.address import to_checksum_address
from hypothesis import strategies as st

SIMPLE = st.one_of(
    st.integers(1, 32).map(lambda size: f"uint{8 * size}"),
    st.integers(1, 32).map(lambda size: f"bytes{size}"),
    st.sampled_from(["address", "bool", "bytes", "string"]),
)
TYPES = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map(lambda kinds: f"({','.join(kinds)})"),
        inner.map(lambda kind: f"{kind}[]"),
        st.tuples(inner, st.integers(1, 3)).map(lambda both: f"{both[0]}[{both[1]}]"),
    ),
    max_leaves=8,
)


def values_of(kind: str) -> st.SearchStrategy[Any]:
    if kind.endswith("]"):
        inner, _, length = kind[:-1].rpartition("[")
        minimum, maximum = (int(length), int(length)) if length else (0, 3)
        return st.lists(values_of(inner), min_size=minimum, max_size=maximum).map(tuple)
    if kind.startswith("("):
        return st.tuples(*map(values_of, members_of(kind)))
    if kind.startswith("uint"):
        return st.integers(0, 2 ** int(kind[4:]) - 1)
    if kind == "bytes":
        return st.binary(max_size=70)
    if kind.startswith("bytes"):
        return st.binary(min_size=int(kind[5:]), max_size=int(kind[5:]))
    if kind == "address":
        return st.binary(min_size=20, max_size=20).map(to_checksum_address)
    return {"bool": st.booleans(), "string": st.text(max_size=40)}[kind]


def members_of(kind: str) -> list[str]:
    members, depth = [""], 0
    for letter in kind[1:-1]:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            members.append("")
        else:
            members[-1] += letter
    return members
