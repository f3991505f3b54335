"""One training from start to stop.

A cycle is one warm-up and one cosine decay of the learning rate. Cycles follow each other, each twice as long
as the last, until the training accuracy that the task requires is reached, the round accepts no more
solutions, or time is up. What counts is never the torch network but the canonical model made of it, or of
its average over batches: that is evaluated, and the best one is kept.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pole.errors import AbandonedError
from pole.learning.evaluation import model_file
from pole.learning.evaluation.arrays import Place, place_of
from pole.learning.evaluation.canonical import CanonicalModel, Evaluation, evaluate
from pole.learning.evaluation.fixed_point import MalformedModelError
from pole.learning.machine.random_state import random_state, resume_random
from pole.learning.networks.export import to_canonical
from pole.learning.networks.network import Network
from pole.learning.parallel.ranks import ALONE, Ranks
from pole.learning.training.checkpoint import NO_CHECKPOINTS, Checkpoints, identity, pack, unpack
from pole.learning.training.losses import loss_of
from pole.learning.training.optimising.averaging import Average
from pole.learning.training.optimising.optimiser import Optimiser, optimiser_of
from pole.learning.training.optimising.precision import computes_in_bfloat16
from pole.learning.training.recipe import TrainingSettings, batch_count, rate_factor, shuffled
from pole.learning.training.stopping import StopReason, StopRule
from pole.learning.training.training_data import TrainingData

TIME_TOLERANCE: Final = 0.05
SECOND: Final = 1.0
PROBE: Final = 64
PARTS: Final = 256


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A canonical model and its evaluation on the training set."""

    model: CanonicalModel
    evaluation: Evaluation


@dataclass(frozen=True, slots=True, eq=False)
class Progress:
    """An epoch of training: its mean loss, how many seconds it took without judging, the seconds so far.

    `rate` is the learning rate of its last batch, `samples` how many samples it learned from. `best` is the
    best candidate so far, if any. `network` is what a model would be made of now, on its device, to be looked
    at only: the network, or its average.
    """

    epoch: int
    loss: float
    epoch_seconds: float
    seconds: float
    rate: float
    samples: int
    best: Candidate | None
    network: Network


@dataclass(slots=True)
class _Cycle:
    """The settings and length of a cycle, how much of it is done, and the optimiser's moments."""

    settings: TrainingSettings
    epochs: int
    optimiser: Optimiser
    begun: float
    done: int = 0


