"""Fixtures that suites share."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from scripts.demo.setting import Setting


SHARED_NETWORKS = ("setting", "devnet")
"""Fixtures of a whole session, which take long to set up."""

LONGEST_FIRST = (
    "setting",
    "test_table1",
    "test_lanes",
    "test_idle_rounds",
    "test_key_strangers",
    "test_experiments",
    "test_sanitizers",
    "test_threshold_keys",
    "test_explore_pages",
    "test_explore_access",
    "test_cluster",
    "test_cluster_losses",
    "test_cluster_of_three",
    "test_cluster_works",
    "test_round_with_cluster",
    "devnet",
)
"""Groups of a minute and more: begun last, one of them would hold up the end while all others idle."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where processes share the tests, keep in one what shares a network, and else what shares a file."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group_of(item)))
    places = {group: place for place, group in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(group_of(item), len(places)))


def group_of(item: pytest.Item) -> str:
    used = getattr(item, "fixturenames", ())
    return next((name for name in SHARED_NETWORKS if name in used), item.path.stem)


@pytest.fixture(scope="session")
def setting(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Setting]":
    """A network of one lane: 1 data node, 2 miners and 3 verifiers, each a process; one for all tests."""
    # Imported here: the contract tests, which brownie runs, need none of it.
    from rich.console import Console
    from scripts.demo.network import free_ports, parameters_with, prepare_ground
    from scripts.demo.setting import set_up
    from scripts.demo.story import Story

    folder = tmp_path_factory.mktemp("network")
    ground = prepare_ground(folder, block_time=1, ports=free_ports())
    counts = {"data_nodes": 1, "miners": 2, "verifiers": 3}
    with ExitStack() as at_end:
        lone = parameters_with(folder, committee={"lanes": 1})
        yield set_up(Story(Console(width=140)), ground, at_end, counts, stays=False, parameters=lone)
