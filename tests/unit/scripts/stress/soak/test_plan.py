"""The plan of a soak is a function of its seed, and has every fault."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from scripts.contracts.sources import ROOT
from scripts.stress.soak.node.answers import OF_SENDING
from scripts.stress.soak.plan import (
    CHAIN,
    DATA_NODES,
    EXPECTED,
    IDLE_EVERY,
    IPFS,
    SECONDS,
    SPARED,
    WORKERS,
    FaultKind,
    plan_round,
    plan_rounds,
    points_of,
)

from pole.protocol.state import ENDED, Phase

SEEDS = st.integers(0, 2**64)
DEADLY = {FaultKind.KILL, FaultKind.KILL_AT_POINT, FaultKind.WRONG_CLOCK}
MANY = 300
PAGE = ROOT / "docs" / "testing.md"


def test_the_page_says_how_many_of_each_fault_a_round_has() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for kind, expected in EXPECTED.items():
        assert f"| {kind} | {expected:g} |" in page


@given(SEEDS, st.integers(0, 30), st.integers(0, 30))
def test_a_plan_is_a_function_of_its_seed_and_begins_as_a_longer_one(
    seed: int, rounds: int, more: int
) -> None:
    plans = plan_rounds(seed, rounds)
    assert plans == plan_rounds(seed, rounds + more)[:rounds]
    assert [plan.number for plan in plans] == list(range(1, rounds + 1))


@given(SEEDS, SEEDS)
def test_plans_of_two_seeds_differ(seed: int, other: int) -> None:
    assert (plan_rounds(seed, 10) == plan_rounds(other, 10)) is (seed == other)


@given(SEEDS, st.integers(1, 1000))
def test_every_fault_can_happen_to_its_target(seed: int, number: int) -> None:
    for fault in plan_round(seed, number).faults:
        assert fault.target == {FaultKind.NO_IPFS: IPFS, FaultKind.NO_CHAIN: CHAIN}.get(
            fault.kind, fault.target
        )
        assert fault.target in {*WORKERS, IPFS, CHAIN}
        assert fault.phase not in {Phase.NONE, Phase.SEED, *ENDED}
        assert 0 <= fault.delay <= 3
        assert fault.seconds == SECONDS.get(fault.kind, 0)
        assert not (fault.kind in DEADLY and fault.target in SPARED)
        if fault.kind is FaultKind.KILL_AT_POINT:
            assert fault.detail in points_of(fault.target)
        if fault.kind is FaultKind.BAD_SENDING:
            assert fault.detail in [answer.value for answer in OF_SENDING]


@given(SEEDS, st.integers(1, 1000))
def test_an_idle_round_needs_no_data_node_and_nobody_lies_in_it(seed: int, number: int) -> None:
    plan = plan_round(seed, number)
    assert plan.is_idle is (number % IDLE_EVERY == 0)
    if plan.is_idle:
        assert not plan.lies
        assert not any(fault.target in DATA_NODES or fault.phase is Phase.KEYS for fault in plan.faults)


@given(SEEDS)
def test_the_first_of_a_dozen_rounds_has_no_fault(seed: int) -> None:
    assert not plan_round(seed, 1).faults
    assert not plan_round(seed, 13).faults


@given(SEEDS)
def test_three_hundred_rounds_meet_every_fault_about_as_often_as_expected(seed: int) -> None:
    plans = plan_rounds(seed, MANY)
    faults = [fault for plan in plans for fault in plan.faults]
    counts = Counter(fault.kind for fault in faults)
    for kind, expected in EXPECTED.items():
        assert expected * MANY / 3 < counts[kind] <= -(-expected // 1) * MANY
    points = {fault.detail for fault in faults if fault.kind is FaultKind.KILL_AT_POINT}
    assert points == {point for worker in WORKERS for point in points_of(worker)}
    assert any(plan.lies for plan in plans)
