"""Each experiment runs in its quick size; that of Table 1 is in test_table1.py."""

from pathlib import Path

import pytest
from tests.e2e.experiments_quick import BY_NAME, run_quick


@pytest.mark.parametrize("name", sorted(BY_NAME.keys() - {"table1"}))
def test_an_experiment_runs_in_its_quick_size(name: str, tmp_path: Path) -> None:
    run_quick(name, tmp_path)