class TrainingRun:
    """The network, its cycle and the best candidate.

    Seconds count from `started`, by the clock of the rule. An epoch is reported as it ends, and a checkpoint
    is written where the last one is old enough. Of several `ranks` it is the first one's, whom others follow.
    """

    def __init__(
        self,
        data: TrainingData,
        rule: StopRule,
        *,
        report: Callable[[Progress], None],
        started: float,
        checkpoints: Checkpoints = NO_CHECKPOINTS,
        ranks: Ranks = ALONE,
    ) -> None:
        self.data, self.task, self.rule = data, data.task, rule
        self.report, self.started, self.checkpoints = report, started, checkpoints
        self.ranks = ranks
        self.device = data.inputs.device
        self.place = place_of(self.device)
        settings = self.task.settings
        self.batches = batch_count(len(data.inputs), settings.batch)
        self.network = Network(self.task.specification).to(self.device)
        self.average = self._new_average()
        shared = ranks.join(
            self.network, data.inputs, data.labels, above=data.layer.tensors if data.layer else ()
        )
        self.compute: Callable[[Tensor], Tensor] = torch.compile(shared) if settings.compiled else shared
        self.best: Candidate | None = None
        self.epochs = 0
        self.batch_seconds = 0.0
        self.kept_at = started
        self.cycle = self.new_cycle(settings, max(settings.epochs, math.ceil(settings.steps / self.batches)))
        self.evaluation_seconds = self._expected_evaluation()

    def until_stopped(self) -> StopReason:
        """Run cycle after cycle."""
        while True:
            self.ranks.begin_cycle(asdict(self.cycle.settings), self.state_tensors())
            while self.cycle.done < self.cycle.epochs:
                reason = self._epoch()
                if reason is not None:
                    return reason
                self._keep()
            if self._threshold_reached():
                return StopReason.THRESHOLD
            self.cycle = self._next_cycle()

    def _next_cycle(self) -> _Cycle:
        settings = replace(self.cycle.settings, label_smoothing=0.0, noise=0.0, shift=0, flip=False, cutout=0)
        if not all(bool(torch.isfinite(parameter).all()) for parameter in self.network.parameters()):
            # The new values go into the same tensors, which a compiled network holds.
            self.network.load_state_dict(Network(self.task.specification).to(self.device).state_dict())
            self.average = self._new_average()
            settings = replace(settings, learning_rate=settings.learning_rate / 4)
        return self.new_cycle(settings, 2 * self.cycle.epochs)

    def new_cycle(self, settings: TrainingSettings, epochs: int) -> _Cycle:
        """Return a cycle of so many epochs that begins now."""
        optimiser = optimiser_of(self.network.parameters(), settings)
        return _Cycle(settings, epochs, optimiser, self.rule.clock())

    def state_tensors(self) -> Iterator[Tensor]:
        """Yield what a batch changes: the network's tensors, then the optimiser's."""
        yield from (*self.network.parameters(), *self.network.buffers())
        yield from self.cycle.optimiser.tensors()

    def _new_average(self) -> Average | None:
        decay = self.task.settings.averaging
        return Average(self.network, decay) if decay > 0 else None

    @property
    def shipped(self) -> Network:
        """Return what a model would be made of now: the network, or its average."""
        return self.network if self.average is None else self.average.network

    def _epoch(self) -> StopReason | None:
        cycle, clock, begun = self.cycle, self.rule.clock, self.rule.clock()
        rate = 0.0
        total = torch.zeros((), device=self.device)
        for number, rows in enumerate(shuffled(len(self.data.inputs), self.batches)):
            reason = self._reason_to_stop()
            if reason is StopReason.TIME:
                self._judge_in_time()
            if reason is not None:
                return reason
            done = (cycle.done + number / self.batches) / cycle.epochs
            rate = cycle.settings.learning_rate * rate_factor(
                max(done, self._part_of_time() - TIME_TOLERANCE), cycle.settings.warm_up
            )
            before = clock()
            total += self.step(rows, rate)
            self.batch_seconds = clock() - before
        mean = float(total) / self.batches
        epoch_seconds = clock() - begun
        self.epochs += 1
        cycle.done += 1
        if self._is_to_be_judged():
            self._judge_in_time()
        self.report(self._progress(mean, epoch_seconds, rate))
        return StopReason.THRESHOLD if cycle.settings.eager and self._threshold_reached() else None

    def _progress(self, loss: float, epoch_seconds: float, rate: float) -> Progress:
        return Progress(
            epoch=self.epochs,
            loss=loss,
            epoch_seconds=epoch_seconds,
            seconds=self.rule.clock() - self.started,
            rate=rate,
            samples=len(self.data.inputs),
            best=self.best,
            network=self.shipped,
        )

    def step(self, rows: Tensor, rate: float) -> Tensor:
        """Learn from a batch of samples, given by their numbers, at a rate; return its loss."""
        settings, (rows, weight) = self.cycle.settings, self.ranks.part(rows, rate, self.epochs)
        rows = rows.to(self.device)
        inputs = self.data.batch(settings, rows, self.epochs)
        self.network.train()
        with torch.autocast(
            self.device.type, dtype=torch.bfloat16, enabled=computes_in_bfloat16(settings, inputs)
        ):
            logits = self.compute(inputs)
        loss_function = loss_of(self.task.specification, settings.label_smoothing)
        loss = weight * loss_function(logits.float(), self.data.labels[rows])
        loss.backward()  # type: ignore[no-untyped-call]
        self.cycle.optimiser.step(rate)
        if self.average is not None:
            self.average.update(self.network)
        return self.ranks.mean(loss.detach())

    def _is_to_be_judged(self) -> bool:
        """Return whether a model is made now: at a cycle's end, before it where a training may end there."""
        cycle = self.cycle
        if cycle.settings.eager or cycle.done == cycle.epochs:
            return True
        return cycle.done & (cycle.done - 1) == 0 and not self.rule.lets_cycles_end

    def _judge_in_time(self) -> None:
        """Judge the network unless that would end after the deadline and there is a candidate already."""
        end = self.rule.clock() + self.evaluation_seconds
        if self.best is None or end <= self.rule.deadline + SECOND:
            self._judge()

    def _judge(self) -> None:
        """Evaluate the network as it would be shipped, and keep it if no candidate is better."""
        begun = self.rule.clock()
        try:
            model = self._canonical()
        except MalformedModelError:
            # Diverged: the next cycle starts anew, and the report shows the loss.
            return
        try:
            evaluation = self._evaluate(model)
        except AbandonedError:
            # The rule that stopped it lets no batch follow.
            return
        if self.best is None or evaluation.correct >= self.best.evaluation.correct:
            self.best = Candidate(model, evaluation)
        self.evaluation_seconds = self.rule.clock() - begun

    def _evaluate(self, model: CanonicalModel) -> Evaluation:
        return evaluate(model, self.task.features, self.task.labels, self.place, self.rule.stop)

    def _canonical(self) -> CanonicalModel:
        task, data = self.task, self.data
        return to_canonical(self.shipped, task.specification, task.seed, data.feature_map, data.whitening)

    def _expected_evaluation(self) -> float:
        """Return how long judging will take, from a few samples; 0 where there is no deadline to keep."""
        if math.isinf(self.rule.deadline):
            return 0.0
        task = self.task
        return expected_seconds(self._canonical(), task.features, task.labels, self.place, self.rule.clock)

    def _reason_to_stop(self) -> StopReason | None:
        if self.rule.stop():
            return StopReason.ROUND
        if self.rule.clock() + self.batch_seconds + self.evaluation_seconds >= self.rule.deadline:
            return StopReason.TIME
        return None

    def _threshold_reached(self) -> bool:
        return self.best is not None and self.best.evaluation.correct >= self.rule.required_correct

    def _part_of_time(self) -> float:
        """Return how much of the time to the deadline the cycle has used: the rate decays before it."""
        left = self.rule.deadline - self.cycle.begun
        return (self.rule.clock() - self.cycle.begun) / left if left > 0 else 1.0

    def _keep(self) -> None:
        """Write a checkpoint, if the last one is old enough."""
        now = self.rule.clock()
        if now - self.kept_at < self.checkpoints.seconds:
            return
        self.checkpoints.write(pack(self._state(now), self.made_for))
        self.kept_at = self.rule.clock()

    def _state(self, now: float) -> dict[str, Any]:
        cycle, best = self.cycle, self.best
        return {
            "network": self.network.state_dict(),
            "optimiser": cycle.optimiser.state(),
            "average": None if self.average is None else self.average.state(),
            **random_state(self.device),
            "settings": asdict(cycle.settings),
            "cycle": {"epochs": cycle.epochs, "done": cycle.done, "seconds": now - cycle.begun},
            "epochs": self.epochs,
            "seconds": now - self.started,
            "best": None if best is None else model_file.save(best.model),
        }

    @property
    def made_for(self) -> str:
        """Return what its checkpoints are made for."""
        task = self.task
        return identity(task.specification, task.seed, task.settings, len(self.data.inputs))

    def resume(self, state: dict[str, Any]) -> None:
        """Go on where a checkpoint was written; seconds that have passed since do not count."""
        now, cycle = self.rule.clock(), state["cycle"]
        self.network.load_state_dict(state["network"])
        if self.average is not None:
            self.average.resume(state["average"])
        self.cycle = self.new_cycle(TrainingSettings(**state["settings"]), cycle["epochs"])
        self.cycle.optimiser.resume(state["optimiser"])
        self.cycle.done, self.cycle.begun = cycle["done"], now - cycle["seconds"]
        self.epochs, self.started = state["epochs"], now - state["seconds"]
        resume_random(state, self.device)
        if state["best"] is not None:
            model = model_file.load(state["best"], self.task.specification, self.task.seed)
            self.best = Candidate(model, self._evaluate(model))


