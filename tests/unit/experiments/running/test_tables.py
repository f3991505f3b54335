from experiments.running.records import Record, Size
from experiments.running.tables import spread, table, values


def test_a_table_is_markdown() -> None:
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_one_number_has_no_spread() -> None:
    assert spread([97.25]) == "97.2"
    assert spread([1.0, 2.0, 3.0], 2) == "2.00 ± 1.00"


def test_values_are_gathered_over_seeds() -> None:
    records = [Record("t", Size.QUICK, "a", seed, {"x": seed}, {}, 0) for seed in (0, 1)]
    assert values(records)["a"]["x"] == [0, 1]
