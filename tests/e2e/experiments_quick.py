"""Running an experiment in its quick size as a user does, by its command."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from experiments.results import EXPERIMENTS
from experiments.running.environment import REPOSITORY
from experiments.running.records import Size, read
from experiments.running.session import provide

SVG = "{http://www.w3.org/2000/svg}svg"
BY_NAME = {experiment.name: experiment for experiment in EXPERIMENTS}


def run_quick(name: str, folder: Path) -> None:
    """Measure every setting whose data are here; the report and its pictures are made of the records."""
    experiment, cases = BY_NAME[name], BY_NAME[name].cases(Size.QUICK)
    able = [case.setting for case in cases if provide(case.data, Size.QUICK, print)]
    command = [sys.executable, "-m", f"experiments.{name}", "--quick", "--out", str(folder)]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    records = read(folder / f"{name}.jsonl")
    assert [record.setting for record in records] == able
    if records:
        told = experiment.report(records)
        assert all(setting.partition(",")[0] in told for setting in able)
        for picture in experiment.pictures(records).values():
            assert ElementTree.fromstring(picture).tag == SVG  # noqa: S314 - our own picture
    left_out = [case.setting for case in cases if case.setting not in able]
    if left_out:
        pytest.skip(f"the published data files of these settings are not here: {'; '.join(left_out)}")
