"""Running an experiment in its quick size as a user does, by its command."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from experiments.records import Size, read
from experiments.results import EXPERIMENTS, REPOSITORY

from pole.learning.datasets import data_directory

BY_NAME = {experiment.name: experiment for experiment in EXPERIMENTS}


def run_quick(name: str, folder: Path) -> None:
    """Measure every setting at the quick size; the report and its pictures are made of the records."""
    experiment, cases = BY_NAME[name], BY_NAME[name].cases(Size.QUICK)
    found = data_directory(os.environ, REPOSITORY)
    absent = {case.data for case in cases if case.data and not (found and (found / case.data).is_dir())}
    if absent:
        pytest.skip(f"the published data files of {', '.join(sorted(absent))} are not here")
    command = [sys.executable, "-m", f"experiments.{name}", "--quick", "--out", str(folder)]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    records = read(folder / f"{name}.jsonl")
    assert [record.setting for record in records] == [case.setting for case in cases]
    told = experiment.report(records)
    assert all(case.setting.partition(",")[0] in told for case in cases)
    assert all(picture.startswith("<svg") for picture in experiment.pictures(records).values())
