"""The native code paths beside those of another revision, in turn on one core.

Aim: `avx2` at least 1.4 times revision 361cb21, and 1.3 million values a second encrypted by their owner on
`ifma`.

Every revision measures in a process of its own; the two take turns, so that what else the machine does meets
both. Times are processor seconds of that process. Prints operations a second of both, medians of the turns
with half the distance between the extremes, and the median of the ratios of each turn.

    python -m benchmarks.encryption.kernels --against 361cb21 [--paths avx2 ifma] [--turns 9] [--json]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from scripts.contracts.sources import ROOT

from benchmarks.common.revisions import checked_out
from benchmarks.encryption import ipfe
from pole.ipfe import backend, scheme
from pole.protocol.mapping.plan import QueryPlan

COLUMNS = 784
SECONDS = 0.25  # what one turn takes at least
LAYERS = {
    "linear 784 x 128": ipfe.tiles(COLUMNS, 1, 128),
    "4 blocks x 32": ipfe.tiles(COLUMNS, 4, 32),
    "conv, 3x3 by channel": ipfe.convolution(1),
}
ENCRYPTIONS = ("encrypt, owner", "encrypt, public key")
DECRYPTIONS = tuple(f"{layer}, {points}" for layer in LAYERS for points in ("encoded", "affine"))


@dataclass(frozen=True, slots=True)
class Ratio:
    """Operations a second of both revisions and new / old, medians with half the distance of the extremes."""

    path: str
    what: str
    old: float
    old_spread: float
    new: float
    new_spread: float
    ratio: float
    ratio_spread: float


def action(path: str, what: str) -> tuple[int, Callable[[], object]]:
    """How many operations one call does, and the call."""
    if what in ENCRYPTIONS:
        return encryption(path, what)
    layer, points = what.rsplit(", ", 1)
    return decryption(path, LAYERS[layer], points)


def encryption(path: str, what: str) -> tuple[int, Callable[[], object]]:
    """Values encrypted by the owner of the secret, or by somebody else."""
    secret, public = scheme.generate_keys(COLUMNS, os.urandom)
    if what == ENCRYPTIONS[0]:
        x = ipfe.data(ipfe.SHARD, COLUMNS)
        return x.size, partial(scheme.encrypt, secret, x, os.urandom, backend=path)
    x = ipfe.data(scheme.PUBLIC_KEY_SHARD, COLUMNS)
    return x.size, partial(scheme.encrypt_with_public_key, public, x, os.urandom, backend=path)


def decryption(path: str, plan: QueryPlan, points: str) -> tuple[int, Callable[[], object]]:
    """Inner products, their logarithms included, the table of them not."""
    columns = int(plan.windows.max()) + 1
    secret, _ = scheme.generate_keys(columns, os.urandom)
    keys, bound = scheme.derive_keys(secret, plan), scheme.bound_of(plan, ipfe.MAX_INPUT)
    samples = ipfe.SHARD // 4 if columns > COLUMNS else ipfe.SHARD
    encoded = scheme.encrypt(secret, ipfe.data(samples, columns), os.urandom)
    shard = encoded if points == "encoded" else scheme.expand(encoded)
    operations = samples * len(plan.windows) * len(plan.vectors)
    return operations, partial(scheme.decrypt, shard, plan, keys, bound, backend=path)


def serve() -> None:
    """Answer each line `PATH TAB WHAT` with operations a second, after one call that is not counted."""
    prepared: dict[str, tuple[int, Callable[[], object]]] = {}
    for line in sys.stdin:
        path, what = line.rstrip("\n").split("\t")
        if line not in prepared:
            prepared.clear()
            prepared[line] = action(path, what)
            prepared[line][1]()
        operations, call = prepared[line]
        done, begun = 0, time.process_time()
        while time.process_time() - begun < SECONDS:
            call()
            done += operations
        print(done / (time.process_time() - begun), flush=True)


class Revision:
    """A process that measures the package of one folder."""

    def __init__(self, folder: Path) -> None:
        # Threads of a matrix library would add their own seconds.
        alone = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        apart = {"PYTHONPATH": f"{folder / 'offchain'}:{ROOT}", **alone}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.encryption.kernels", "--serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | apart,
        )

    def __enter__(self) -> "Revision":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.__exit__(None, None, None)

    def rate(self, path: str, what: str) -> float:
        """Operations a second of one turn."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{path}\t{what}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())


def spread(values: list[float]) -> float:
    """Half the distance of the extremes, as a part of the median."""
    return (max(values) - min(values)) / 2 / statistics.median(values)


def measure(against: str, paths: list[str], turns: int) -> Iterator[Ratio]:
    """Every path and operation of both revisions in turn."""
    with ExitStack() as stack:
        old, new = (stack.enter_context(Revision(folder)) for folder in (checked_out(against), ROOT))
        for path in paths:
            for what in (*ENCRYPTIONS, *DECRYPTIONS):
                pairs = [(old.rate(path, what), new.rate(path, what)) for _ in range(turns)]
                before, after = ([pair[side] for pair in pairs] for side in (0, 1))
                ratios = [later / earlier for earlier, later in pairs]
                middles = (statistics.median(values) for values in (before, after, ratios))
                spreads = (spread(values) for values in (before, after, ratios))
                figures = [figure for both in zip(middles, spreads, strict=True) for figure in both]
                yield Ratio(path, what, *figures)


def show(ratio: Ratio) -> None:
    """One line."""
    print(
        f"{ratio.path:<9} {ratio.what:<30} {ratio.old:>11,.0f} ±{ratio.old_spread:>4.0%} {ratio.new:>11,.0f} "
        f"±{ratio.new_spread:>4.0%} {ratio.ratio:>6.2f} x ±{ratio.ratio_spread:>4.0%}",
        flush=True,
    )


def main() -> None:
    """Measure both revisions and print the ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    native = [name for name in backend.available() if name != "python"]
    parser.add_argument("--against", metavar="REVISION", default="361cb21", help="of git")
    parser.add_argument("--paths", nargs="+", choices=native, default=native)
    parser.add_argument("--turns", type=int, default=9, help="of each revision, a quarter of a second each")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
        return
    ratios = []
    for ratio in measure(options.against, options.paths, options.turns):
        ratios.append(ratio)
        if not options.json:
            show(ratio)
    if options.json:
        print(json.dumps({"against": options.against, "ratios": [asdict(ratio) for ratio in ratios]}))


if __name__ == "__main__":
    main()
