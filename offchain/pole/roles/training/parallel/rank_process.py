"""A rank of a training: a process of its own that leads, as rank 0, or follows.

It sends its worker an `Epoch` as each ends, then `Finished`, or `Failed`; only rank 0 sends anything else.
It is sent `STOP` once the round is over. It ends when the worker does, and what it prints is in a file.
"""

import logging
import math
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import numpy as np
import torch

from pole.errors import AbandonedError, PoleError
from pole.learning.evaluation import model_file
from pole.learning.evaluation.features import FeatureMap
from pole.learning.machine.threads import limit_threads
from pole.learning.parallel.group import Batch, Beginning, Cycle, FollowingRank, LeadingRank, connect, hear
from pole.learning.parallel.meeting import Meeting
from pole.learning.training.images.beneath import LayerAbove, padding_of
from pole.learning.training.recipe import TrainingSettings, batch_count
from pole.learning.training.stopping import StopReason, StopRule
from pole.learning.training.training import train
from pole.learning.training.training_data import TrainingData, TrainingTask
from pole.learning.training.training_run import Candidate, Progress, TrainingRun
from pole.protocol.mapping.layer import feature_shape
from pole.protocol.models.specification import parse_specification
from pole.quoting import reason
from pole.roles.training.history.trainings import Check
from pole.roles.training.learner import Trained
from pole.roles.training.torch_learner import check_of, checkpoints_in

STOP: Final = "stop"


@dataclass(frozen=True, slots=True)
class Place:
    """Which rank of how many a process is, where it computes and meets the others, and its log's file."""

    rank: int
    ranks: int
    device: torch.device
    threads: int
    meeting: Meeting
    log: Path


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """What rank 0 trains: `needed` right until `deadline`, by the machine's monotonic clock.

    `judging_threads` are those that evaluate while the other ranks wait.
    """

    task: TrainingTask
    needed: int
    deadline: float
    judging_threads: int
    checkpoint: Path
    checkpoint_seconds: float
    random_seed: int = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Epoch:
    """An epoch, and the best model where it is better than all before."""

    check: Check
    loss: float
    seconds: float
    better: Trained | None


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """The end of a training that went well; `trained` is None where it was stopped before it had a model."""

    trained: Trained | None
    why: StopReason
    epochs: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Failed:
    """Why a rank ended, at a time of the machine's clock; trying again does not help where it is final."""

    why: str
    time: float
    final: bool


def lead(connection: Connection, place: Place, order: Order) -> None:
    """Train as rank 0."""
    over = threading.Event()

    def work() -> None:
        limit_threads(order.judging_threads)
        samples = len(order.task.labels)
        largest = math.ceil(samples / batch_count(samples, order.task.settings.batch))
        rank = LeadingRank(_about(order.task), largest)
        try:
            finished = _trained(connection, order, rank, place.device, over)
        except PoleError:
            rank.end()
            raise
        connection.send(finished)
        rank.end()

    _run(connection, place, work, over.set)


def follow(connection: Connection, place: Place) -> None:
    """Do what rank 0 says until it says that the training has ended."""

    def work() -> None:
        run: TrainingRun | None = None
        batch = 0
        while (said := hear(batch)) is not None:
            match said:
                case Beginning():
                    batch = said.batch
                    run = _following(said, place.device)
                case Cycle() if run is not None:
                    run.cycle = run.new_cycle(TrainingSettings(**said.settings), 1)
                    run.ranks.begin_cycle(said.settings, run.state_tensors())
                case Batch() if run is not None:
                    run.epochs = said.epoch
                    run.step(said.rows, said.rate)

    _run(connection, place, work, lambda: None)


