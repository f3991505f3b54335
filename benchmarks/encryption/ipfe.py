"""Speed and memory of encryption and decryption, beside the libraries that a user would take otherwise.

Aim: on one core with AVX-512 IFMA at least 1.3 million values encrypted a second, and 100,000 inner
products of 784 columns decrypted from affine points: 800 times PyMIFE and 40 times the best loop over
libsecp256k1.

Prints medians of repeated runs and, as spread, half the distance between the slowest and the fastest: values
encrypted a second (el/s, by the owner of the master secret) and inner products decrypted a second (ip/s, from
32-byte points and from affine points of the local cache, discrete logarithms included, their table not).
Query vectors have 3 bits, inputs 8. Peers run on one core; ratios are per thread, on vectors as long.

    python -m benchmarks.encryption.ipfe [--quick] [--json FILE]
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.encryption import peers
from pole.ipfe import backend, scheme
from pole.protocol.mapping.plan import QueryPlan

MAX_INPUT, MAX_WEIGHT = peers.MAX_INPUT, peers.MAX_WEIGHT
COLUMNS = (196, 784, 3072)
QUERIES = (32, 64, 128)
SIDE, CHANNELS, FILTER = 32, 3, 3
# What one timed run does on one thread: some tenths of a second on the fastest path.
ELEMENTS, PRODUCTS, CONVOLUTIONS = 400_000, 40_000, 100_000
SHARD = 64  # samples that a thread takes at a time
# How much slower the paths are, in round figures: they get smaller runs.
SLOWNESS = {"ifma": 1, "avx2": 4, "portable": 8, "python": 4_000}


@dataclass(frozen=True, slots=True)
class Rate:
    """Operations a second: `what` is "encrypt" or a layer, `points` what was decrypted from."""

    who: str
    what: str
    columns: int
    points: str
    threads: int
    rate: float
    slowest: float
    fastest: float


@dataclass(frozen=True, slots=True)
class Memory:
    """The most memory that a process of its own needed beyond what it held when it began, in MB."""

    what: str
    threads: int
    samples: int
    arrays: float  # input, ciphertexts, results
    peak: float


def timed(operations: int, action: Callable[[], object], repeats: int) -> tuple[float, float, float]:
    """Median, slowest and fastest rate of the repeats, after one run that is not counted."""
    action()
    rates = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        rates.append(operations / (time.perf_counter() - start))
    return statistics.median(rates), min(rates), max(rates)


def layers(columns: int) -> dict[str, QueryPlan]:
    """The layers that make sense on so many columns."""
    plans = {f"linear {queries}": tiles(columns, 1, queries) for queries in QUERIES}
    if columns == 784:
        plans["4 blocks x 32"] = tiles(columns, 4, 32)
    if columns == CHANNELS * SIDE * SIDE:
        plans["conv, 3x3 by channel"] = convolution(1)
        plans["conv, 3x3 over channels"] = convolution(CHANNELS)
    return plans


def tiles(columns: int, windows: int, queries: int) -> QueryPlan:
    """Equal parts of the columns, with reproducible query vectors."""
    return QueryPlan(
        np.arange(columns, dtype=np.int32).reshape(windows, -1), vectors_of(queries, columns // windows)
    )


def convolution(depth: int) -> QueryPlan:
    """One valid 3x3 filter over every `depth` channels of 3 x 32 x 32."""
    image = np.arange(CHANNELS * SIDE * SIDE, dtype=np.int32).reshape(CHANNELS // depth, depth, SIDE, SIDE)
    windows = np.lib.stride_tricks.sliding_window_view(image, (FILTER, FILTER), axis=(2, 3))
    windows = windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, depth * FILTER * FILTER)
    return QueryPlan(np.ascontiguousarray(windows), vectors_of(1, windows.shape[1]))


def vectors_of(queries: int, length: int) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, MAX_WEIGHT + 1, (queries, length)).astype(np.uint8)


def data(samples: int, columns: int) -> NDArray[np.uint8]:
    return np.random.default_rng(2).integers(0, MAX_INPUT + 1, (samples, columns)).astype(np.uint8)


def samples_for(operations: float, per_sample: int, threads: int) -> int:
    """Whole shards for every thread; less than one for a path that needs too long for it."""
    samples = operations * threads / per_sample
    shards = SHARD * threads
    return max(round(samples / shards) * shards, shards) if operations > 1_000 else max(round(samples), 1)


def encryption(name: str, columns: int, threads: int, repeats: int) -> Rate:
    """The speed of encryption by the owner of the secret."""
    x = data(samples_for(ELEMENTS / SLOWNESS[name], columns, threads), columns)
    msk, _ = scheme.generate_keys(columns, os.urandom)
    rates = timed(x.size, lambda: scheme.encrypt(msk, x, os.urandom, threads=threads, backend=name), repeats)
    return Rate(name, "encrypt", columns, "", threads, *rates)


def decryption(
    name: str, layer: str, plan: QueryPlan, columns: int, threads: list[int], repeats: int
) -> Iterator[Rate]:
    """The speed of decryption of one layer, from both forms of points, on so many threads each."""
    msk, _ = scheme.generate_keys(columns, os.urandom)
    keys, bound = scheme.derive_keys(msk, plan), scheme.bound_of(plan, MAX_INPUT)
    per_sample = len(plan.windows) * len(plan.vectors)
    products = CONVOLUTIONS if per_sample > PRODUCTS // SHARD else PRODUCTS * min(1, 784 / columns)
    operations = products / SLOWNESS[name]
    maximum = samples_for(operations, per_sample, max(threads))
    encoded = scheme.encrypt(msk, data(maximum, columns), os.urandom, threads=max(threads))
    affine = scheme.expand(encoded, threads=max(threads))
    for count in threads:
        n = samples_for(operations, per_sample, count)
        shards: dict[str, scheme.Ciphertexts | scheme.AffineCiphertexts] = {
            "encoded": scheme.Ciphertexts(encoded.ct0[:n], encoded.ct[:n]),
            "affine": scheme.AffineCiphertexts(affine.ct0[:n], affine.ct[:n]),
        }
        for points, shard in shards.items():
            action = partial(scheme.decrypt, shard, plan, keys, bound, threads=count, backend=name)
            rates = timed(n * per_sample, action, repeats)
            yield Rate(name, layer, columns, points, count, *rates)


def of_peers(columns: int, repeats: int) -> Iterator[Rate]:
    """Both speeds of every peer."""
    for peer in peers.peers(columns):
        yield Rate(peer.name, "encrypt", columns, "", 1, *timed(columns, peer.encrypt, repeats))
        yield Rate(peer.name, "decrypt", columns, "", 1, *timed(1, peer.decrypt, repeats))


def memory_in_process(what: str, threads: int, samples: int) -> Memory:
    """Encrypt or decrypt in this process, which must be a fresh one, and say what it took."""
    columns, plan = 784, tiles(784, 4, 32)
    msk, _ = scheme.generate_keys(columns, os.urandom)
    keys, bound = scheme.derive_keys(msk, plan), scheme.bound_of(plan, MAX_INPUT)
    x, before = data(samples, columns), resident("VmRSS")
    ciphertexts = scheme.encrypt(msk, x, os.urandom, threads=threads)
    arrays = x.nbytes + ciphertexts.ct.nbytes
    if what != "encrypt":
        before = resident("VmRSS")
        arrays = scheme.decrypt(ciphertexts, plan, keys, bound, threads=threads).values.nbytes
    return Memory(what, threads, samples, arrays / 2**20, (resident("VmHWM") - before) / 2**10)


def resident(line: str) -> int:
    """Kilobytes of memory that this process holds (VmRSS) or has held at most (VmHWM)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{line}:")[1].split()[0])


