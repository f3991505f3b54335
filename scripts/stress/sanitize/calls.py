"""Random calls of one build of a kernel: python -m scripts.stress.sanitize.calls KERNEL MODULE SECONDS SEED.

Ends with the first call that goes wrong, after saying which it was. Calls follow from the seed alone.
"""

import importlib.util
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random
from types import ModuleType

from scripts.stress.sanitize.convolutions import Convolver
from scripts.stress.sanitize.hostile import spoiled
from scripts.stress.sanitize.valid import Call, Caller

Counts = Counter[tuple[str, str]]


class WrongResultError(Exception):
    """A call did what it must not do, though it came back."""


def main() -> None:
    kernel, path, seconds, seed = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    native, random = loaded(path), Random(seed)  # noqa: S311 - reproducible choices
    caller = Convolver(native, random) if kernel == "evaluation" else Caller(native, random)
    counts = Counts()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        call = caller.any_call()
        try:
            counts[call.function, outcome_of(caller, call)] += 1
        except Exception:
            print(f"Call {counts.total()}, of {call.function}, with {call.shown()}", file=sys.stderr)
            raise
    print(report(counts))
    print(f"{counts.total()} calls, code paths {', '.join(caller.paths())}")


def loaded(path: Path) -> ModuleType:
    """Return the kernel in a file, under a name of its own."""
    spec = importlib.util.spec_from_file_location("_native", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def outcome_of(caller: Caller | Convolver, call: Call) -> str:
    """Make a call as it is, or spoiled; return what came of it: right, refused or taken."""
    if caller.rng.random() < 0.5:
        call.check(caller.make(call))
        call.require_released()
        return "right"
    hostile, is_wrong = spoiled(call, caller)
    try:
        caller.make(hostile)
    except ValueError:
        return "refused"
    finally:
        hostile.require_released()
    if is_wrong:
        raise WrongResultError(f"{hostile.function} took {hostile.shown()}")
    return "taken"


def report(counts: Counts) -> str:
    """Return a line for each function: how many calls of it had which outcome."""
    lines = []
    for function in sorted({function for function, _ in counts}):
        told = [f"{counts[function, outcome]:>8} {outcome}" for outcome in ("right", "refused", "taken")]
        lines.append(f"{function:20}" + "".join(told))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
