from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from experiments.plot import COLOURS, Axes, lines, ticks


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 100, [0, 20, 40, 60, 80, 100]),
        (91.2, 99.9, [90, 92, 94, 96, 98, 100]),
        (0, 0.03, [0, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03]),
        (1, 8, [0, 2, 4, 6, 8]),
    ],
)
def test_ticks_are_round_and_enclose_the_data(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(expected)


def test_ticks_can_be_whole_numbers_alone() -> None:
    assert ticks(1, 3, minimum_step=1.0) == [1, 2, 3]
    assert ticks(0, 128, minimum_step=1.0) == ticks(0, 128)


@pytest.mark.parametrize("value", [0, 5, -3.5])
def test_ticks_of_a_single_value_enclose_it(value: float) -> None:
    found = ticks(value, value)
    assert found[0] <= value <= found[-1]
    assert len(found) >= 2


def parsed(chart: str) -> Element:
    return ElementTree.fromstring(chart)  # noqa: S314 - our own chart


def test_a_chart_is_valid_svg_with_a_path_and_a_name_for_each_curve() -> None:
    curves = {"a < b": [(0, 0.0), (1, 100.0)], "one point": [(1, 50.0)]}
    root = parsed(lines(Axes("Title & more", "x", "y", 0, 100), curves))
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"Title & more", "a < b", "one point", "x", "y"} <= set(texts)
    assert len(list(root.iter("{http://www.w3.org/2000/svg}circle"))) == 1
    strokes = [path.get("stroke") for path in root.iter("{http://www.w3.org/2000/svg}path")]
    assert strokes.count(COLOURS[0]) == strokes.count(COLOURS[1]) == 2


def test_curves_stay_within_the_frame() -> None:
    root = parsed(lines(Axes("t", "x", "y", 0, 10), {"a": [(0, -50.0), (3, 50.0)]}))
    curve = next(path.get("d") for path in root.iter("{http://www.w3.org/2000/svg}path") if path.get("fill"))
    assert curve == "M70.0 310.0L520.0 40.0"
