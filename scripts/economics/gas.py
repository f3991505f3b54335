"""What the calls of a round cost in gas: the limits that tests/contracts/test_gas.py holds them to."""

import ast
from pathlib import Path
from typing import Final

GWEI: Final = 10**9
GAS_PRICES: Final = (1, 5, 20)
_LIMITS: Final = Path(__file__).resolve().parents[2] / "tests" / "contracts" / "test_gas.py"


def _read_limits() -> dict[str, int]:
    for statement in ast.parse(_LIMITS.read_text()).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "LIMITS":
            limits: dict[str, int] = ast.literal_eval(statement.value)
            return limits
    raise ValueError(f"{_LIMITS} has no LIMITS")


CALLS: Final = _read_limits()


def per_seat() -> int:
    """Return the gas of one seat's vote on four solutions: committing and revealing it."""
    return CALLS["commit vote"] + CALLS["reveal vote"]
