"""Seeds of experiments measured elsewhere: each record names the machine that made it, and its commit."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from experiments import measuring, works
from experiments.measuring import measure
from experiments.running import shards
from experiments.running.records import Record, Size, read
from experiments.running.session import Options, run
from experiments.running.shards import beside, measured_elsewhere
from tests.unit.experiments.trial import experiment

from pole.adapters.machine.cluster.running import work_named, works_of
from pole.errors import InputError, IntegrityError, ShardError, UnreachableError
from pole.roles.ports import ShardResult, WorkShard
from pole.roles.support.slots import Slots

Document = dict[str, Any]


def ten_times(name: str, seed: int) -> Mapping[str, float]:
    return {"value": 10 * seed}


TRIAL = experiment(ten_times)
FIRST = TRIAL.cases(Size.QUICK)[0]
EVERY = [(name, seed) for name in ("a", "b") for seed in range(4)]


def as_it_is(record: Document) -> Document:
    return record


class Elsewhere:
    """A worker of this process, whose records are changed before they are sent back."""

    def __init__(self, change: Callable[[Document], Document] = as_it_is, workers: int = 2) -> None:
        self.change, self.workers = change, workers
        self.sent: list[WorkShard] = []

    def at_once(self) -> int:
        return self.workers

    def run(self, shard: WorkShard) -> ShardResult:
        self.sent.append(shard)
        document = json.loads(measure(shard.content))
        return ShardResult(json.dumps(self.change(document)).encode(), "tls://worker-1")


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "EXPERIMENTS", (TRIAL,))
    monkeypatch.setattr("torch.set_num_threads", lambda _: None)
    monkeypatch.setattr(measuring, "limit_threads", lambda _: None)


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this machine have no thread to spare."""
    monkeypatch.setattr(Slots, "run", lambda slots, _, there: there(slots._shards))


def with_environment(**changes: object) -> Callable[[Document], Document]:
    return lambda record: record | {"environment": record["environment"] | changes}


def elsewhere(worker: Elsewhere, seed: int = 3) -> Record:
    return measured_elsewhere(worker, TRIAL, Size.QUICK, FIRST, seed)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (with_environment(commit="0123456"), "measured commit 0123456, but this is"),
        (lambda record: record | {"seed": 4}, "something else than it was asked for"),
        (lambda record: record | {"setting": "b"}, "something else than it was asked for"),
        (lambda record: {}, "gave no record"),
        (lambda record: record | {"size": "none"}, "gave no record"),
        (lambda record: record | {"environment": {}}, "gave no record"),
    ],
)
def test_a_record_that_is_not_the_one_asked_for_names_its_worker(
    change: Callable[[Document], Document], told: str
) -> None:
    with pytest.raises(IntegrityError, match=f"tls://worker-1 .*{told}|tls://worker-1 {told}"):
        elsewhere(Elsewhere(change))


def test_a_record_says_on_which_machine_it_was_measured_and_by_which_command() -> None:
    change = with_environment(machine="64 cores, elsewhere", command="pole cluster worker")
    found = elsewhere(Elsewhere(change))
    assert (found.setting, found.seed, found.measured) == ("a", 3, {"value": 30})
    assert found.environment["machine"] == "64 cores, elsewhere"
    assert found.environment["command"].startswith("python -m experiments.")


def test_data_that_a_worker_lacks_are_said_to_be_lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "EXPERIMENTS", (experiment(ten_times, data="cifar10"),))
    monkeypatch.setattr(measuring, "provide", lambda *_: False)
    with pytest.raises(InputError, match="The data set cifar10 is not on this machine"):
        elsewhere(Elsewhere())


def test_a_worker_at_another_commit_says_so_before_it_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "commit", lambda: "0123456")
    monkeypatch.setattr(measuring, "EXPERIMENTS", ())
    with pytest.raises(InputError, match="This worker runs commit 0123456, but"):
        elsewhere(Elsewhere())


def measured(folder: Path, worker: Elsewhere, seeds: int = 4) -> list[tuple[str, int]]:
    run(TRIAL, Options(Size.QUICK, seeds, folder), lambda line: None, beside(worker))
    return kept(folder)


def kept(folder: Path) -> list[tuple[str, int]]:
    return sorted((record.setting, record.seed) for record in read(folder / "trial.jsonl"))


@pytest.mark.usefixtures("busy")
def test_every_seed_is_measured_once_wherever_it_is(tmp_path: Path) -> None:
    worker = Elsewhere()
    assert measured(tmp_path, worker) == EVERY
    assert len(worker.sent) == len({shard.name for shard in worker.sent}) == len(EVERY)
    assert measured(tmp_path, worker) == EVERY
    assert len(worker.sent) == len(EVERY)


class Leaving(Elsewhere):
    """A cluster that does not answer any more once it was asked what it can do."""

    def run(self, shard: WorkShard) -> ShardResult:
        raise UnreachableError("The scheduler does not answer.")


class Failing(Elsewhere):
    """A cluster whose workers die of the fourth shard."""

    def run(self, shard: WorkShard) -> ShardResult:
        if len(self.sent) == 3:
            raise ShardError("Three workers died.")
        return super().run(shard)


def test_a_cluster_that_goes_away_leaves_the_rest_to_this_machine(tmp_path: Path) -> None:
    assert measured(tmp_path, Leaving()) == EVERY


@pytest.mark.usefixtures("busy")
def test_what_was_measured_before_workers_failed_is_kept(tmp_path: Path) -> None:
    with pytest.raises(ShardError):
        measured(tmp_path, Failing(workers=1))
    assert 1 <= len(kept(tmp_path)) <= 4
    assert measured(tmp_path, Elsewhere()) == EVERY


@pytest.mark.usefixtures("busy")
def test_an_experiment_that_needs_a_machine_of_its_own_stays_here(tmp_path: Path) -> None:
    worker = Elsewhere()
    alone = replace(TRIAL, alone=True)
    run(alone, Options(Size.QUICK, 2, tmp_path), lambda line: None, beside(worker))
    assert not worker.sent
    assert len(kept(tmp_path)) == 4


def test_the_work_of_a_seed_is_in_the_table_that_workers_are_started_with() -> None:
    assert work_named(shards.WORK, works_of("experiments.works")) is measure
    assert "torch" not in vars(works)


@pytest.mark.parametrize("module", ["experiments.nothing", "json"])
def test_a_module_without_works_is_refused_in_a_sentence(module: str) -> None:
    with pytest.raises(InputError, match=f"The module '{module}' has no works"):
        works_of(module)
