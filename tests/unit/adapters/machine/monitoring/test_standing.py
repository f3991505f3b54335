"""What is shown of where a worker stands."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from tests.unit.adapters.machine.monitoring.shown import read
from tests.unit.roles.conftest import MINERS, OWNER, VERIFIERS, Stage
from tests.unit.roles.fakes import FakeStake
from tests.unit.roles.keys.shared_secret import Shared, shared_task

from pole.adapters.machine.monitoring.monitoring import monitored
from pole.adapters.machine.monitoring.standing import Standing, Watching
from pole.errors import DiskError, JournalError, PoleError, UnreachableError
from pole.protocol.state import Phase, Step
from pole.roles.loop import Role
from pole.roles.ports import Chain, Identity
from pole.roles.support.draining import Participant
from pole.roles.training.learner import Assignment, Trained


@dataclass
class Rich:
    """A chain that says what a wallet has, and counts how often it is asked."""

    chain: Chain
    questions: int = 0
    is_away: bool = False

    @property
    def identity(self) -> Identity:
        return self.chain.identity

    def balance_of(self, _: str) -> int:
        if self.is_away:
            raise UnreachableError("away")
        self.questions += 1
        return 25 * 10**17

    def credit_of(self, _: str) -> int:
        return 10**17

    def stake_of(self, _: str) -> FakeStake:
        return FakeStake(10**18, seated=True, left_at=0)


@dataclass
class Watched:
    """A worker of a stage, and what is noted of it."""

    stage: Stage
    worker: Participant
    rich: Rich
    now: list[float] = field(default_factory=lambda: [0.0])
    standing: Standing = field(default_factory=Standing)

    def __post_init__(self) -> None:
        self.watching = Watching(self.standing, self.worker, self.rich, lambda: self.now[0])
        self.registry = CollectorRegistry()
        self.registry.register(self.standing)

    def look(self) -> None:
        for moment in self.stage.world.moments():
            self.watching.step(moment)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"pole_{name}", labels)


def watched(stage: Stage, worker: Participant, address: str = OWNER) -> Watched:
    return Watched(stage, worker, Rich(stage.chain(address)))


def duties(stage: Stage, worker: Participant, others: list[Role]) -> list[str]:
    """Play a round to its end; return the phases in which the worker owed something, as they are shown."""
    watch, found = watched(stage, worker), []
    for phase in [*Phase][2:12]:
        stage.play(phase, Phase.FINAL, workers=others)
        watch.look()
        deadline = stage.world.moment().deadline
        if watch.value("duty_deadline_timestamp_seconds", lane="0", duty=phase.name) == deadline > 0:
            found.append(phase.name)
    return found


def test_nothing_is_shown_before_the_first_look(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    watch = watched(stage, stage.verifier(VERIFIERS[0]), VERIFIERS[0])
    assert [sample for family in watch.registry.collect() for sample in family.samples] == []
    assert watch.value("wallet_balance_ether") is None


def test_a_wallet_is_read_once_a_minute_however_often_it_is_shown(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    watch = watched(stage, stage.verifier(VERIFIERS[0]), VERIFIERS[0])
    for watch.now[0] in (0.0, 1.0, 59.0):
        watch.look()
        assert watch.value("wallet_balance_ether") == 2.5
    assert watch.rich.questions == 1
    watch.now[0] = 61.0
    watch.look()
    assert watch.rich.questions == 2
    assert watch.value("wallet_credit_ether") == 0.1
    assert (watch.value("wallet_stake_ether"), watch.value("seat_held")) == (1.0, 1.0)


def test_a_node_that_does_not_answer_is_a_failure_of_the_look_and_lanes_are_noted(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    watch = watched(stage, stage.verifier(VERIFIERS[0]), VERIFIERS[0])
    watch.rich.is_away = True
    with pytest.raises(UnreachableError):
        watch.look()
    assert watch.value("lane_phase", lane="0", phase="NONE") == 1
    watch.rich.is_away = False
    watch.look()
    assert watch.value("wallet_balance_ether") == 2.5


def test_a_lane_is_shown_in_one_phase(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.post()
    watch = watched(stage, stage.miner(MINERS[0]), MINERS[0])
    for phase in (Phase.TRAINING, Phase.REVEAL):
        stage.play(phase)
        watch.look()
        shown = [
            sample.labels["phase"]
            for family in watch.registry.collect()
            for sample in family.samples
            if sample.name == "pole_lane_phase"
        ]
        assert shown == [phase.name]
        assert watch.value("lane_round", lane="0") == 1
        assert watch.value("ethereum_block") == stage.world.moment().block


def test_a_miner_owes_its_reveal(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.post(min_solutions=2)
    miner = stage.miner(MINERS[0])
    others: list[Role] = [stage.data_node(), stage.miner(MINERS[1]), *map(stage.verifier, VERIFIERS)]
    assert duties(stage, miner, [*others, miner]) == ["REVEAL"]


def test_a_verifier_owes_its_vote_and_what_opens_it(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.post(min_solutions=2)
    first = stage.verifier(VERIFIERS[0])
    others: list[Role] = [stage.data_node(), *map(stage.miner, MINERS), *map(stage.verifier, VERIFIERS[1:])]
    assert duties(stage, first, [*others, first]) == ["VOTE_COMMIT", "VOTE_REVEAL"]


def test_a_data_node_owes_keys_and_test_set_of_its_own_rounds_alone(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.post(min_solutions=2)
    node = stage.data_node()
    others: list[Role] = [*map(stage.miner, MINERS), *map(stage.verifier, VERIFIERS)]
    assert duties(stage, node, [node, *others]) == ["KEYS", "TEST_RELEASE"]


def test_a_key_holder_owes_its_partial_keys_until_it_has_announced_them(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    shared = shared_task(stage)
    shared.open_round()
    holder = shared.holder(1)
    moment = stage.world.moment()
    assert moment.phase is Phase.KEYS
    assert holder.owes(moment)
    assert holder.step(moment) == "partial keys announced"
    assert not holder.owes(stage.world.moment())


def test_a_key_holder_owes_nothing_where_nothing_was_shared(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.post()
    shared = Shared(stage)
    shared.open_round()
    assert not shared.holder(1).owes(stage.world.moment())


def test_a_miner_that_trains_notes_what_it_sees_of_its_lanes(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.post()
    stage.play(Phase.TRAINING, workers=[stage.data_node()])
    miner, seen = stage.miner(MINERS[0]), list[dict[str, float]]()
    train = stage.learner.train

    def slowly(assignment: Assignment, *, stop: Callable[[], bool]) -> Trained:
        trained = train(assignment, stop=stop)
        for _ in range(2):
            stage.world.pass_time(5)
            stop()
            seen.append(read(monitoring.url))
        return trained

    with monitored("miner", 0) as monitoring:
        watching = monitoring.watching(miner, Rich(stage.chain(MINERS[0])))
        stage.learner.train = slowly  # type: ignore[method-assign]
        watching.step(stage.world.moment())
        before = read(monitoring.url)
        miner.step(stage.world.moment())
    name = "pole_ethereum_block_timestamp_seconds"
    assert [each[name] - before[name] for each in seen] == [5, 10]
    assert all(each["pole_lane_phase{lane=0,phase=TRAINING}"] == 1 for each in seen)


def test_a_verifier_that_evaluates_notes_that_it_owes_its_vote(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.post(min_solutions=2)
    verifier = stage.verifier(VERIFIERS[0])
    others: list[Role] = [stage.data_node(), *map(stage.miner, MINERS)]
    stage.play(Phase.VOTE_COMMIT, workers=others)
    watch = watched(stage, verifier, VERIFIERS[0])
    verifier.sight.seen = watch.watching.look
    moment = stage.world.moment()
    assert verifier.means.watch(moment, frozenset({moment.phase})).over() is False
    assert watch.value("duty_deadline_timestamp_seconds", lane="0", duty="VOTE_COMMIT") == moment.deadline


@pytest.mark.parametrize("error", [UnreachableError("away"), JournalError("full"), DiskError("full")])
def test_what_cannot_be_noted_ends_no_work_and_does_not_hide_that_the_round_is_over(
    tmp_path: Path, error: PoleError
) -> None:
    stage = Stage(tmp_path)
    stage.post()
    stage.play(Phase.TRAINING, workers=[stage.data_node()])
    miner = stage.miner(MINERS[0])

    def fail(_: object) -> None:
        raise error

    miner.sight.seen = fail
    moment = stage.world.moment()
    assert miner.means.watch(moment).over() is False
    stage.world.advance(1, Step.CLOSED, committed=1)
    assert miner.means.watch(moment).over() is True


def test_reading_the_metrics_asks_no_node_and_shows_no_address(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    rich = Rich(stage.chain(MINERS[0]))
    with monitored("miner", 0) as monitoring:
        watching = monitoring.watching(stage.miner(MINERS[0]), rich)
        watching.step(stage.world.moment())
        asked = rich.questions
        first, second = read(monitoring.url), read(monitoring.url)
    assert rich.questions == asked == 1
    assert first["pole_wallet_balance_ether"] == second["pole_wallet_balance_ether"] == 2.5
    assert first["pole_node_answered_timestamp_seconds"] == pytest.approx(time.time(), abs=60)
    assert [name for name in first if name.startswith("pole_worker_info{role=miner,")]
    assert not [name for name in first if "0x" in name.lower()]
