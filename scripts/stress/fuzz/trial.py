"""Inputs tried on a reader: what comes of them, how long they take, how much memory they take."""

import hashlib
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from random import Random
from typing import Final

from scripts.contracts.sources import ROOT
from scripts.stress.fuzz.mutations import mutated
from scripts.stress.fuzz.readers import Reader

from pole.quoting import MAX_LINE, one_line, reason

KEPT: Final = ROOT / "build" / "fuzz"
SLOW: Final = 0.5
MEASURED: Final = 50
"""One input of so many is read a second time with its memory measured, which takes several times as long."""
FAULTS_TOLD: Final = 5
MEMORY_OF_EACH_BYTE: Final = 40
MEMORY_BESIDE: Final = 2**23
"""What a reader may take at its peak: so many bytes for each of its input, and so many whatever that is.

In JSON an object of eight characters takes 240 bytes.
"""


class Outcome(Enum):
    """What a reader did with an input."""

    READ = "read"
    REFUSED = "refused"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of an input; `fault` says what is wrong, "" where nothing is."""

    outcome: Outcome
    seconds: float
    fault: str = ""


@dataclass(slots=True)
class Result:
    """What came of the inputs of one reader; `slow` and `faults` are sentences that name the kept input."""

    name: str
    inputs: int = 0
    refused: int = 0
    slowest: float = 0.0
    peak: int = 0
    slow: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def seeded(seed: int, name: str) -> Random:
    """Return the randomness of a reader's inputs."""
    return Random(f"{seed}/{name}")  # noqa: S311 - nothing secret


def fuzz(
    reader: Reader,
    random: Random,
    *,
    seconds: float = float("inf"),
    inputs: int = sys.maxsize,
    note: Callable[[bytes], None] = lambda _: None,
) -> Result:
    """Try mutated inputs until the time is over or so many were tried; each is given to `note` before."""
    result, end = Result(reader.name), time.monotonic() + seconds
    while result.inputs < inputs and time.monotonic() < end and len(result.faults) < FAULTS_TOLD:
        data = mutated(random, reader.valid)
        note(data)
        trial = tried(reader, data)
        fault = trial.fault
        if result.inputs % MEASURED == 0 and not fault:
            fault = _measured(reader, data, result)
        result.inputs += 1
        result.refused += trial.outcome is Outcome.REFUSED
        result.slowest = max(result.slowest, trial.seconds)
        if fault:
            result.faults.append(f"{reader.name}: {fault} ({kept(reader.name, data)})")
        if trial.seconds > SLOW:
            result.slow.append(f"{reader.name}: {trial.seconds:.1f} s ({kept(reader.name, data)})")
    return result


def tried(reader: Reader, data: bytes) -> Trial:
    """Give an input to a reader, which must return, or raise what it promises with a sentence to be shown."""
    started = time.perf_counter()
    try:
        reader.read(data)
    except reader.raises as error:
        seconds = time.perf_counter() - started
        fault = _fault_of(str(error))
        return Trial(Outcome.FAULT if fault else Outcome.REFUSED, seconds, fault)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what we look for
        fault = f"{type(error).__name__}: {reason(error)}"
        return Trial(Outcome.FAULT, time.perf_counter() - started, fault)
    return Trial(Outcome.READ, time.perf_counter() - started)


def peak_of(reader: Reader, data: bytes) -> int:
    """Return the most memory, in bytes, that reading an input takes beside the input; NumPy's counts, too."""
    tracemalloc.start()
    try:
        tried(reader, data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def kept(name: str, data: bytes) -> Path:
    """Keep an input of a reader; return its file."""
    KEPT.mkdir(parents=True, exist_ok=True)
    path = KEPT / f"{name}-{hashlib.sha256(data).hexdigest()[:8]}"
    path.write_bytes(data)
    return path.relative_to(ROOT)


def _measured(reader: Reader, data: bytes, result: Result) -> str:
    peak = peak_of(reader, data)
    result.peak = max(result.peak, peak)
    allowed = MEMORY_OF_EACH_BYTE * len(data) + MEMORY_BESIDE
    return f"takes {peak} bytes of memory for an input of {len(data)}" if peak > allowed else ""


def _fault_of(sentence: str) -> str:
    if not sentence.isprintable():
        return f"the message does not print: {one_line(sentence, 200)}"
    if len(sentence) > MAX_LINE:
        return f"the message has {len(sentence)} characters"
    return ""
