"""What the Solidity compiler is given: the sources, and the settings of brownie-config.yaml.

An explorer that is given the same input compiles the same code. brownie is not needed for it.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parents[2]
HARNESS = ROOT / "contracts" / "harness"
SOLC_FOLDER = ROOT / ".brownie-home" / "solc-folder"


def contract_sources() -> list[str]:
    """Return the paths of our own sources without the tests' contracts, relative to the checkout."""
    found = sorted((ROOT / "contracts").rglob("*.sol"))
    return [path.relative_to(ROOT).as_posix() for path in found if HARNESS not in path.parents]


def all_sources() -> list[str]:
    """Return the paths of all that brownie compiles: our sources, the tests' contracts, and what they import.

    Through the IR a contract's code depends on what is compiled beside it, so an explorer needs all of it.
    """
    waiting = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "contracts").rglob("*.sol"))
    found: set[str] = set()
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imports(path)
    return sorted(found)


def _imports(path: str) -> list[str]:
    named = re.findall(r'^import\b[^;"]*"([^"]+)";', (ROOT / path).read_text(), re.MULTILINE)
    return [_resolved(Path(path).parent, name) for name in named]


def _resolved(folder: Path, name: str) -> str:
    if name.startswith("."):
        return Path(os.path.normpath(folder / name)).as_posix()
    for prefix, target in (each.split("=") for each in _configured()["remappings"]):
        if name.startswith(f"{prefix}/"):
            return f"{target}{name.removeprefix(prefix)}"
    return name


def compiler_version() -> str:
    """Return the version of the compiler that the contracts are written for, such as `0.8.30`."""
    return str(_configured()["version"])


def standard_input(paths: Iterable[str], selection: Mapping[str, Any]) -> dict[str, Any]:
    """Return the compiler's standard JSON input for sources, with `selection` as its outputSelection.

    `paths` are relative to the checkout. The settings are brownie's, so the code is the code that brownie
    deploys; its metadata names the sources by these paths.
    """
    configured = _configured()
    return {
        "language": "Solidity",
        "sources": {path: {"content": (ROOT / path).read_text()} for path in sorted(paths)},
        "settings": {
            "evmVersion": configured["evm_version"],
            "optimizer": configured["optimizer"],
            "remappings": configured["remappings"],
            "viaIR": configured["viaIR"],
            "outputSelection": selection,
        },
    }


def compile_sources(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the compiler's standard JSON output. Raises SystemExit with the compiler's errors."""
    compiler = Path(SOLC_FOLDER.read_text().strip()) / f"solc-v{compiler_version()}"
    done = subprocess.run(
        [compiler, "--standard-json"],
        cwd=ROOT,
        input=json.dumps(content),
        capture_output=True,
        text=True,
        check=True,
    )
    output: dict[str, Any] = json.loads(done.stdout)
    errors = [each for each in output.get("errors", []) if each["severity"] == "error"]
    if errors:
        raise SystemExit("\n".join(each["formattedMessage"] for each in errors))
    return output


def _configured() -> dict[str, Any]:
    config = yaml.safe_load((ROOT / "brownie-config.yaml").read_text())["compiler"]
    return {**config["solc"], "evm_version": config["evm_version"]}
