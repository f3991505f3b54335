"""Drive the contracts and a plain Python model of them side by side, and print what was reached.

    python -m scripts.contracts.stateful
    python -m scripts.contracts.stateful --steps 100000 --seed 7

Every call's outcome, events and error, and every view after it, must be what the model predicts
(docs/testing.md). A failure is printed with the fewest actions that lead to it. The chain is in the process:
nothing needs to run.
"""

import argparse
import subprocess
import time
from collections import defaultdict
from random import SystemRandom

from scripts.contracts.sources import ROOT
from tests.contracts.stateful.course import played
from tests.contracts.stateful.interface import CONTRACTS, artifacts
from tests.contracts.stateful.run import Counts, seeded

RUN = 400


def main() -> None:
    options = _options()
    subprocess.run([ROOT / "tools" / "brownie", "compile"], check=True, stdout=subprocess.DEVNULL)
    print(f"seed {options.seed}")
    counts, seeds, started = Counts(), seeded(options.seed), time.monotonic()
    while counts.steps < options.steps:
        played(artifacts(), seeds.getrandbits(64), min(RUN, options.steps - counts.steps), counts)
    print(report(counts))
    print(f"\n{counts.steps} calls in {counts.runs} runs, {time.monotonic() - started:.0f} s")


def report(counts: Counts) -> str:
    """Return the counts as text: calls by function and outcome, errors never met, records, rounds."""
    outcomes: dict[str, list[str]] = defaultdict(list)
    for (function, outcome), count in sorted(counts.calls.items(), key=lambda each: -each[1]):
        outcomes[function].append(f"{outcome} {count}")
    lines = [f"{function:34} {', '.join(outcomes[function])}" for function in sorted(outcomes)]
    lines += [
        "",
        f"errors never met: {', '.join(sorted(_errors() - {each for _, each in counts.calls})) or 'none'}",
    ]
    for title, counted in (("records", counts.records), ("rounds", counts.endings)):
        lines.append(f"{title}: {', '.join(f'{name} {count}' for name, count in counted.most_common())}")
    return "\n".join(lines)


def _errors() -> set[str]:
    return {
        entry["name"] for name in CONTRACTS for entry in artifacts()[name].abi if entry["type"] == "error"
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=10_000, help="calls to make (default %(default)s)")
    parser.add_argument(
        "--seed", type=int, default=SystemRandom().getrandbits(32), help="of all choices (default: a new one)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
