"""How large the house is: python -m scripts.checks.house.

Prints how many files of the package one round runs through, on the tests' world of plain Python; how long
its functions are; and which folders of it hold more than a dozen entries.
"""

import ast
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median, quantiles
from types import FrameType
from typing import Final

from tests.unit.roles.conftest import Stage

from pole.protocol.state import Phase

PACKAGE: Final = Path(__file__).resolve().parents[2] / "offchain" / "pole"
DOZEN: Final = 12


def files_of(work: Callable[[], object]) -> set[Path]:
    """Return the files of the package that have a function which `work`, or a thread of it, calls."""
    seen: set[str] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_name != "<module>":
            seen.add(frame.f_code.co_filename)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return {path for path in map(Path, seen) if path.is_relative_to(PACKAGE)}


def play_round() -> None:
    """Play a round of one data node, two miners, three verifiers and a keeper, from its task to its block."""
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder))
        stage.post(min_solutions=2)
        stage.play(Phase.FINAL)


def function_lengths() -> Iterator[int]:
    """Yield the lines of every function of the package, its docstring and signature included."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
                yield node.end_lineno - node.lineno + 1


def large_folders() -> dict[str, int]:
    """Return the folders of the package with more than a dozen entries of ours."""
    entries = Counter(
        path.parent.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*")
        if path.name != "__pycache__" and path.suffix not in (".pyc", ".so")
    )
    return {folder: count for folder, count in entries.items() if count > DOZEN}


def main() -> None:
    """Print the measures."""
    files = files_of(play_round)
    by_layer = Counter(path.relative_to(PACKAGE).parts[0] for path in files)
    print(
        f"files of one round: {len(files)} ({', '.join(f'{n} {name}' for name, n in by_layer.most_common())})"
    )
    lengths = sorted(function_lengths())
    print(
        f"functions: {len(lengths)}; lines: {median(lengths):g} at the median, "
        f"{quantiles(lengths, n=10)[-1]:g} at nine of ten, {lengths[-1]} at the most"
    )
    for folder, count in large_folders().items():
        print(f"{folder}: {count} entries")


if __name__ == "__main__":
    main()
