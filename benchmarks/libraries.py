"""Where a library took the place of our code, and where it did not: python -m benchmarks.libraries [long].

Claims. Ranks: FLINT with full rank sought in few rows first is no slower than FLINT over all rows at once.
Locks: three processes that hold one lock for 20 ms at a time wait longer for each other by filelock, which
polls, than in the kernel's queue of flock. Optimiser: the first torch.optim.AdamW of a process costs seconds
that torch's function does not, and its fused kernel beats a loop over parameters.
n: ranks and locks once, the optimiser's first step three times, 200 steps. Hardware: one thread of whatever
it runs on, three processes for the locks. `long` adds the rank of 2,944 dense vectors, which takes minutes.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from math import prod
from pathlib import Path
from statistics import median

import numpy as np
import torch
from filelock import FileLock
from flint import fmpz_mod_ctx, fmpz_mod_mat
from torch import Tensor, nn

from pole.adapters.storage.file_lock import file_lock
from pole.ipfe.group import ORDER
from pole.learning.training.optimising.adamw import BETA_1, BETA_2, EPSILON, AdamW
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.mapping.kinds import BlocksMapping, ConvMapping, LinearMapping, Mapping, Shape
from pole.protocol.mapping.layer import query_plan
from pole.protocol.mapping.plan import PADDING, QueryPlan
from pole.protocol.mapping.rank import query_rank
from pole.protocol.models.specification import Input

MNIST, CIFAR = (1, 28, 28), (3, 32, 32)
PROCESSES, HELD, LASTS, STEPS = 3, 0.02, 3.0, 200
FIRST_STEP = """
import time, torch
from torch import nn
layer = nn.Linear(4, 4)
layer(torch.ones(1, 4)).sum().backward()
begun = time.process_time()
{make}
print(time.process_time() - begun)
"""


@dataclass(frozen=True, slots=True)
class Layer:
    """A mapping layer over samples of a shape, as much of a specification as its query plan takes."""

    mapping: Mapping
    input: Input


Case = tuple[str, Shape, Mapping, int]

CASES: tuple[Case, ...] = (
    ("MNIST, 4 blocks x 32", MNIST, BlocksMapping(bits=3, queries=32, tile=(14, 14)), 1),
    ("MNIST, 4 blocks x 32", MNIST, BlocksMapping(bits=3, queries=32, tile=(14, 14)), 6),
    ("MNIST, linear, 128", MNIST, LinearMapping(bits=3, queries=128), 1),
    ("MNIST, linear, 128", MNIST, LinearMapping(bits=3, queries=128), 6),
    ("CIFAR-10, conv 3x3, same", CIFAR, ConvMapping(bits=3, queries=1, kernel=(3, 3)), 1),
    ("CIFAR-10, conv 3x3, valid", CIFAR, ConvMapping(bits=3, queries=1, kernel=(3, 3), padding="valid"), 1),
    ("CIFAR-10, linear, 128", CIFAR, LinearMapping(bits=3, queries=128), 1),
    ("CIFAR-10, linear, 128", CIFAR, LinearMapping(bits=3, queries=128), 4),
)
LONG: Case = ("CIFAR-10, linear, 128", CIFAR, LinearMapping(bits=3, queries=128), 23)


def plans_of(shape: Shape, mapping: Mapping, rounds: int) -> list[QueryPlan]:
    layer = Layer(mapping, Input(shape=shape, bits=8))
    return [query_plan(layer, keccak256(bytes([number]))) for number in range(rounds)]


def plain_rank(plans: list[QueryPlan], dimension: int) -> int:
    """Return the rank as FLINT alone finds it: all query vectors over all columns, at once."""
    rows = []
    for plan in plans:
        for window in plan.windows:
            inside = window != PADDING
            for vector in plan.vectors:
                row = np.zeros(dimension, dtype=np.uint16)
                row[window[inside]] = vector[inside]
                rows.append(row)
    return int(fmpz_mod_mat(np.array(rows).tolist(), fmpz_mod_ctx(ORDER)).rank())


def seconds_of(work: Callable[[], int]) -> tuple[int, float]:
    begun = time.process_time()
    return work(), time.process_time() - begun


def ranks(cases: tuple[Case, ...]) -> None:
    print("vectors                     rounds    D   rank  CPU seconds  FLINT alone  ratio")
    for title, shape, mapping, rounds in cases:
        dimension, plans = prod(shape), plans_of(shape, mapping, rounds)
        rank, ours = seconds_of(partial(query_rank, plans, dimension, ORDER))
        found, alone = seconds_of(partial(plain_rank, plans, dimension))
        if rank != found:
            raise SystemExit(f"{title}: our rank is {rank}, FLINT's {found}")
        head = f"{title:26}  {rounds:6}  {dimension:4}  {rank:5}"
        print(f"{head}  {ours:11.2f}  {alone:11.2f}  {ours / alone:5.2f}", flush=True)
    print(f"memory at its highest: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB")


def longest_wait(lock_of: Callable[[Path], AbstractContextManager[object]], path: Path) -> float:
    """Return the longest of the waits for a lock that is held again and again for LASTS seconds."""
    waited, until = 0.0, time.monotonic() + LASTS
    while (begun := time.monotonic()) < until:
        with lock_of(path):
            waited = max(waited, time.monotonic() - begun)
            time.sleep(HELD)
    return waited


def locks() -> None:
    print(f"\nlock      longest wait of {PROCESSES} processes, ms")
    for name, lock_of in (("flock", file_lock), ("filelock", FileLock)):
        with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(PROCESSES) as pool:
            work = partial(longest_wait, lock_of, Path(folder) / "lock")
            waits = [each.result() for each in [pool.submit(work) for _ in range(PROCESSES)]]
        print(f"{name:8}  {1000 * max(waits):.0f}", flush=True)


def loop_step(layers: list[nn.Parameter], moments: list[tuple[Tensor, Tensor]], step: int) -> None:
    """Step as a loop over the parameters does: AdamW's algorithm 2, a few kernels each."""
    root = (1 - BETA_2**step) ** 0.5
    for parameter, (first, second) in zip(layers, moments, strict=True):
        gradient = parameter.grad
        assert gradient is not None
        parameter.mul_(1 - 1e-3 * 1e-2)
        first.lerp_(gradient, 1 - BETA_1)
        second.mul_(BETA_2).addcmul_(gradient, gradient, value=1 - BETA_2)
        parameter.addcdiv_(first, (second.sqrt() / root).add_(EPSILON), value=-1e-3 / (1 - BETA_1**step))


