"""One model trained by two processes: as by one, and whatever becomes of the processes."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from scripts.demo.cast import POLE
from tests.faults.ranks import (
    CPU,
    PICTURED,
    PICTURES,
    PLAIN,
    ROUND,
    SAMPLES,
    SHOWN,
    SPEC,
    alone,
    assignment,
    ranks,
    send,
    two,
)

from pole.adapters.machine.devnet import free_port
from pole.errors import AbandonedError
from pole.learning.evaluation import model_file
from pole.learning.parallel.meeting import Endpoint, listen
from pole.learning.training.images.beneath import samples_beneath
from pole.learning.training.recipe import TrainingSettings
from pole.roles.judging.assessment import evaluate_model
from pole.roles.receiving.samples import Samples
from pole.roles.training.history.trainings import Check
from pole.roles.training.learner import LearnerError
from pole.roles.training.parallel import parallel_learner, rank
from pole.roles.training.parallel.machines import Machines
from pole.roles.training.parallel.parallel_learner import ParallelLearner

SECONDS = 300
"""Longer than anything takes on a machine with much else to do."""


@pytest.fixture(scope="module", autouse=True)
def _torch_is_loaded() -> None:
    """The server that ranks are forked from takes longer to start than some of these trainings."""
    rank.await_processes()


@pytest.fixture(autouse=True)
def _no_rank_is_left() -> Iterator[None]:
    yield
    assert ranks() == {}


def never() -> bool:
    return False


@pytest.mark.parametrize(
    "settings",
    [PLAIN, replace(PLAIN, optimiser="sgd", learning_rate=0.5, averaging=0.9)],
    ids=["adamw", "sgd"],
)
def test_two_processes_learn_what_one_learns(tmp_path: Path, settings: TrainingSettings) -> None:
    checks: list[Check] = []
    one = alone(tmp_path / "one", settings).train(assignment(), stop=never)
    both = two(tmp_path / "two", settings).train(assignment(note=checks.append), stop=never)
    assert evaluate_model(both.model, SPEC, ROUND, SAMPLES).correct == both.train_correct
    assert both.train_correct == one.train_correct >= 45
    models = [model_file.load(each.model, SPEC, ROUND) for each in (one, both)]
    for name, tensor in models[0].tensors.items():
        # Sums of floats in another order, over eight epochs.
        assert abs(tensor.astype(float) - models[1].tensors[name]).max() <= 0.02 * abs(tensor).max() + 2, name
    # History is noted once, not once by each.
    assert [check.epoch for check in checks] == list(range(1, 9))
    assert checks[-1].correct == both.train_correct


@pytest.mark.parametrize(
    ("pictures", "whole"), [(PICTURED, False), (SHOWN, True)], ids=["features", "samples"]
)
def test_two_processes_mirror_the_pictures_that_one_mirrors(
    tmp_path: Path, pictures: Samples, whole: bool
) -> None:
    assert (samples_beneath(pictures.features, PICTURES, ROUND) is not None) is whole
    settings = replace(PLAIN, optimiser="sgd", learning_rate=0.2, shift=0, flip=True, mixed_precision=False)
    models = [
        model_file.load(learner.train(assignment(of=(PICTURES, pictures)), stop=never).model, PICTURES, ROUND)
        for learner in (alone(tmp_path / "one", settings), two(tmp_path / "two", settings))
    ]
    for name, tensor in models[0].tensors.items():
        assert abs(tensor.astype(float) - models[1].tensors[name]).max() <= 0.02 * abs(tensor).max() + 2, name


def test_a_killed_rank_is_replaced_and_training_goes_on_from_the_checkpoint(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    checks: list[Check] = []
    killed: list[int] = []

    def note(check: Check) -> None:
        checks.append(check)
        if check.epoch == 12 and not killed:
            killed.append(len(checks))
            send("rank 1", signal.SIGKILL)

    settings = replace(two(tmp_path).alone.recipe, epochs=24, noise=0.2)
    trained = two(tmp_path / "killed", settings, 0.0).train(assignment(note=note), stop=never)
    assert "Rank 1 of 2 on cpu ended with exit code -9." in caplog.text
    assert "begin again at the last checkpoint" in caplog.text
    assert 8 < min(check.epoch for check in checks[killed[0] :]) <= 13
    assert checks[-1].epoch == 24
    # As if nobody had been killed: what is random follows from the checkpoint.
    whole = two(tmp_path / "whole", settings).train(assignment(), stop=never)
    assert trained.model == whole.model


def test_the_deadline_ends_all_ranks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel_learner, "SHORT", 0.0)
    given = assignment(10**9, 15.0)
    trained = two(tmp_path).train(given, stop=never)
    assert time.monotonic() - given.deadline < rank.SPARE
    assert trained.train_correct >= 50


def test_a_rank_that_hangs_holds_nobody_after_the_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(parallel_learner, "SHORT", 0.0)

    def note(check: Check) -> None:
        if check.epoch == 3:
            send("rank 1", signal.SIGSTOP)

    given = assignment(10**9, 15.0, note)
    trained = two(tmp_path).train(given, stop=never)
    assert 0 <= time.monotonic() - given.deadline < 2 * rank.SPARE
    assert evaluate_model(trained.model, SPEC, ROUND, SAMPLES).correct == trained.train_correct
    assert "did not end in time and were ended. The best model so far is used." in caplog.text


@pytest.mark.parametrize("epochs", [0, 2])
def test_a_round_that_is_over_ends_all_ranks(tmp_path: Path, epochs: int) -> None:
    over = threading.Event()
    ended: list[float] = []

    def note(check: Check) -> None:
        if check.epoch == epochs:
            ended.append(time.monotonic())
            over.set()

    if epochs == 0:
        over.set()
    given, learner = assignment(10**9, note=note), two(tmp_path)
    if epochs == 0:
        with pytest.raises(AbandonedError):
            learner.train(given, stop=over.is_set)
    else:
        assert learner.train(given, stop=over.is_set).train_correct > 0
        assert time.monotonic() - ended[0] < 2 * rank.SPARE


def test_a_rank_that_fails_is_named_with_its_last_lines(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    nowhere = ParallelLearner(alone(tmp_path), (torch.device("cpu"), torch.device("meta")), 2)
    with pytest.raises(LearnerError) as raised:
        nowhere.train(assignment(), stop=never)
    assert str(raised.value).startswith("Rank 1 of 2 on meta failed: ")
    assert "Its last lines: " in str(raised.value)
    assert "Error" in str(raised.value).partition("Its last lines: ")[2]
    assert caplog.text.count("begin again") == parallel_learner.TRIES - 1


def test_what_trying_again_would_not_change_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(parallel_learner, "SHORT", 0.0)
    wild = TrainingSettings(epochs=1, steps=1, learning_rate=1e30)
    given = assignment(10**9, 15.0)
    with pytest.raises(LearnerError, match="no finite model"):
        two(tmp_path, wild).train(given, stop=never)
    assert "begin again" not in caplog.text


def test_ranks_end_with_their_worker_and_listen_on_loopback_alone(tmp_path: Path) -> None:
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.ranks", str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout
    with worker, worker.stdout as lines:
        pids = [int(word) for word in lines.readline().split()]
        assert len(pids) == 2
        assert {address for pid in pids for address in listening(pid)} <= {"0100007F"}
        worker.kill()
        lines.read()
    until = time.monotonic() + 10
    while any(runs(pid) for pid in pids):
        assert time.monotonic() < until, "a rank outlived its worker"
        time.sleep(0.05)


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def listening(pid: int) -> set[str]:
    """Return the addresses, as the kernel writes them, that a process listens at."""
    sockets = set()
    for file in Path(f"/proc/{pid}/fd").iterdir():
        try:
            sockets.add(os.readlink(file))
        except OSError:
            continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                found.add(fields[1].partition(":")[0])
    return found


def test_a_short_training_is_done_by_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ParallelLearner, "_supervised", None)
    trained = two(tmp_path).train(assignment(50, parallel_learner.SHORT / 2), stop=never)
    assert trained.train_correct >= 50


def test_another_machine_helps_and_training_goes_on_without_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = Endpoint("127.0.0.1", free_port())
    machines = Machines(listen(endpoint), endpoint)
    learner = ParallelLearner(alone(tmp_path / "head", replace(PLAIN, epochs=200)), (CPU,), 1, 0.0, machines)
    words = ["miner", "assist", f"127.0.0.1:{endpoint.port}", "--device", "cpu", "--home", str(tmp_path)]
    checks: list[Check] = []
    with (tmp_path / "log").open("wb") as log:
        assistant = subprocess.Popen([str(POLE), *words], stdout=log, stderr=log)
    until = time.monotonic() + SECONDS

    def note(check: Check) -> None:
        checks.append(check)
        if check.epoch == 4:
            assistant.kill()

    try:
        while machines.offered("cpu") != {1: 1}:
            assert time.monotonic() < until, (tmp_path / "log").read_text()
        trained = learner.train(assignment(note=note), stop=never)
        assert assistant.wait() == -signal.SIGKILL
    finally:
        assistant.kill()
        assistant.wait()
    assert "begin again at the last checkpoint" in caplog.text
    assert "Helping with ranks 1 to 1 of 2." in (tmp_path / "log").read_text()
    assert checks[-1].epoch == 200
    assert evaluate_model(trained.model, SPEC, ROUND, SAMPLES).correct == trained.train_correct >= 45
