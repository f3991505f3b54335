"""The simulated network loses no task, keeps laws that can be computed by hand, and is what its page says."""

import json
from dataclasses import replace
from itertools import permutations, product
from pathlib import Path
from statistics import fmean

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from scripts.network import rounds
from scripts.network.__main__ import PAGE, main
from scripts.network.gas import commits, interpolated, read_gas, round_gas
from scripts.network.lanes import DAY, Load, Outcome, simulate
from scripts.network.limits import CHOICE, LANES, capacity, first_to_break
from scripts.network.measuring import measured_kind, measured_looks
from scripts.network.rounds import Times
from scripts.network.tables import (
    Scene,
    limits_table,
    rounds_table,
    scenes,
    units_table,
    waiting_table,
)
from scripts.network.units import Units, read_units, write_units
from scripts.pages.tables import rows
from tests.unit.roles.conftest import MINERS, OWNER, Stage

from pole.protocol.state import Phase

TINY_DEVNET, HOUR_DEVNET, TINY_SEPOLIA, HOUR_SEPOLIA = scenes()


@pytest.fixture
def prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody be absent."""
    monkeypatch.setattr(rounds, "ABSENT", 0.0)


@given(
    lanes=st.integers(1, 16),
    tasks=st.floats(1, 3_000),
    miners=st.integers(1, 200),
    apart=st.booleans(),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=25, deadline=None)
def test_every_task_that_came_is_done_void_out_waiting_or_in_a_round(
    lanes: int, tasks: float, miners: int, apart: bool, seed: int
) -> None:
    load = Load(lanes, tasks, miners, days=0.5, groups=lanes if apart else 1)
    outcome = simulate(TINY_SEPOLIA.times, load, seed)
    assert outcome.lost == 0
    assert outcome.waiting <= TINY_SEPOLIA.network.parameters.task_list.max_tasks
    assert 0 <= outcome.open <= lanes


def test_the_tasks_that_wait_are_how_many_come_times_how_long_they_wait() -> None:
    load = HOUR_DEVNET.load(4, 200)
    outcome = simulate(HOUR_DEVNET.times, load, 1)
    waited = sum(outcome.waits) + outcome.dropped_seconds + outcome.left_seconds
    assert outcome.mean_waiting == pytest.approx(
        outcome.arrived / outcome.seconds * (waited / outcome.arrived)
    )


@pytest.mark.usefixtures("prompt")
@pytest.mark.parametrize("lanes", [1, 4, 16])
def test_full_lanes_do_what_their_rounds_length_says(lanes: int) -> None:
    times = HOUR_SEPOLIA.times
    bound = capacity(times, lanes)
    outcome = simulate(times, Load(lanes, 2 * bound, 1_000, days=10, groups=lanes), 3)
    assert 0.95 * bound < outcome.done_a_day <= bound
    assert outcome.void == 0


@pytest.mark.usefixtures("prompt")
def test_waiting_in_front_of_one_lane_is_that_of_pollaczek_and_khinchine() -> None:
    times = TINY_SEPOLIA.times
    length = times.shortest(times.network.parameters.chain.max_solutions)
    busy = 0.6
    outcome = simulate(times, Load(1, busy * DAY / length, 100, days=600), 5)
    assert fmean(outcome.waits) == pytest.approx(busy * length / 2 / (1 - busy), rel=0.1)


@pytest.mark.usefixtures("prompt")
def test_the_shortest_round_is_the_sum_of_its_steps() -> None:
    chain, step = TINY_SEPOLIA.network.parameters.chain, TINY_SEPOLIA.network.block_time
    draws = 2 * (chain.draw_delay + 2)
    waits = 4 * (chain.confirmations + 1)
    # Training of a minute and its block, votes committed, and the end.
    blocks = draws + waits + 6 + 1 + 1
    window = max(chain.challenge_window, chain.window_blocks * step)
    assert TINY_SEPOLIA.times.shortest(16) == blocks * step + window


def test_an_absent_miner_holds_a_round_to_the_end_of_its_window() -> None:
    times, chain = TINY_SEPOLIA.times, TINY_SEPOLIA.network.parameters.chain
    held = times.revealed(0, 16, lambda: 1.0) - times.confirmed(0)
    assert chain.reveal_window <= held <= chain.reveal_window + 12


def test_the_same_seed_is_the_same_network() -> None:
    load = TINY_DEVNET.load(4, 100)
    first, again, other = (simulate(TINY_DEVNET.times, load, seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_rounds_that_call_miners_out_of_others_are_nearly_as_many_as_with_miners_in_each_lane() -> None:
    times, seeds = HOUR_DEVNET.times, range(1, 7)
    chosen = [simulate(times, HOUR_DEVNET.load(4, 100), seed) for seed in seeds]
    apart = [simulate(times, HOUR_DEVNET.load(4, 100, groups=4), seed) for seed in seeds]
    assert all(each.void == 0 for each in apart)
    # One seed may have five times as many void rounds as another.
    assert sum(each.void for each in chosen) < sum(each.done for each in chosen) / 10
    assert all(some.done > 0.95 * others.done for some, others in zip(chosen, apart, strict=True))


def test_workers_choose_as_simulated_miners_do(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.with_lanes(2)
    for seed, reward in ((1, 3_000), (2, 1_000)):
        stage.post(seed=seed, reward=reward, time_limit=1_000)
    while {moment.phase for moment in stage.world.moments()} != {Phase.TRAINING}:
        for lane in (0, 1):
            stage.keeper(OWNER).step(stage.world.moment(lane))
            stage.data_node().step(stage.world.moment(lane))
        stage.world.pass_time(1)
    for address, lane in product(MINERS, (1, 0)):
        stage.miner(address).step(stage.world.moment(lane))
    assert {number: len(found) for number, found in stage.world.solutions.items() if found} == {2: 2}
    stage.world.pass_time(stage.world.parameters.chain.grace_window)
    assert [moment.phase for moment in stage.world.moments()] == [Phase.TRAINING, Phase.SETTLEMENT]


def test_a_list_that_is_full_keeps_the_tasks_that_are_worth_more() -> None:
    times: Times = HOUR_SEPOLIA.times
    task_list = replace(times.network.parameters.task_list, max_tasks=3)
    few = replace(
        times,
        network=replace(times.network, parameters=replace(times.network.parameters, task_list=task_list)),
    )
    outcome = simulate(few, Load(1, 500, 16, days=1), 2)
    assert outcome.waiting == 3
    assert outcome.dropped == outcome.arrived - outcome.done - outcome.open - 3


def test_commitments_are_those_of_claims_in_random_order() -> None:
    for miners, places in ((5, 2), (6, 3), (4, 4), (3, 5)):
        counts = []
        for claims in permutations(range(miners)):
            best: list[int] = []
            taken = 0
            for claim in claims:
                if len(best) < places or claim > min(best):
                    best = sorted([*best, claim])[-places:]
                    taken += 1
            counts.append(taken)
        assert commits(miners, places) == pytest.approx(fmean(counts))


def test_gas_between_two_sizes_lies_on_the_line_through_them() -> None:
    points = [(2, 100), (4, 200), (16, 1_400)]
    assert [interpolated(points, at) for at in (2, 3, 4, 10, 16)] == [100, 150, 200, 800, 1_400]
    assert interpolated(points, 17) == 1_500


def test_the_gas_of_a_round_is_the_sum_of_its_calls_in_the_table() -> None:
    table = read_gas()
    told = dict(table.solutions)
    gas = round_gas(table, solutions=4, commitments=4, seats=5, waiting=1)

    def of(*names: str) -> int:
        return sum(dict(told[name])[4] for name in names)

    assert gas.keepers == pytest.approx(of("open", "draw seed", "draw", "finalise"))
    assert gas.miners == 4 * of("commit", "reveal")
    assert gas.verifier == of("commit vote", "reveal vote")
    assert gas.total == gas.data_node + gas.miners + 5 * gas.verifier + gas.keepers


def test_the_part_with_the_nearest_limit_breaks_first() -> None:
    fine, lost = Outcome(DAY, done=10), Outcome(DAY, done=10, void=10)
    limits = {CHOICE: float("inf"), LANES: 50.0, "gas": 20.0}
    assert first_to_break(limits, fine, 10) is None
    assert first_to_break(limits, fine, 100) == "gas"
    assert first_to_break(limits, lost, 10) == CHOICE


def test_a_workers_look_costs_one_request_while_nothing_happens() -> None:
    assert measured_looks() == read_units().looks
    assert read_units().looks.same_block == 1


def test_what_is_measured_is_kept_as_it_was(tmp_path: Path) -> None:
    recorded = read_units()
    tiny = measured_kind(TINY_DEVNET.kind)
    measured: Units = replace(recorded, kinds={**recorded.kinds, "tiny": tiny})
    write_units(measured, tmp_path / "units.json")
    assert read_units(tmp_path / "units.json") == measured
    assert min(tiny.encrypt_seconds, tiny.decrypt_seconds, tiny.evaluate_seconds) > 0
    # Bytes are the same on every machine.
    for size in ("sample_bytes", "task_bytes", "keys_bytes", "model_bytes"):
        assert getattr(tiny, size) == getattr(recorded.kinds["tiny"], size)


def of_scene(page: str, name: str, scene: Scene) -> list[list[str]]:
    return [row for row in rows(page, name) if row[0] == scene.title]


def test_the_page_says_what_is_simulated() -> None:
    page = PAGE.read_text(encoding="utf-8")
    scene = HOUR_SEPOLIA
    shown = {"rounds": rounds_table, "limits": limits_table, "waiting": waiting_table}
    for name, made in shown.items():
        again = f"<!-- {name}:begin -->\n{made((scene,))}\n<!-- {name}:end -->\n"
        assert of_scene(page, name, scene) == of_scene(again, name, scene), (
            "write it by `python -m scripts.network`"
        )
    units = f"<!-- units:begin -->\n{units_table(scene.units)}\n<!-- units:end -->\n"
    assert rows(page, "units") == rows(units, "units")


def test_help_has_an_example_and_a_number_that_is_none_is_refused() -> None:
    told = CliRunner().invoke(main, ["--help"])
    assert told.exit_code == 0
    assert "Example: python -m scripts.network" in told.output
    assert CliRunner().invoke(main, ["--seed", "x"]).exit_code == 2


def test_a_task_that_got_lost_is_told_by_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.network.__main__.scenes", lambda seed: ())
    monkeypatch.setattr("scripts.network.__main__.lost", lambda found: 1)
    assert CliRunner().invoke(main, ["--json"]).exit_code == 1


def test_every_combination_is_told_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.network.__main__.scenes", lambda seed: (replace(HOUR_SEPOLIA, seed=seed),))
    for name, few in {"TASKS": (10,), "LANES": (1, 4), "MINERS": (100,), "VERIFIERS": (50, 500)}.items():
        monkeypatch.setattr(f"scripts.network.tables.{name}", few)
    told = CliRunner().invoke(main, ["--json", "--seed", "3"])
    assert told.exit_code == 0
    cells = json.loads(told.output)
    assert [(each["lanes"], each["verifiers"]) for each in cells] == [(1, 50), (1, 500), (4, 50), (4, 500)]
    assert all(each["outcome"]["medianWait"] >= 0 for each in cells)
