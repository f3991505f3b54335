"""A record's command can be given anywhere: it names no folder of the machine that measured."""

import pytest
from experiments.running.environment import command


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], ""),
        (["--only", "IRIS, MLP", "--seeds", "2"], " --only 'IRIS, MLP' --seeds 2"),
        (["--out", "/home/ann/results", "--full"], " --full"),
        (["--full", "--out=/home/ann/results"], " --full"),
        (["--out", "one", "--full", "--out", "two"], " --full"),
        (["--out"], ""),
    ],
)
def test_a_command_is_told_without_where_its_records_are_kept(arguments: list[str], told: str) -> None:
    assert (
        command(["/home/ann/pole/experiments/table2.py", *arguments]) == f"python -m experiments.table2{told}"
    )
