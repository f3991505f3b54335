"""Slither over the contracts as they are on disk: python -m scripts.checks.static_analysis.

Every finding fails, of whatever impact, unless devnet/slither.json waives it with a reason; so does a waiver
that waives nothing any more. brownie's build may be older than the sources, and a whole compilation takes
half a minute: the compiler is asked for syntax trees and interfaces only, which it has in two seconds.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from crytic_compile import CryticCompile
from crytic_compile.compilation_unit import CompilationUnit
from crytic_compile.compiler.compiler import CompilerVersion
from crytic_compile.platform.solc import Solc
from crytic_compile.platform.solc_standard_json import parse_standard_json_output
from scripts.contracts.sources import (
    ROOT,
    compile_sources,
    compiler_version,
    contract_sources,
    standard_input,
)
from slither import Slither  # type: ignore[import-untyped]
from slither.__main__ import get_detectors_and_printers  # type: ignore[import-untyped]

WAIVERS = ROOT / "devnet" / "slither.json"
OURS = "contracts/"
NO_CODE = {"evm": {part: {"object": "", "sourceMap": ""} for part in ("bytecode", "deployedBytecode")}}


@dataclass(frozen=True, slots=True)
class Finding:
    """What a detector says of `place`, a contract's function or variable such as `TaskList.post`."""

    check: str
    impact: str
    place: str
    description: str


@dataclass(frozen=True, slots=True)
class Waiver:
    """Findings of some checks at places that match a pattern, and why they stand."""

    checks: tuple[str, ...]
    place: str
    why: str

    def covers(self, finding: Finding) -> bool:
        return finding.check in self.checks and fnmatchcase(finding.place, self.place)


class SyntaxTrees(Solc):
    """The contracts for crytic-compile, without their code."""

    def compile(self, crytic_compile: CryticCompile, **_: Any) -> None:
        selection = {"*": {"*": ["abi"], "": ["ast"]}}
        output = compile_sources(standard_input(contract_sources(), selection))
        for contracts in output["contracts"].values():
            for contract in contracts.values():
                contract.update(NO_CODE)
        unit = CompilationUnit(crytic_compile, "pole")
        unit.compiler_version = CompilerVersion(compiler="solc", version=compiler_version(), optimized=True)
        parse_standard_json_output(output, unit)


def analyse() -> list[Finding]:
    """Return what all of Slither's detectors find in our sources, libraries of others left out."""
    slither = Slither(CryticCompile(SyntaxTrees("pole")))
    detectors, _ = get_detectors_and_printers()
    for detector in detectors:
        slither.register_detector(detector)
    results = [result for of_detector in slither.run_detectors() for result in of_detector]
    return [finding_of(result) for result in results if _is_ours(result)]


def finding_of(result: Mapping[str, Any]) -> Finding:
    """Return one of Slither's results, placed at its first element."""
    element, names = result["elements"][0], []
    while element.get("name"):
        if element["type"] in {"contract", "function", "variable", "struct", "event", "enum"}:
            names.append(element["name"])
        element = element.get("type_specific_fields", {}).get("parent", {})
    return Finding(
        check=result["check"],
        impact=result["impact"],
        place=".".join(reversed(names)),
        description=result["description"].strip(),
    )


def read_waivers() -> list[Waiver]:
    content = json.loads(WAIVERS.read_text())
    return [Waiver(tuple(each["checks"]), each["in"], each["why"]) for each in content["waived"]]


def complaints(findings: Sequence[Finding], waivers: Sequence[Waiver]) -> list[str]:
    """Return what is wrong: findings that nothing waives, checks that a waiver names for nothing."""
    open_ones = [
        f"{each.impact} {each.check} in {each.place}\n{each.description}"
        for each in findings
        if not any(waiver.covers(each) for waiver in waivers)
    ]
    idle = [
        f"devnet/slither.json waives {waiver.checks} in {waiver.place}, but nothing is found there: remove "
        "it."
        for waiver in waivers
        if not any(waiver.covers(each) for each in findings)
    ]
    return open_ones + idle


def main() -> None:
    findings, waivers = analyse(), read_waivers()
    wrong = complaints(findings, waivers)
    print(
        "\n\n".join([*wrong, f"{len(findings)} findings, {len(waivers)} waivers, {len(wrong)} complaints."])
    )
    sys.exit(bool(wrong))


def _is_ours(result: Mapping[str, Any]) -> bool:
    return bool(result["elements"][0]["source_mapping"]["filename_relative"].startswith(OURS))


if __name__ == "__main__":
    main()
