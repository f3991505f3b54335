"""Trials of training settings elsewhere: the best settings of all machines, judged on the same samples."""

import itertools
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.learning.training.test_search import FEATURES, LABELS, SPEC
from tests.unit.roles.elsewhere import FakeShards

from pole.errors import IntegrityError, PoleError
from pole.learning.training import search
from pole.learning.training.recipe import TrainingSettings
from pole.learning.training.search import Trial, find_settings
from pole.learning.training.stopping import StopRule
from pole.learning.training.training_data import TrainingTask
from pole.protocol.formats.tensors import write_tensors
from pole.roles.ports import ShardResult, WorkShard
from pole.roles.training import trial_shards
from pole.roles.training.trial_shards import trial_shard, trials_beside, try_elsewhere, try_out

OWN = TrainingSettings(epochs=1, steps=1)
TASK = TrainingTask(SPEC, bytes(32), FEATURES, LABELS, OWN)
TRIAL = Trial(
    replace(TASK, features=FEATURES[6:], labels=LABELS[6:]),
    replace(TASK, features=FEATURES[:6], labels=LABELS[:6]),
    5.0,
    1,
)


def find(shards: FakeShards, stop: Callable[[], bool], deadline: float = 1e9) -> TrainingSettings:
    return find_settings(
        TASK,
        StopRule(0, deadline, time.monotonic, stop),
        random_seed=1,
        device=torch.device("cpu"),
        bench=trials_beside(shards, TASK),
    )


def counted(correct: int) -> bytes:
    return write_tensors({"correct": np.array([correct])}, {"work": "trial"})


@pytest.mark.parametrize("answer", [b"", counted(-1), counted(7), write_tensors({}, {"work": "trial"})])
def test_a_result_that_cannot_be_names_its_worker(answer: bytes) -> None:
    with pytest.raises(IntegrityError, match="worker-1"):
        try_elsewhere(FakeShards(answer=lambda _: answer), TRIAL)


def test_a_trial_elsewhere_counts_what_it_counts_here() -> None:
    rule = StopRule(0, time.monotonic() + 60, time.monotonic, lambda: False)
    here = search.try_settings(TRIAL.learned, TRIAL.unseen, rule, 1, torch.device("cpu"))
    assert try_elsewhere(FakeShards(), TRIAL) == here


def by_learning_rate(learned: TrainingTask, *_: object) -> int:
    return 50 - abs(round(np.log10(learned.settings.learning_rate / 1e-2) * 20))


def slowly(learned: TrainingTask, *_: object) -> int:
    time.sleep(0.02)
    return by_learning_rate(learned)


@pytest.mark.parametrize("cluster", [FakeShards(workers=3), FakeShards(lasts=3), FakeShards(fails=True)])
def test_settings_are_found_whatever_the_cluster_does(
    cluster: FakeShards, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "try_settings", slowly)
    monkeypatch.setattr(trial_shards, "try_elsewhere", lambda shards, trial: tried(shards, trial))

    def tried(shards: FakeShards, trial: Trial) -> int:
        shards.run(trial_shard(trial))
        return by_learning_rate(trial.learned)

    calls = itertools.count()
    found = find(cluster, lambda: next(calls) >= 40)
    assert 0.005 < found.learning_rate < 0.02
    assert cluster.sent


def test_own_settings_win_ties(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "try_settings", lambda *_: 5)
    monkeypatch.setattr(trial_shards, "try_elsewhere", lambda *_: 5)
    calls = itertools.count()
    assert find(FakeShards(workers=3), lambda: next(calls) >= 12) == OWN


class Stalling(FakeShards):
    def run(self, shard: WorkShard) -> ShardResult:
        time.sleep(3)
        return super().run(shard)


def test_a_search_that_is_to_stop_waits_for_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "try_settings", lambda *_: 5)
    monkeypatch.setattr(search, "SECONDS_BETWEEN_LOOKS", 0.05)
    begun = time.monotonic()
    assert find(Stalling(workers=1), lambda: time.monotonic() > begun + 0.2) == OWN
    assert time.monotonic() < begun + 2


def test_samples_that_are_too_many_are_tried_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_shards, "MAX_SHARD_BYTES", 1000)
    assert trials_beside(FakeShards(), TASK).at_once == 1


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, 4000), byte=st.integers(0, 255), cut=st.integers(0, 8))
def test_any_other_bytes_are_one_of_our_errors_or_a_result(at: int, byte: int, cut: int) -> None:
    content = bytearray(trial_shard(replace(TRIAL, seconds=0.0)).content)
    content[at % len(content)] = byte
    try:
        try_out(bytes(content[: len(content) - cut]))
    except PoleError:
        return