def memories(threads: list[int], samples: int) -> Iterator[Memory]:
    """Each in a process of its own, so that nothing before it counts."""
    if not Path("/proc/self/status").exists():
        return
    for what in ("encrypt", "decrypt 4 blocks x 32"):
        for count in threads:
            with get_context("spawn").Pool(1) as pool:
                yield pool.apply(memory_in_process, (what, count, samples))


def length_of(rate: Rate) -> int:
    """How many columns one operation reads: peers were not measured on vectors as short as a filter."""
    if rate.what.startswith("conv"):
        return 0
    return rate.columns // 4 if "blocks" in rate.what else rate.columns


def show(rate: Rate, baselines: dict[tuple[str, str, int], float]) -> None:
    """One line: the rate, its spread, and ratios to the peers on vectors as long, per thread."""
    kind = "encrypt" if rate.what == "encrypt" else "decrypt"
    spread = (rate.fastest - rate.slowest) / 2 / rate.rate
    ratios = [
        f"{rate.rate / rate.threads / base:,.0f} x {peer}"
        for (peer, what, columns), base in baselines.items()
        if (what, columns) == (kind, length_of(rate)) and peer != rate.who
    ]
    unit = "el/s" if kind == "encrypt" else "ip/s"
    print(
        f"{rate.who:<18} {rate.columns:>5} {rate.what:<24} {rate.points:<8} {rate.threads:>3} "
        f"{rate.rate:>12,.0f} {unit} ±{spread:>4.0%}  {', '.join(ratios)}",
        flush=True,
    )


