"""Call the compiled kernel at random under the address and undefined-behaviour sanitizers.

    python -m scripts.sanitize
    python -m scripts.sanitize --seconds 600 --seed 7

Builds offchain/pole/ipfe/native with gcc's sanitizers into a temporary folder, and calls every function on
every code path that this processor has. Half of the calls are right: their results must be those of plain
Python, or of the exponents that their points were made of. Half have arguments that somebody could have
meant to harm with: each must be refused with ValueError, or taken without harm. Prints what was called, the
seed and the machine. The exit code is 1 when a call went wrong, or when the sanitizers are not here.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from random import SystemRandom

from scripts.sanitize import build


def main() -> None:
    options = _options()
    missing = build.missing()
    if missing:
        sys.exit(missing)
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        module = build.sanitized_module(Path(folder))
        print(build.machine(), flush=True)
        code = build.run_calls(module, seconds=options.seconds, seed=options.seed)
    if code:
        print(f"The kernel failed: `python -m scripts.sanitize --seed {options.seed}` fails again.")
    sys.exit(1 if code else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.sanitize",
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
