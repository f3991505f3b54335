"""What rows that do not decrypt cost whoever decrypts them: python -m benchmarks.encryption.bad_rows.

Claim: a set of nothing but bad rows costs about a tenth more than one of good rows at most, where the bound
is that of a plan. Rows are all good, or have a point that is none in their last column, or columns that
changed places, so that no inner product has a logarithm. Prints processor time of one thread a row, the
median of three runs, on the fastest code path of this machine, from encodings and from affine points.

The last plan is one that no specification makes: a bound of 2^32 over 784 columns.
"""

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pole.ipfe import backend, scheme
from pole.protocol.mapping.plan import QueryPlan

REPEATS = 3
TOP = 255


@dataclass(frozen=True, slots=True)
class Case:
    """A plan over `columns`, and so many rows under it; `bound` is that of the plan where None."""

    title: str
    columns: int
    windows: int
    queries: int
    weight: int
    rows: int
    bound: int | None = None

    def plan(self) -> QueryPlan:
        windows = np.arange(self.columns, dtype=np.int32).reshape(self.windows, -1)
        shape = (self.queries, windows.shape[1])
        vectors = np.random.default_rng(1).integers(0, self.weight + 1, shape).astype(np.uint8)
        return QueryPlan(windows, vectors)


CASES = (
    Case("784 columns, 4 blocks x 32, 3 bits", 784, 4, 32, 7, 256),
    Case("3,072 columns, linear 32, 8 bits", 3072, 1, 32, TOP, 128),
    Case("132,102 columns, linear 4, 8 bits", 132_102, 1, 4, TOP, 4),
    Case("784 columns, linear 4, 3 bits", 784, 1, 4, 7, 8, 2**32),
)


def no_points(good: scheme.Ciphertexts) -> scheme.Ciphertexts:
    ct = good.ct.copy()
    ct[:, -1] = TOP
    return replace(good, ct=ct)


def no_logarithms(good: scheme.Ciphertexts) -> scheme.Ciphertexts:
    return replace(good, ct=np.ascontiguousarray(good.ct[:, ::-1]))


KINDS: dict[str, Callable[[scheme.Ciphertexts], scheme.Ciphertexts]] = {
    "good": lambda good: good,
    "no points": no_points,
    "no logarithms": no_logarithms,
}


def data(case: Case) -> NDArray[np.uint8]:
    return np.random.default_rng(2).integers(0, TOP + 1, (case.rows, case.columns)).astype(np.uint8)


def measure(case: Case) -> None:
    plan = case.plan()
    msk, _ = scheme.generate_keys(case.columns, os.urandom)
    keys, bound = scheme.derive_keys(msk, plan), case.bound or scheme.bound_of(plan, TOP)
    good = scheme.encrypt(msk, data(case), os.urandom, threads=os.cpu_count() or 1)
    for form in ("encodings", "affine"):
        seconds = {}
        for kind, spoil in KINDS.items():
            encoded = spoil(good)
            rows = encoded if form == "encodings" else scheme.expand(encoded)
            seconds[kind] = timed(partial(scheme.decrypt, rows, plan, keys, bound))
        ratios = ", ".join(f"{kind} x {seconds[kind] / seconds['good']:.2f}" for kind in [*KINDS][1:])
        print(
            f"{case.title:<34} bound {bound:>13,} {form:<10} "
            f"{1000 * seconds['good'] / case.rows:>9.2f} ms a good row; {ratios}",
            flush=True,
        )


def timed(action: Callable[[], object]) -> float:
    """Return the median of the processor time, after one run that builds the table of logarithms."""
    action()
    taken = []
    for _ in range(REPEATS):
        began = time.process_time()
        action()
        taken.append(time.process_time() - began)
    return statistics.median(taken)


def main() -> None:
    print(f"code path {backend.choose().name!r}")
    for case in CASES:
        measure(case)


if __name__ == "__main__":
    main()
