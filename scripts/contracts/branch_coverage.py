"""Print the branch coverage that the stateful test reaches in the contracts, and every branch it misses.

    python -m scripts.contracts.branch_coverage
    python -m scripts.contracts.branch_coverage --steps 100000 --seed 7

brownie's own report misses most branches of code that is compiled through the IR, so the sources are compiled
with a probe around every condition (scripts/contracts/probes.py). Beside the runs, one deployment is refused.
"""

import argparse
from random import SystemRandom

from scripts.contracts.probes import Condition, conditions, probed_contracts
from tests.contracts.stateful.course import played
from tests.contracts.stateful.evm import Evm
from tests.contracts.stateful.interface import CONTRACTS, Artifact
from tests.contracts.stateful.pair import deploy
from tests.contracts.stateful.parameters import some_parameters
from tests.contracts.stateful.run import Counts, seeded

RUN = 400


def main() -> None:
    options = _options()
    print(f"seed {options.seed}")
    compiled = _artifacts()
    random, counts = seeded(options.seed), Counts()
    _refuse_a_deployment(compiled, counts)
    while counts.steps < options.steps:
        played(compiled, random.getrandbits(64), RUN, counts)
    print(report(conditions(), counts.touched))
    print(f"\nafter {counts.steps} calls in {counts.runs} runs")


def report(all_conditions: list[Condition], touched: set[str]) -> str:
    """Return branches taken by source, and the ones that never were."""
    lines, missed = [], []
    for path in sorted({each.path for each in all_conditions}):
        ways = [(each, value) for each in all_conditions if each.path == path for value in (True, False)]
        untaken = [(each, value) for each, value in ways if each.address(value=value) not in touched]
        lines.append(_line(path, len(ways) - len(untaken), len(ways)))
        missed += [f"{path}:{each.line} never {str(value).lower()}: {each.text}" for each, value in untaken]
    total = 2 * len(all_conditions)
    return "\n".join([*lines, _line("all", total - len(missed), total), "", *missed])


def _line(name: str, taken: int, total: int) -> str:
    return f"{name:42} {taken:4} of {total:4} branches {100 * taken / total:6.1f} %"


def _artifacts() -> dict[str, Artifact]:
    return {
        name: Artifact(each["abi"], bytes.fromhex(each["evm"]["bytecode"]["object"]))
        for contracts in probed_contracts().values()
        for name, each in contracts.items()
        if name in (*CONTRACTS, "IEntropy")
    }


def _refuse_a_deployment(compiled: dict[str, Artifact], counts: Counts) -> None:
    """Deploy with a parameter that must not be: the check of parameters goes both ways."""
    parameters, evm = some_parameters(seeded(0)), Evm(1, 1)
    parameters.chain["minCommittee"] = 0
    try:
        deploy(evm, compiled, parameters)
    except RuntimeError:
        counts.touched |= evm.touched()
    else:
        raise SystemExit("A deployment without a least committee was not refused.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=20_000, help="calls to make (default %(default)s)")
    parser.add_argument(
        "--seed", type=int, default=SystemRandom().getrandbits(32), help="of all choices (default: a new one)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
