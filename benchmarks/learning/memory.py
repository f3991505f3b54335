"""Memory and time of a large table on its whole way: prepared, encrypted, fetched, trained on, judged.

Claim: 2,000,000 rows of 16 numbers go from a CSV file to judged models within 4 GiB. Every step is a process
of its own and runs what the commands run, an IPFS daemon in the path. `resident` is the highest that was in
memory, pages of mapped files among them, which the system takes back when others need the room; `own` leaves
those out, and is looked at every 20 ms. One run each.

    python -m benchmarks.learning.memory [--rows N] [--queries N] [--threads N] [--seconds N] [--limit MIB]
        [--json]
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.common.resident import highest
from benchmarks.learning import memory_steps
from pole.adapters.machine.devnet import DevnetSettings, free_port, programs_folder, start_ipfs, stop_devnet
from pole.errors import PoleError

COLUMNS: Final = 16
CLASSES: Final = 3
ROWS_AT_ONCE: Final = 50_000
SECONDS_BETWEEN_LOOKS: Final = 0.02
MEBIBYTE: Final = 2**20


@dataclass(frozen=True, slots=True)
class Measured:
    """What a step took: its rows, seconds, and MiB of memory, resident and its own alone."""

    step: str
    rows: int
    seconds: float
    resident: int
    own: int


def write_table(path: Path, rows: int, seed: int = 0) -> None:
    """Write a CSV table of `COLUMNS` numbers a row and a class that some of them tell, block by block."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(CLASSES, COLUMNS))
    with path.open("w") as file:
        file.write(",".join([*(f"x{number}" for number in range(COLUMNS)), "class"]) + "\n")
        for start in range(0, rows, ROWS_AT_ONCE):
            labels = random.integers(CLASSES, size=min(ROWS_AT_ONCE, rows - start))
            values = centres[labels] + random.normal(size=(len(labels), COLUMNS))
            lines = np.column_stack([np.round(values, 3).astype("U8"), np.char.add("c", labels.astype("U1"))])
            file.writelines(",".join(line) + "\n" for line in lines.tolist())


def limited(megabytes: int | None) -> Callable[[], None]:
    """Return what bounds a process before it begins: what it has of its own may not be more (RLIMIT_DATA)."""

    def limit() -> None:
        if megabytes is not None:
            resource.setrlimit(resource.RLIMIT_DATA, (megabytes * MEBIBYTE,) * 2)

    return limit


def run(step: str, rows: int, command: Sequence[str], limit: int | None) -> Measured:
    """Run a step as a process; exits where it fails."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, preexec_fn=limited(limit))
    found = 0, 0
    while process.poll() is None:
        found = _look(process.pid, *found)
        time.sleep(SECONDS_BETWEEN_LOOKS)
    if process.returncode:
        raise SystemExit(f"The step {step!r} ended with exit code {process.returncode}.")
    seconds, (in_all, own) = time.perf_counter() - begun, found
    return Measured(step, rows, round(seconds, 1), in_all // MEBIBYTE, own // MEBIBYTE)


def _look(process: int, in_all: int, own: int) -> tuple[int, int]:
    try:
        status = Path(f"/proc/{process}/status").read_text()
        fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        return highest(process), max(own, int(fields["RssAnon"].split()[0]) * 1024)
    except (OSError, ValueError, KeyError):
        # It has ended meanwhile.
        return in_all, own


@contextmanager
def daemon(folder: Path) -> Iterator[str]:
    """Run an IPFS daemon of its own; yields its address."""
    network = DevnetSettings(folder, programs_folder(), ipfs_port=free_port(), swarm_port=free_port())
    try:
        if start_ipfs(network) is None:
            raise SystemExit("Another IPFS daemon answers at the port chosen; run this again.")
        yield network.ipfs
    finally:
        stop_devnet(folder)


def measure(options: argparse.Namespace, folder: Path, ipfs: str) -> Iterator[Measured]:
    """Yield what each step took."""
    rows, limit = options.rows, options.limit
    table, made = folder / "table.csv", folder / "table.pole"
    write_table(table, rows)
    pole = str(Path(sys.executable).with_name("pole"))
    prepare = [pole, "data", "prepare", str(table), "--target", "class", "--out", str(made)]
    yield run("prepare", rows, prepare, limit)
    setting = memory_steps.Setting(
        str(folder), ipfs, options.queries, options.threads, options.seconds, CLASSES, COLUMNS
    )
    (folder / "setting.json").write_text(json.dumps(asdict(setting)))
    for step in memory_steps.STEPS:
        command = [sys.executable, "-m", "benchmarks.learning.memory_steps", step, str(folder)]
        yield run(step, rows, command, limit)


def main() -> None:
    """Generate the table, start a daemon, measure, stop it and delete everything."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--rows", type=int, default=100_000, help="rows of the table [100,000]")
    parser.add_argument("--queries", type=int, default=4, help="query vectors [4]")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--seconds", type=float, default=60.0, help="training time [60]")
    parser.add_argument("--limit", type=int, metavar="MIB", help="end a step that takes more of its own")
    parser.add_argument("--folder", type=Path, help="where to put some GB for a while")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="pole-memory-", dir=options.folder))
    try:
        with daemon(folder / "net") as ipfs:
            if not options.json:
                print(
                    f"{'step':<10} {'rows':>10} {'seconds':>8} {'rows/s':>8} {'resident':>9} {'own':>7} MiB"
                )
            for each in measure(options, folder, ipfs):
                show(each, as_json=options.json)
    finally:
        shutil.rmtree(folder)


def show(each: Measured, *, as_json: bool) -> None:
    """Print a step's line."""
    found: dict[str, Any] = asdict(each)
    rate = each.rows / max(each.seconds, 0.1)
    numbers = f"{each.rows:>10,} {each.seconds:>8.1f} {rate:>8,.0f} {each.resident:>9,} {each.own:>7,}"
    print(json.dumps(found) if as_json else f"{each.step:<10} {numbers}", flush=True)


if __name__ == "__main__":
    try:
        main()
    except PoleError as error:
        sys.exit(str(error))