def measure(threads: list[int], columns: tuple[int, ...], repeats: int) -> Iterator[Rate]:
    """Peers first, then the fastest path on everything, then the others on 784 columns."""
    fastest, *others = [name for name in backend.available() if name in SLOWNESS]
    for count in columns:
        yield from of_peers(count, repeats)
    for count in columns:
        for parallel in threads:
            yield encryption(fastest, count, parallel, repeats)
        for layer, plan in layers(count).items():
            yield from decryption(fastest, layer, plan, count, threads, repeats)
    for name in others:
        yield encryption(name, 196 if name == "python" else 784, 1, repeats)
        for layer in () if name == "python" else ("linear 128", "4 blocks x 32"):
            yield from decryption(name, layer, layers(784)[layer], 784, [1], repeats)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="784 columns only, two repeats")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to FILE as well")
    arguments = parser.parse_args()
    columns, repeats = ((784,), 2) if arguments.quick else (COLUMNS, 5)
    threads = sorted({1, len(os.sched_getaffinity(0))})
    print(f"{platform.machine()}, {max(threads)} cores, numpy {np.__version__}, medians of {repeats}")
    for name in peers.missing():
        print(f"Skipped {name}, which is not installed: pip install -e '.[benchmarks]'")
    print(f"{'who':<18} {'D':>5} {'what':<24} {'points':<8} {'thr':>3} {'a second':>17} spread  per thread")
    rates, baselines = list[Rate](), dict[tuple[str, str, int], float]()
    for rate in measure(threads, columns, repeats):
        if rate.what == "decrypt" or (rate.what == "encrypt" and rate.who not in SLOWNESS):
            baselines[rate.who, rate.what, rate.columns] = rate.rate
        show(rate, baselines)
        rates.append(rate)
    print("\nmemory beyond the start of the process, MB: 784 columns, 1,024 samples")
    taken = list(memories(threads, 1024))
    for taken_by in taken:
        peak = f"{taken_by.arrays:>6.1f} in arrays, {taken_by.peak:>6.1f} at most"
        print(f"{taken_by.what:<24} {taken_by.threads:>3} threads, {peak}")
    if arguments.json:
        machine = {"machine": platform.machine(), "cores": max(threads), "repeats": repeats}
        figures = {"rates": [asdict(rate) for rate in rates], "memory": [asdict(memory) for memory in taken]}
        arguments.json.write_text(json.dumps(machine | figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
