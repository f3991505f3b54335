"""Table 1 in its quick size: a block of the real system and one of a real proof-of-work chain."""

from pathlib import Path

from tests.e2e.experiments_quick import run_quick


def test_blocks_of_both_chains_are_timed(tmp_path: Path) -> None:
    run_quick("table1", tmp_path)
