"""A user's learner in a process of its own, which may hang, exit or crash without harm to the worker.

What it sends back is bytes: `MODEL` and a model file, `NOTE` and an epoch, `FAILED` and a sentence, `DONE`.
It is sent the score of each model, in decimal digits, and `STOP` once the round is over. It ends when the
worker does.
"""

import json
import os
import signal
import threading
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from typing import Final

import torch

from pole.errors import InputError, PoleError
from pole.learning.importing.lines import TheirError, after_comma, line_of_code, their_code
from pole.learning.machine.threads import limit_threads
from pole.learning.networks.network import Network
from pole.learning.training.losses import loss_of
from pole.learning.training.training_data import TrainingData, TrainingTask, prepare
from pole.roles.training.job import Result, TrainingJob
from pole.roles.training.learner_source import open_learner
from pole.roles.training.result_file import result_file

MODEL: Final = b"m"
NOTE: Final = b"n"
FAILED: Final = b"f"
DONE: Final = b"d"
STOP: Final = b"stop"


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """What to train for how many seconds, and with what."""

    task: TrainingTask
    needed: int
    seconds: float
    device: torch.device
    threads: int
    folder: Path
    random_seed: int = field(repr=False)


def check(connection: Connection, source: str) -> None:
    """Send DONE if the learner can be made, else FAILED."""
    _begin()
    try:
        open_learner(source)
    except InputError as error:
        connection.send_bytes(FAILED + str(error).encode())
        return
    connection.send_bytes(DONE)


def train(connection: Connection, source: str, order: Order) -> None:
    """Send every model that the learner reports or returns, then DONE, or FAILED with the user's line."""
    begun = time.monotonic()
    _begin()
    torch.set_num_threads(order.threads)
    limit_threads(order.threads)
    torch.manual_seed(order.random_seed)
    try:
        _learn(source, order, _Desk(connection, prepare(order.task, order.device)), begun)
    except PoleError as error:
        connection.send_bytes(FAILED + str(error).encode())
        return
    connection.send_bytes(DONE)


def _begin() -> None:
    # Ctrl-C is the worker's to answer, and all that a learner starts ends with it.
    os.setsid()


def _learn(source: str, order: Order, desk: "_Desk", begun: float) -> None:
    learner = open_learner(source)
    job = _job(order, desk, begun)
    line = line_of_code(learner.train)
    try:
        with their_code():
            result = learner.train(job)
    except TheirError as error:
        at = after_comma(error.line or line)
        raise InputError(f"{source} failed{at}: {error.reason}; correct it.") from error
    if result is None:
        return
    try:
        desk.report(result)
    except PoleError as error:
        raise InputError(
            f"The result of {source}{after_comma(line)}, cannot be used: {str(error).rstrip('.')}."
        ) from error


def _job(order: Order, desk: "_Desk", begun: float) -> TrainingJob:
    task, data = order.task, desk.data

    def seconds_left() -> float:
        return max(0.0, begun + order.seconds - time.monotonic())

    return TrainingJob(
        specification=task.specification,
        seed=task.seed,
        features=task.features,
        labels=task.labels,
        inputs=data.inputs,
        targets=data.labels,
        network=Network(task.specification).to(order.device),
        loss=loss_of(task.specification, 0.0),
        needed=order.needed,
        device=order.device,
        folder=order.folder,
        seconds_left=seconds_left,
        stop=lambda: desk.over.is_set() or seconds_left() == 0,
        report=desk.report,
        note=desk.note,
    )


class _Desk:
    """The child's end of the line: `over` is set once the round is."""

    def __init__(self, connection: Connection, data: TrainingData) -> None:
        self.connection, self.data = connection, data
        self.over = threading.Event()
        self.scores: SimpleQueue[int] = SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def report(self, result: Result) -> int:
        """Send a model and return its score; 0 once the round is over."""
        file = result_file(result, self.data)
        if self.over.is_set():
            return 0
        self.connection.send_bytes(MODEL + file)
        return self.scores.get()

    def note(self, epoch: int, loss: float, learning_rate: float | None = None) -> None:
        """Send how an epoch went; raises InputError for what is no number."""
        try:
            rate = None if learning_rate is None else float(learning_rate)
            told = json.dumps([int(epoch), float(loss), rate])
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(f"An epoch, its loss and its learning rate are numbers: {error}.") from error
        if not self.over.is_set():
            self.connection.send_bytes(NOTE + told.encode())

    def _listen(self) -> None:
        while True:
            try:
                message = self.connection.recv_bytes()
            except (EOFError, OSError):
                # The worker has ended, and its learner is to end with it, whatever it does.
                os.killpg(os.getpid(), signal.SIGKILL)
            if message == STOP:
                self.over.set()
                self.scores.put(0)
            else:
                self.scores.put(int(message))
