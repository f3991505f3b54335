"""The smallest settings of real experiments, from the data to the table."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest
import torch
from experiments import table2, threshold, verification
from experiments.running.records import Size, read
from experiments.running.session import Options, run
from experiments.table3 import flipped

SVG = "{http://www.w3.org/2000/svg}svg"


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("module", [table2, threshold, verification], ids=lambda module: module.__name__)
def test_iris_goes_from_data_to_table(module: ModuleType, tmp_path: Path) -> None:
    experiment = module.EXPERIMENT
    told: list[str] = []
    only = "IRIS" if module is table2 else "iris"
    run(experiment, Options(Size.QUICK, 2, tmp_path, only), told.append)
    records = read(tmp_path / f"{experiment.name}.jsonl")
    settings = {case.setting for case in experiment.cases(Size.QUICK) if only in case.setting}
    assert {(record.setting, record.seed) for record in records} == {
        (setting, seed) for setting in settings for seed in (0, 1)
    }
    table = experiment.report(records)
    assert only in table
    for picture in experiment.pictures(records).values():
        assert ElementTree.fromstring(picture).tag == SVG  # noqa: S314 - our own picture


def test_canonical_evaluation_differs_from_float32_in_hardly_any_prediction(tmp_path: Path) -> None:
    run(verification.EXPERIMENT, Options(Size.QUICK, 1, tmp_path, "iris"), lambda line: None)
    (record,) = read(tmp_path / "verification.jsonl")
    assert record.measured["differIn10000"] <= 700


def test_as_many_bits_are_flipped_as_asked_for() -> None:
    import numpy as np

    random = np.random.default_rng(0)
    for count in (1, 8, 256):
        other = flipped(bytes(range(32)), count, random)
        different = int.from_bytes(other, "big") ^ int.from_bytes(bytes(range(32)), "big")
        assert different.bit_count() == count
