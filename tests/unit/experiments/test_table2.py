"""The rows of Table 2 are put together of secure networks and of originals that several of them share."""

from xml.etree import ElementTree

import pytest
from experiments import table2
from experiments.problems.pairs import ORIGINALS, SECURE
from experiments.running.records import Record, Size

CURVE = [[1, 50.0, 40.0], [2, 90.0, 80.0]]
LAYERS = ("CIFAR-10, VGG-16 over 3x30x30", "CIFAR-10, VGG-16 over 12x32x32")
ORIGINAL = "CIFAR-10, VGG-16, original"


def secure(name: str, test: float, size: Size = Size.REDUCED, seed: int = 0) -> Record:
    measured = {"secureTrain": 95.0, "secureTest": test, "secureCurve": CURVE, "epochs": 14}
    return Record("table2", size, name, seed, measured, {}, 1.0)


def time(name: str, ratio: float, seed: int = 0) -> Record:
    measured = {"secureSeconds": 200.0 * ratio, "originalSeconds": 200.0, "ratio": ratio}
    return Record("table2", Size.REDUCED, f"{name}: time", seed, measured, {}, 1.0)


def beside(test: float, size: Size = Size.REDUCED, seed: int = 0) -> Record:
    measured = {"originalTrain": 96.0, "originalTest": test, "originalCurve": CURVE, "epochs": 14}
    return Record("table2", size, ORIGINAL, seed, measured, {}, 1.0)


def cells(told: str, name: str) -> list[str]:
    (line,) = [line for line in told.splitlines() if line.startswith(f"| {name} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_rows_share_the_original_that_was_trained_once() -> None:
    told = table2.report([secure(LAYERS[0], 91.5), secure(LAYERS[1], 92.5), beside(92.75)])
    assert cells(told, LAYERS[0])[3:6] == ["91.50", "96.00", "92.75"]
    assert cells(told, LAYERS[1])[3:] == ["92.50", "96.00", "92.75", "1", "", "", "", "", ""]


def test_times_stand_beside_what_was_trained_on_whichever_machine_and_at_whichever_size() -> None:
    records = [secure(LAYERS[0], 91.5, Size.FULL), time(LAYERS[0], 1.1), time(LAYERS[0], 1.3, seed=1)]
    found = cells(table2.report(records), LAYERS[0])
    assert found[6:] == ["1", "240 / 200", "1.20 ± 0.14", "2", "91.25/91.70", "1.31"]


def test_what_was_not_trained_is_named_as_such_with_its_time() -> None:
    found = cells(table2.report([time(LAYERS[0], 1.1)]), LAYERS[0])
    assert found[1:] == ["not trained yet", *[""] * 5, "220 / 200", "1.10", "1", "91.25/91.70", "1.31"]


def test_a_row_without_its_original_is_shown_all_the_same() -> None:
    found = cells(table2.report([secure(LAYERS[0], 91.5)]), LAYERS[0])
    assert found[1:6] == ["all images, full width, 14 epochs", "95.00", "91.50", "", ""]


def test_an_original_of_another_size_or_seed_is_not_shown_beside_it() -> None:
    records = [secure(LAYERS[0], 91.5), beside(90.0, Size.FULL), beside(91.0, seed=1)]
    assert cells(table2.report(records), LAYERS[0])[5] == ""


def test_the_largest_size_is_shown() -> None:
    records = [secure(LAYERS[0], 91.5), secure(LAYERS[0], 93.0, Size.FULL), beside(94.0, Size.FULL)]
    assert cells(table2.report(records), LAYERS[0])[3:6] == ["93.00", "96.00", "94.00"]


@pytest.mark.parametrize("records", [[secure(LAYERS[1], 90.0)], [secure(LAYERS[1], 90.0), beside(91.0)]])
def test_the_curves_of_what_is_there_are_drawn(records: list[Record]) -> None:
    drawn = table2.pictures(records)
    (name,) = drawn
    assert name == "figure9.svg"
    ElementTree.fromstring(drawn[name])  # noqa: S314 - our own picture
    assert ("original, test" in drawn[name]) is (len(records) == 2)


def test_every_original_stands_beside_a_row() -> None:
    assert {each.original for each in SECURE.values() if each.original} == ORIGINALS.keys()


@pytest.mark.parametrize("size", list(Size))
def test_a_row_and_its_original_are_trained_in_the_same_way(size: Size) -> None:
    for name, trained in SECURE.items():
        if trained.original and "VGG" in name:
            assert trained.recipes[size] == ORIGINALS[trained.original].recipes[size]
