"""What the pages of trainings show, out of the files of miners."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from pole.adapters.history.trainings import MinerTrainings
from pole.explore.views.looking import ROWS, NotThereError, Time
from pole.quoting import quoted
from pole.roles.training.history.trainings import Outcome, Training, thinned


class Standing(Enum):
    """How a training stands: how it ended, or that it goes on or was broken off.

    A miner trains for one round at a time: of those without an end the newest may go on.
    """

    GOAL = Outcome.GOAL.value
    BELOW = Outcome.BELOW.value
    STOPPED = Outcome.STOPPED.value
    FAILED = Outcome.FAILED.value
    OPEN = "open"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Network:
    """The network that the index is of: its chain, and the first eight digits of PoLeChain's address."""

    chain_id: int
    contract: str


@dataclass(frozen=True, slots=True)
class MinerLine:
    """A miner on this machine; `here` says that it works on the network that the other pages are of.

    `wallet` is the wallet's name, "" where its file is gone, `address` the first digits of its address.
    `fault` says why its history cannot be shown, "" where it can.
    """

    name: str
    wallet: str
    address: str
    chain_id: int
    contract: str
    here: bool
    rounds: int
    fault: str


@dataclass(frozen=True, slots=True)
class TrainingLine:
    """A training as far as it went, None for what is not known.

    `correct` of `samples` are right by the best model, `needed` are asked for. `newest` is when it was last
    heard of. `loss`, `learning_rate` and `samples_per_second` are of the newest epoch that is kept.
    """

    miner: str
    wallet: str
    chain_id: int
    contract: str
    here: bool
    round_id: int
    task_id: int
    lane: int
    learner: str
    standing: Standing
    began: Time
    newest: Time
    epoch: int
    samples: int
    needed: int
    correct: int | None
    loss: float | None
    learning_rate: float | None
    seconds: float
    samples_per_second: float | None


@dataclass(frozen=True, slots=True)
class CheckLine:
    """A training at the end of an epoch: see TrainingLine."""

    epoch: int
    loss: float | None
    correct: int | None
    learning_rate: float | None
    seconds: float
    samples_per_second: float | None
    time: Time


@dataclass(frozen=True, slots=True)
class TrainingsPage:
    """The miners of this machine, those of this network first, and the trainings that went on last."""

    miners: tuple[MinerLine, ...]
    trainings: tuple[TrainingLine, ...]


@dataclass(frozen=True, slots=True)
class MinerPage:
    """A miner, one of its trainings with what is kept of its epochs, and the trainings that there are."""

    miner: MinerLine
    training: TrainingLine | None
    checks: tuple[CheckLine, ...]
    trainings: tuple[TrainingLine, ...]


def trainings_page(miners: Sequence[MinerTrainings], network: Network) -> TrainingsPage:
    """Return all miners and their newest trainings."""
    lines = [line for miner in miners for line in _lines(miner, network)]
    lines.sort(key=lambda line: line.newest, reverse=True)
    known = sorted((_miner(miner, network) for miner in miners), key=lambda line: not line.here)
    return TrainingsPage(tuple(known), tuple(lines[:ROWS]))


def miner_page(
    miners: Sequence[MinerTrainings], network: Network, name: str, round_id: int | None
) -> MinerPage:
    """Return a miner's training for a round, the one that was heard of last where none is given.

    Raises NotThereError where there is no such miner or training.
    """
    miner = next((each for each in miners if each.name == name), None)
    if miner is None:
        raise NotThereError(f"No miner of this machine has its work in a folder {quoted(name)}.")
    lines = _lines(miner, network)
    chosen = next((line for line in lines if round_id in (None, line.round_id)), None)
    if chosen is None and round_id is not None:
        raise NotThereError(f"Of round {round_id} this miner keeps no training.")
    shown = [each for each in miner.trainings if chosen and each.start.round_id == chosen.round_id]
    return MinerPage(
        miner=_miner(miner, network),
        training=chosen,
        checks=tuple(check for training in shown for check in _checks(thinned(training))),
        trainings=tuple(lines[:ROWS]),
    )


def _is_here(miner: MinerTrainings, network: Network) -> bool:
    return (miner.chain_id, miner.contract) == (network.chain_id, network.contract)


def _miner(miner: MinerTrainings, network: Network) -> MinerLine:
    return MinerLine(
        name=miner.name,
        wallet=miner.wallet,
        address=miner.address,
        chain_id=miner.chain_id,
        contract=miner.contract,
        here=_is_here(miner, network),
        rounds=len(miner.trainings),
        fault=miner.fault,
    )


def _lines(miner: MinerTrainings, network: Network) -> list[TrainingLine]:
    """Return a miner's trainings, that which went on last at first."""
    newest_first = list(reversed(miner.trainings))
    return [
        _line(miner, training, network, may_go_on=place == 0) for place, training in enumerate(newest_first)
    ]


def _line(miner: MinerTrainings, training: Training, network: Network, *, may_go_on: bool) -> TrainingLine:
    start, ending = training.start, training.ending
    last = training.checks[-1] if training.checks else None
    return TrainingLine(
        miner=miner.name,
        wallet=miner.wallet,
        chain_id=miner.chain_id,
        contract=miner.contract,
        here=_is_here(miner, network),
        round_id=start.round_id,
        task_id=start.task_id,
        lane=start.lane,
        learner=start.learner,
        standing=Standing(ending.outcome.value) if ending else _without_end(may_go_on=may_go_on),
        began=Time(training.began),
        newest=Time(training.newest),
        epoch=last.epoch if last else 0,
        samples=start.samples,
        needed=start.needed,
        correct=ending.correct if ending and ending.correct is not None else last.correct if last else None,
        loss=last.loss if last else None,
        learning_rate=last.learning_rate if last else None,
        seconds=ending.seconds if ending else last.seconds if last else 0.0,
        samples_per_second=last.samples_per_second if last else None,
    )


def _without_end(*, may_go_on: bool) -> Standing:
    return Standing.OPEN if may_go_on else Standing.BROKEN


def _checks(training: Training) -> list[CheckLine]:
    return [
        CheckLine(
            epoch=check.epoch,
            loss=check.loss,
            correct=check.correct,
            learning_rate=check.learning_rate,
            seconds=check.seconds,
            samples_per_second=check.samples_per_second,
            time=Time(check.time),
        )
        for check in training.checks
    ]