def expected_seconds(
    model: CanonicalModel,
    features: NDArray[np.integer[Any]],
    labels: NDArray[np.int64],
    place: Place,
    clock: Callable[[], float],
) -> float:
    """Return how many seconds `clock` will take while a model is evaluated, from a few of the samples."""
    # Of many samples a part: what each call costs by itself would count for every few of them.
    count = max(PROBE * place.share, len(features) // PARTS)
    # One sample to warm up: a device loads what it computes with.
    evaluate(model, features[:1], labels[:1], place)
    begun = clock()
    evaluate(model, features[:count], labels[:count], place)
    return (clock() - begun) * max(1.0, len(features) / count)


def begin_or_resume(
    data: TrainingData,
    rule: StopRule,
    *,
    report: Callable[[Progress], None],
    started: float,
    checkpoints: Checkpoints,
    ranks: Ranks = ALONE,
) -> TrainingRun:
    """Return a training that goes on from the newest checkpoint of the same training, a new one without.

    Raises IntegrityError for a damaged checkpoint.
    """
    run = TrainingRun(data, rule, report=report, started=started, checkpoints=checkpoints, ranks=ranks)
    kept = checkpoints.read()
    state = None if kept is None else unpack(kept, run.made_for)
    if state is not None:
        run.resume(state)
    return run
