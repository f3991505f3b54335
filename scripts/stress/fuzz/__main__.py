"""Feed mutated inputs to every reader of strangers' bytes, and say what none may do.

    python -m scripts.stress.fuzz
    python -m scripts.stress.fuzz --seconds 600 --seed 7
    python -m scripts.stress.fuzz --reader manifest --input build/fuzz/manifest-1b2c3d4e

A finding is an exception that the reader does not promise, a message that is no printable line, memory beyond
a bound, a crash, or no end: the input is kept in a file under build/fuzz, the exit code is 1. An input that
takes more than half a second is told, and no finding. The seed makes the same inputs again.
"""

import argparse
import mmap
import multiprocessing
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from random import SystemRandom
from typing import Final

from scripts.stress.fuzz.readers import Reader, readers
from scripts.stress.fuzz.trial import Result, fuzz, kept, seeded, tried

PATIENCE: Final = 120.0
LONGEST, LENGTH_BYTES = 2**24, 8
IN_MEMORY: Final = Path("/dev/shm")  # noqa: S108


def main() -> int:
    """Fuzz what the command line says; return the exit code."""
    options = _options()
    with _table(options.reader) as table:
        if not table:
            print(f"There is no reader {options.reader}; scripts/stress/fuzz/readers.py has them.")
            return 2
        if options.input is not None:
            return _again(table, options.input.read_bytes())
        names = [reader.name for reader in table]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"seed {options.seed}, {machine}", flush=True)
    results = [_in_a_process(name, options.seed, options.seconds / len(names)) for name in names]
    print(report(results))
    return int(any(result.faults for result in results))


def report(results: Sequence[Result]) -> str:
    """Return the results as text: a line a reader, then what was slow and what is wrong."""
    lines = [f"{'reader':<18}{'inputs':>9}{'refused':>9}{'slowest':>11}{'peak':>12}"]
    lines += [
        f"{each.name:<18}{each.inputs:>9}{each.refused:>9}"
        f"{each.slowest * 1000:>8.1f} ms{each.peak / 2**20:>8.1f} MiB"
        for each in results
    ]
    inputs, refused = sum(each.inputs for each in results), sum(each.refused for each in results)
    lines.append(f"{'all':<18}{inputs:>9}{refused:>9}")
    lines += [f"slow: {each}" for result in results for each in result.slow]
    lines += [f"FAULT: {each}" for result in results for each in result.faults]
    return "\n".join(lines)


def _in_a_process(name: str, seed: int, seconds: float) -> Result:
    """Fuzz a reader in a process of its own, whose crash is a finding like any other."""
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    # Shared with the child, and much quicker to write than a file.
    current = mmap.mmap(-1, LONGEST)
    process = context.Process(target=_work, args=(name, seed, seconds, current, sending))
    process.start()
    sending.close()
    fault = "does not end"
    if receiving.poll(seconds + PATIENCE):
        try:
            found: Result = receiving.recv()
        except EOFError:
            process.join()
            fault = f"ends its process ({process.exitcode})"
        else:
            process.join()
            return found
    process.kill()
    process.join()
    length = int.from_bytes(current[:LENGTH_BYTES], "little")
    path = kept(name, current[LENGTH_BYTES : LENGTH_BYTES + length])
    return Result(name, faults=[f"{name}: {fault} ({path})"])


def _work(name: str, seed: int, seconds: float, current: mmap.mmap, sending: Connection) -> None:
    def note(data: bytes) -> None:
        current.seek(0)
        current.write(len(data).to_bytes(LENGTH_BYTES, "little") + data[: LONGEST - LENGTH_BYTES])

    with _table(name) as [reader]:
        sending.send(fuzz(reader, seeded(seed, name), seconds=seconds, note=note))


@contextmanager
def _table(name: str | None) -> Iterator[list[Reader]]:
    """Give the readers of that name, None for all; their files are in memory where that can be."""
    with tempfile.TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else None) as folder:
        yield [each for each in readers(Path(folder)) if name in (None, each.name)]


def _again(table: Sequence[Reader], data: bytes) -> int:
    trials = [(reader.name, tried(reader, data)) for reader in table]
    for name, trial in trials:
        print(f"{name}: {trial.outcome.value} after {trial.seconds * 1000:.1f} ms {trial.fault}".rstrip())
    return int(any(trial.fault for _, trial in trials))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.stress.fuzz",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--seconds", type=float, default=60, help="for all readers together (default %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=SystemRandom().getrandbits(32), help="of all inputs (default: a new one)"
    )
    parser.add_argument("--reader", metavar="NAME", help="only this one")
    parser.add_argument("--input", type=Path, metavar="FILE", help="only the input in this file")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