def network() -> nn.Module:
    """Return the MLP of MNIST, with gradients."""
    made = nn.Sequential(nn.Linear(128, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10))
    made(torch.ones(8, 128)).sum().backward()
    return made


def optimiser() -> None:
    ours = (
        "from pole.learning.training.optimising.adamw import AdamW; "
        "AdamW(layer.parameters(), weight_decay=0).step(0.1)"
    )
    theirs = "torch.optim.AdamW(layer.parameters(), fused=True).step()"
    print("\noptimiser                     CPU seconds of the first step in a process (median of 3)")
    for name, make in (("AdamW of pole", ours), ("torch.optim.AdamW", theirs)):
        command = [sys.executable, "-c", FIRST_STEP.format(make=make)]
        taken = [float(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(3)]
        print(f"{name:28}  {median(taken):.2f}", flush=True)
    print(f"\noptimiser                     microseconds a step of the MNIST MLP (median of {STEPS})")
    for name, step in steps().items():
        taken = []
        for number in range(STEPS):
            begun = time.perf_counter()
            step(number + 1)
            taken.append(time.perf_counter() - begun)
        print(f"{name:28}  {1e6 * median(taken):.0f}", flush=True)


@torch.no_grad()
def steps() -> dict[str, Callable[[int], object]]:
    with torch.enable_grad():
        own, loop, library = network(), network(), network()
    adamw, parameters = AdamW(own.parameters(), weight_decay=1e-2), list(loop.parameters())
    gradients = [parameter.grad for parameter in own.parameters()]
    moments = [(torch.zeros_like(each), torch.zeros_like(each)) for each in parameters]
    fused = torch.optim.AdamW(library.parameters(), fused=True)

    def step_own(_: int) -> None:
        # Ours forgets the gradients.
        for parameter, gradient in zip(own.parameters(), gradients, strict=True):
            parameter.grad = gradient
        adamw.step(1e-3)

    def step_loop(number: int) -> None:
        with torch.no_grad():
            loop_step(parameters, moments, number)

    return {
        "AdamW of pole": step_own,
        "a loop over parameters": step_loop,
        "torch.optim.AdamW, fused": lambda _: fused.step(),
    }


def processor() -> str:
    """Return the processor's name, as Linux tells it."""
    told = Path("/proc/cpuinfo")
    names = [
        line.partition(": ")[2] for line in told.read_text().splitlines() if line.startswith("model name")
    ]
    return f"{len(names)} x {names[0]}"


def main() -> None:
    torch.set_num_threads(1)
    now = datetime.now(UTC)
    print(f"{processor()}, load {os.getloadavg()[0]:.1f}, {now:%Y-%m-%d %H:%M} UTC\n")
    ranks(CASES + ((LONG,) if sys.argv[1:] == ["long"] else ()))
    locks()
    optimiser()


if __name__ == "__main__":
    main()
