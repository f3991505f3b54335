"""Speed of encryption and decryption on every code path of this machine.

Claim: on one core the native kernel is thousands of times faster than the plain-Python reference and hundreds
of times faster than PyMIFE. Prints medians of repeated runs: el/s is encrypted elements a second, ip/s
decrypted inner products a second from 32-byte points, 3-bit query vectors, 8-bit inputs, discrete logarithms
included, their table not.

    python benchmarks/ipfe.py [--quick]
"""

import argparse
import importlib.util
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pole.ipfe import backend, scheme
from pole.protocol.query_plan import QueryPlan

COLUMNS = 784
MAX_INPUT = 255
LAYERS = {"linear 128": (1, 128), "4 x 32 blocks": (4, 32)}
# Plain Python does some ten inner products a second; the native paths need whole shards.
NATIVE_SAMPLES, REFERENCE_SAMPLES = 512, 1


@dataclass(frozen=True, slots=True)
class Speed:
    """Operations a second, by what is measured."""

    encrypt: float
    encrypt_public: float
    decrypt: dict[str, float]


def plan_of(windows: int, queries: int) -> QueryPlan:
    """The layer over 784 columns with reproducible 3-bit query vectors."""
    vectors = np.random.default_rng(1).integers(0, 8, (queries, COLUMNS // windows)).astype(np.uint8)
    return QueryPlan(np.arange(COLUMNS, dtype=np.int32).reshape(windows, -1), vectors)


def rate(operations: int, action: Callable[[], object], repeats: int) -> float:
    """Operations a second, by the median of the repeats."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return operations / statistics.median(times)


def measure(name: str, threads: int, repeats: int) -> Speed:
    """The speed of one code path; plain Python is given one sample, few columns and few queries."""
    native = name != "python"
    samples = NATIVE_SAMPLES * threads if native else REFERENCE_SAMPLES
    columns = COLUMNS if native else COLUMNS // 4
    x = np.random.default_rng(2).integers(0, MAX_INPUT + 1, (samples, columns)).astype(np.uint8)
    msk, mpk = scheme.generate_keys(columns, os.urandom)
    elements = samples * columns
    encrypt = rate(
        elements, lambda: scheme.encrypt(msk, x, os.urandom, threads=threads, backend=name), repeats
    )
    public = rate(
        elements,
        lambda: scheme.encrypt_with_public_key(mpk, x, os.urandom, threads=threads, backend=name),
        repeats,
    )
    return Speed(encrypt, public, {title: decryption_rate(name, title, threads, repeats) for title in LAYERS})


def decryption_rate(name: str, title: str, threads: int, repeats: int) -> float:
    """Inner products a second of one layer."""
    windows, queries = LAYERS[title]
    native = name != "python"
    samples = NATIVE_SAMPLES * threads if native else REFERENCE_SAMPLES
    plan = plan_of(windows, queries)
    if not native:
        plan = QueryPlan(plan.windows[:1], plan.vectors[:4])
    msk, _ = scheme.generate_keys(COLUMNS, os.urandom)
    keys = scheme.derive_keys(msk, plan)
    x = np.random.default_rng(3).integers(0, MAX_INPUT + 1, (samples, COLUMNS)).astype(np.uint8)
    ciphertexts = scheme.encrypt(msk, x, os.urandom)
    bound = scheme.bound_of(plan, MAX_INPUT)
    decryptor = backend.choose(name).decryptor(plan, keys.eta, COLUMNS, bound)  # the table, outside the clock
    products = samples * len(plan.windows) * len(plan.vectors)
    if not native:
        return rate(products, lambda: decryptor.inner_products(ciphertexts.ct0, ciphertexts.ct), repeats)
    return rate(
        products,
        lambda: scheme.decrypt(ciphertexts, plan, keys, bound, threads=threads, backend=name),
        repeats,
    )


def report(name: str, threads: int, speed: Speed, reference: Speed) -> None:
    """One line, with ratios to plain Python on one core."""
    columns = [(speed.encrypt, reference.encrypt), (speed.encrypt_public, reference.encrypt_public)]
    columns += [(speed.decrypt[title], reference.decrypt[title]) for title in LAYERS]
    cells = " ".join(f"{value:>12,.0f} ({value / base:>7,.0f}x)" for value, base in columns)
    print(f"{name:<9} {threads:>7} {cells}", flush=True)


def report_pymife(repeats: int) -> None:
    """PyMIFE's default DDH scheme (Z_p, 1024 bits) on the shape of one block, where it is installed."""
    if importlib.util.find_spec("mife") is None:
        print("PyMIFE is not installed; `pip install pymife` adds a line for it.")
        return
    from mife.single.selective.ddh import FeDDH

    columns, queries = 196, 4
    rng = np.random.default_rng(4)
    x, z = rng.integers(0, 256, columns).tolist(), rng.integers(0, 8, (queries, columns)).tolist()
    key = FeDDH.generate(columns)
    bound = columns * 7 * MAX_INPUT
    encrypt = rate(columns, lambda: FeDDH.encrypt(x, key), repeats)
    ciphertext, keys = FeDDH.encrypt(x, key), [FeDDH.keygen(vector, key) for vector in z]
    public = key.get_public_key()

    def decrypt() -> None:
        for functional_key in keys:
            FeDDH.decrypt(ciphertext, public, functional_key, (0, bound))

    decrypted = rate(queries, decrypt, repeats)
    print(f"PyMIFE default, one block of {columns}: {encrypt:,.0f} el/s, {decrypted:,.0f} ip/s")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="one repeat on one thread")
    quick = parser.parse_args().quick
    repeats = 1 if quick else 5
    print(f"{platform.machine()}, {os.cpu_count()} cores, numpy {np.__version__}, medians of {repeats}")
    titles = ["encrypt el/s", "public el/s", *(f"{title} ip/s" for title in LAYERS)]
    print(f"{'path':<9} {'threads':>7} " + " ".join(f"{title:>23}" for title in titles))
    reference = measure("python", 1, repeats)
    for name in backend.available():
        for threads in (1,) if quick or name == "python" else (1, 2):
            speed = reference if name == "python" else measure(name, threads, repeats)
            report(name, threads, speed, reference)
    report_pymife(repeats)


if __name__ == "__main__":
    main()
