"""Works that need torch, and those of this repository, on a real worker: attacks, trials, seeds."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from experiments.running.environment import commit
from experiments.running.records import Size
from experiments.running.shards import measured_elsewhere
from experiments.threshold import EXPERIMENT
from tests.faults.cluster_processes import joined, running
from tests.unit.roles.keys.test_attack_shards import SCENE
from tests.unit.roles.training.test_trial_shards import TRIAL

from pole.adapters.machine.cluster.client import Cluster
from pole.errors import ShardError
from pole.learning.privacy.disclosure import attack
from pole.roles.keys.attack_shards import attack_elsewhere
from pole.roles.ports import WorkShard
from pole.roles.training.trial_shards import try_elsewhere

IRIS = next(case for case in EXPERIMENT.cases(Size.QUICK) if case.setting.startswith("iris"))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running(tmp_path_factory.mktemp("cluster"), (), {}) as processes:
        processes.start_worker("worker-a", "--works", "experiments.works", memory=4096)
        with joined(processes) as caller:
            yield caller


def test_a_work_that_nobody_knows_is_said_to_need_an_option(cluster: Cluster) -> None:
    with pytest.raises(ShardError, match="it does not know the work 'mining', which needs --works"):
        cluster.run(WorkShard("mining", b""))


@pytest.mark.parametrize("name", ["linear, learned", "network, learned"])
def test_an_attack_elsewhere_comes_as_close_as_here(cluster: Cluster, name: str) -> None:
    here, there = attack(name, SCENE), attack_elsewhere(cluster, name, SCENE)
    assert here is not None
    assert there is not None
    assert np.allclose(here, there, atol=0.5)


def test_a_trial_elsewhere_counts_unseen_labels(cluster: Cluster) -> None:
    assert 0 <= try_elsewhere(cluster, replace(TRIAL, seconds=60.0)) <= len(TRIAL.unseen.labels)


def test_a_seed_is_measured_at_this_commit_by_one_thread(cluster: Cluster) -> None:
    record = measured_elsewhere(cluster, EXPERIMENT, Size.QUICK, IRIS, 1)
    assert (record.experiment, record.setting, record.seed) == ("threshold", IRIS.setting, 1)
    assert record.environment["commit"] == commit()
    assert record.environment["threads"] == 1
    assert record.measured["patientTrain"] > 0
