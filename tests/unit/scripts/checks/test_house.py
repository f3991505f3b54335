"""The measures of the house, and the one that is a rule: a room holds at most a dozen entries."""

import ast

from scripts.checks.house import PACKAGE, files_of, function_lengths, large_folders


def test_the_rooms_of_every_layer_hold_at_most_a_dozen_entries() -> None:
    layers = {"adapters", "cli", "learning", "protocol", "roles"}
    assert {folder for folder in large_folders() if folder.partition("/")[0] in layers} == set()


def test_the_files_of_some_work_are_those_whose_functions_it_calls() -> None:
    from pole.protocol.amounts import ether

    assert files_of(lambda: ether(1)) == {PACKAGE / "protocol" / "amounts.py"}
    assert files_of(lambda: ast.parse("")) == set()


def test_functions_have_at_least_two_lines() -> None:
    assert min(function_lengths()) >= 2
