"""What a task is said to cost is what the gas page's limits come to."""

import re
from pathlib import Path

from pole.cli.task.price import OWNER_GAS

PAGE = Path(__file__).parents[4] / "docs" / "gas.md"
STEPS = ("post, empty list", "post keys", "close", "release the test set")


def test_an_owners_gas_is_the_limit_of_each_of_its_calls() -> None:
    rows = re.findall(
        r"^\| ([^|]+) \| [\d,]+ \| ([\d,]+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    limits = {step: int(limit.replace(",", "")) for step, limit in rows}
    assert sum(limits[step] for step in STEPS) == OWNER_GAS