def _run(connection: Connection, place: Place, work: Callable[[], None], stopped: Callable[[], None]) -> None:
    """Join the other ranks and do the work; send why it failed."""
    # Ctrl-C is the worker's to answer, and all that a rank starts ends with it.
    os.setsid()
    threading.Thread(target=_listen, args=(connection, stopped), daemon=True).start()
    _print_into(place.log)
    try:
        meet(place)
        work()
    except PoleError as error:
        connection.send(Failed(str(error), time.monotonic(), final=True))
    except Exception as error:  # noqa: BLE001 - whatever a library raises is the worker's to judge
        traceback.print_exc()
        connection.send(Failed(f"{type(error).__name__}: {reason(error)}", time.monotonic(), final=False))
    sys.stderr.flush()
    # Neither threads of gloo nor those of torch are waited for: another rank may be dead.
    os._exit(0)


def _listen(connection: Connection, stopped: Callable[[], None]) -> None:
    while True:
        try:
            message = connection.recv()
        except (EOFError, OSError):
            # The worker has ended, and its ranks are to end with it, whatever they do.
            os.killpg(os.getpid(), signal.SIGKILL)
        if message == STOP:
            stopped()


def _print_into(log: Path) -> None:
    """Let this process, and the libraries in it, print into a file."""
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.close(file)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)


def meet(place: Place) -> None:
    """Join the other ranks, and compute where the place says."""
    torch.set_num_threads(place.threads)
    limit_threads(place.threads)
    # Without an index it is the current one already, which torch refuses to be told.
    if place.device.type == "cuda" and place.device.index is not None:
        torch.cuda.set_device(place.device)
    connect(place.meeting, place.rank, place.ranks, place.device)


def _about(task: TrainingTask) -> dict[str, object]:
    return {
        "specification": task.specification.canonical_bytes().decode(),
        "seed": task.seed.hex(),
        "settings": asdict(task.settings),
    }


def _following(said: Beginning, device: torch.device) -> TrainingRun:
    """Return a training that only ever learns what it is told: what judging needs is rank 0's alone."""
    specification = parse_specification(said.about["specification"])
    shape = feature_shape(specification)
    task = TrainingTask(
        specification,
        bytes.fromhex(said.about["seed"]),
        np.zeros((0, *shape), np.int64),
        said.labels.numpy(),
        # The average that models are made of is rank 0's alone too.
        replace(TrainingSettings(**said.about["settings"]), averaging=0.0),
    )
    feature_map = FeatureMap(np.zeros(shape[:1], np.int64), np.zeros(shape[:1], np.float32))
    layer = None
    if said.above:
        mean, weight, bias = said.above
        layer = LayerAbove(mean, weight, bias, padding_of(specification)).on(device)
    data = TrainingData(task, feature_map, None, said.inputs.to(device), said.labels.to(device), layer)
    rule = StopRule(len(said.labels), float("inf"), time.monotonic, lambda: False)
    return TrainingRun(data, rule, report=lambda _: None, started=0.0, ranks=FollowingRank())


def _trained(
    connection: Connection, order: Order, rank: LeadingRank, device: torch.device, over: threading.Event
) -> Finished:
    sent: Candidate | None = None

    def report(progress: Progress) -> None:
        nonlocal sent
        better = None
        if progress.best is not None and progress.best is not sent:
            sent, better = progress.best, _file_of(progress.best)
        connection.send(Epoch(check_of(progress), progress.loss, progress.epoch_seconds, better))

    try:
        result = train(
            order.task,
            StopRule(order.needed, order.deadline, time.monotonic, over.is_set),
            random_seed=order.random_seed,
            device=device,
            report=report,
            checkpoints=replace(checkpoints_in(order.checkpoint), seconds=order.checkpoint_seconds),
            ranks=rank,
        )
    except AbandonedError:
        return Finished(None, StopReason.ROUND, 0, 0.0)
    return Finished(_file_of(result.candidate), result.reason, result.epochs, result.seconds)


def _file_of(candidate: Candidate) -> Trained:
    return Trained(model_file.save(candidate.model), candidate.evaluation.correct)
