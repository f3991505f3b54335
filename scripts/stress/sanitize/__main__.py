"""Call the compiled kernels at random under the address and undefined-behaviour sanitizers.

    python -m scripts.stress.sanitize
    python -m scripts.stress.sanitize --seconds 600 --seed 7

Builds the C of the encryption and that of the evaluation of models with gcc's sanitizers into a temporary
folder, and calls every function on every code path that this processor has, half of the time each. Half of
the calls are right: their results must be those of plain Python, of the exponents that their points were
made of, or of float64. Half have arguments that somebody could have meant to harm with: each must be refused
with ValueError, or taken without harm. Prints what was called, the seed and the machine. The exit code is 1
when a call went wrong, or when the sanitizers are not here.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from random import SystemRandom

from scripts.stress.sanitize import build


def main() -> None:
    options = _options()
    missing = build.missing()
    if missing:
        sys.exit(missing)
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        print(build.machine(), flush=True)
        seconds = options.seconds / len(build.KERNELS)
        failed = []
        for kernel in build.KERNELS:
            module = build.sanitized_module(kernel, Path(folder) / kernel)
            if build.run_calls(kernel, module, seconds=seconds, seed=options.seed):
                failed.append(kernel)
    if failed:
        print(
            f"Failed: {', '.join(failed)}; "
            f"`python -m scripts.stress.sanitize --seed {options.seed}` fails again."
        )
    sys.exit(1 if failed else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.stress.sanitize",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seconds", type=float, default=60, help="to call for (default %(default)s)")
    parser.add_argument(
        "--seed", type=int, default=SystemRandom().getrandbits(32), help="of all choices (default: a new one)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
