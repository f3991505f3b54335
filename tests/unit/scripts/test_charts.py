"""Charts are valid SVG, the same for the same values, and those of docs/gas.md are drawn from its tables."""

from xml.etree import ElementTree

import pytest
from scripts.pages.charts import COLOURS, Axes, lines
from scripts.pages.gas import PAGE, charts
from scripts.pages.tables import rows, written

CURVES = {"a < b": [(0, 0.0), (1, 100.0)], "one point": [(1, 50.0)]}
SVG = "{http://www.w3.org/2000/svg}"


def parsed(chart: str) -> ElementTree.Element:
    return ElementTree.fromstring(chart)  # noqa: S314 - our own chart


def words(chart: str) -> set[str | None]:
    return {text.text for text in parsed(chart).iter(f"{SVG}text")}


def test_titles_and_names_stay_words() -> None:
    drawn = lines(Axes("Title & more", "x", "y", 0, 100), CURVES)
    assert {"Title & more", "a < b", "one point", "x", "y"} <= words(drawn)


def test_every_curve_has_its_colour() -> None:
    drawn = lines(Axes("t", "x", "y"), CURVES)
    assert all(f"stroke: {colour}" in drawn for colour in COLOURS[: len(CURVES)])
    assert f"stroke: {COLOURS[len(CURVES)]}" not in drawn


def test_the_same_values_are_the_same_bytes() -> None:
    first, second = (lines(Axes("t", "x", "y", y_bottom=0), CURVES) for _ in range(2))
    assert first == second


def test_counts_have_no_halves() -> None:
    drawn = lines(Axes("t", "epoch", "y"), {"a": [(1, 0.0), (2, 1.0), (3, 2.0)]})
    assert {"1", "2", "3"} <= words(drawn)
    assert "1.5" not in words(drawn)


def test_the_charts_of_the_gas_page_are_those_of_its_tables() -> None:
    for name, drawn in charts(PAGE.read_text()).items():
        assert drawn == PAGE.with_name(name).read_text(), "draw it anew with `python -m scripts.pages.gas`"


def test_a_table_is_read_as_it_was_written() -> None:
    page = "# Page\n\n<!-- t:begin -->\n<!-- t:end -->\nrest\n"
    filled = written(page, {"t": "| a | b |\n| --- | --- |\n| c | 1,000 |"})
    assert rows(filled, "t") == [["a", "b"], ["c", "1,000"]]
    assert written(filled, {"t": "| new |"}).endswith("| new |\n<!-- t:end -->\nrest\n")


def test_a_table_without_a_place_on_the_page_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for the table 'new'"):
        written("# Economics", {"new": "| a |"})
