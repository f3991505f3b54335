"""Sources that tell which way every branch goes: a probe around every condition.

A branch is one way of a condition: of an `if`, a `?:`, a loop or a `require`, and of either side of an `&&`
or `||`. A probe passes the condition's value on, and calls an address of its own for each value; on a chain
of one process, which keeps every address that was ever called, the addresses tell the branches. It works in
pure functions and calls that revert, under any optimiser, and changes nothing but gas.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from scripts.contracts.sources import compile_sources, contract_sources, standard_input

BASE = 0xB7A2C4 << 136
PROBE_PATH = "contracts/Probe.sol"
# Its assembly uses scratch space alone but does not say so: code with it has no more room than the stack.
CHECKPOINTS = "devnet/node_modules/@openzeppelin/contracts/utils/structs/Checkpoints.sol"
PROBE = f"""// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

library Probe {{
    function tell(uint256 branch, bool value) internal pure returns (bool) {{
        function(uint256) internal view looks = _touch;
        function(uint256) internal pure seems;
        assembly ("memory-safe") {{
            seems := looks
        }}
        seems(branch + (value ? 1 : 0));
        return value;
    }}

    function _touch(uint256 branch) private view {{
        assembly ("memory-safe") {{
            pop(staticcall(gas(), add({BASE}, branch), 0, 0, 0, 0))
        }}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition in the sources, and the address that is called when it is `value`."""

    path: str
    line: int
    text: str
    number: int

    def address(self, *, value: bool) -> str:
        return f"0x{BASE + 2 * self.number + value:040x}"


def conditions() -> list[Condition]:
    """Return every condition of our own sources."""
    return [each for _, _, each in _located()]


def probed_contracts() -> dict[str, Any]:
    """Return the compiler's output, by path and contract name, for the sources with probes."""
    selection = {"*": {"*": ["abi", "evm.bytecode.object"]}}
    content = standard_input([*contract_sources(), CHECKPOINTS], selection)
    for path, source in content["sources"].items():
        if path == CHECKPOINTS:
            source["content"] = source["content"].replace("assembly {", 'assembly ("memory-safe") {')
        else:
            source["content"] = _with_probes(path, source["content"])
    content["sources"][PROBE_PATH] = {"content": PROBE}
    compiled: dict[str, Any] = compile_sources(content)["contracts"]
    return compiled


def _with_probes(path: str, source: str) -> str:
    """Return a source with its probes put in from the back, so that places before stay where they are."""
    text = source.encode()
    marks = []
    for start, length, condition in _located():
        if condition.path == path:
            # Of two that begin or end at one place the outer one encloses the inner one.
            marks.append((start, 1, -length, f"Probe.tell({2 * condition.number}, ".encode()))
            marks.append((start + length, 0, length, b")"))
    for place, _, _, mark in sorted(marks, reverse=True):
        text = text[:place] + mark + text[place:]
    head, pragma, rest = text.decode().partition("pragma solidity 0.8.30;\n")
    return f'{head}{pragma}import {{Probe}} from "{PROBE_PATH}";{rest}'


def _located() -> list[tuple[int, int, Condition]]:
    """Return conditions with where they start, in bytes, and how long they are."""
    return _LOCATED or _locate()


def _locate() -> list[tuple[int, int, Condition]]:
    content = standard_input(contract_sources(), {"*": {"": ["ast"]}})
    parsed = compile_sources(content)["sources"]
    for path in sorted(parsed):
        text = content["sources"].get(path, {"content": ""})["content"].encode()
        spans = {_span(node) for node in _nodes(parsed[path]["ast"])} if path.startswith("contracts/") else ()
        for start, length in sorted(spans):
            line = text[:start].count(b"\n") + 1
            shown = " ".join(text[start : start + length].decode().split())
            _LOCATED.append((start, length, Condition(path, line, shown, len(_LOCATED))))
    return _LOCATED


_LOCATED: list[tuple[int, int, Condition]] = []


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Yield the nodes that are conditions."""
    if isinstance(node, list):
        for each in node:
            yield from _nodes(each)
    if not isinstance(node, dict):
        return
    kind = node.get("nodeType")
    if kind in ("IfStatement", "Conditional", "ForStatement", "WhileStatement") and node.get("condition"):
        yield node["condition"]
    if kind == "BinaryOperation" and node["operator"] in ("&&", "||"):
        yield from (node["leftExpression"], node["rightExpression"])
    if kind == "FunctionCall" and node["expression"].get("name") in ("require", "assert"):
        yield node["arguments"][0]
    for each in node.values():
        yield from _nodes(each)


def _span(node: dict[str, Any]) -> tuple[int, int]:
    start, length, _ = node["src"].split(":")
    return int(start), int(length)
