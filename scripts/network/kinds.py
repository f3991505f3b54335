"""The tasks and networks that are simulated."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from scripts.contracts.presets import read_presets
from scripts.economics.tables import read_parameters

from pole.protocol.amounts import wei
from pole.protocol.ballots import seats_asked
from pole.protocol.models.specification import ModelSpecification, parse_specification
from pole.protocol.models.work import judging_work
from pole.protocol.parameters import Parameters
from pole.protocol.rounds.rent import duration, judging_time
from pole.protocol.state import TaskTerms

ROOT: Final = Path(__file__).resolve().parents[2]
CHAIN_IDS: Final = {"devnet": 1337, "sepolia": 11155111}
GAS_LIMITS: Final = {"devnet": 30_000_000, "sepolia": 60_000_000}
"""Of a block: what `pole devnet up` starts its chain with, and Ethereum's since November 2025."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A task that many post: its example, samples, seconds of training from features on, and time limit.

    Rewards in wei are drawn between half and twice `reward`.
    """

    name: str
    example: str
    train_count: int
    test_count: int
    training: int
    time_limit: int
    reward: int

    @property
    def specification(self) -> ModelSpecification:
        """Return its model specification."""
        return _specification(self.example)

    @property
    def samples(self) -> int:
        """Return how many samples both sets have."""
        return self.train_count + self.test_count

    def terms(self, reward: int) -> TaskTerms:
        """Return its terms with a reward in wei; nobody is asked for an accuracy or a bond here."""
        return TaskTerms(
            reward=reward,
            data_bond=0,
            fee=0,
            time_limit=self.time_limit,
            min_training_time=0,
            min_solutions=1,
            required_train_accuracy=0,
            required_test_accuracy=0,
            train_count=self.train_count,
            test_count=self.test_count,
            work=judging_work(self.specification),
        )


KINDS: Final = (
    Kind("tiny", "iris-mlp", 120, 30, training=60, time_limit=300, reward=wei("0.1")),
    Kind("hour", "mnist-mlp", 60_000, 10_000, training=3600, time_limit=7200, reward=wei("1")),
)
"""Iris, and MNIST with an hour's training."""


@dataclass(frozen=True, slots=True)
class Network:
    """A chain below: its preset's name, seconds between blocks, gas limit of a block, and parameters."""

    name: str
    block_time: int
    gas_limit: int
    parameters: Parameters

    def seats(self, kind: Kind) -> int:
        """Return how many seats the first committee of such a task has."""
        return seats_asked(0, kind.reward, self.parameters.chain)

    def duration(self, kind: Kind) -> int:
        """Return how long a round may take at the most, in seconds: what the value of a task counts."""
        return duration(kind.terms(kind.reward), self.parameters.task_list)

    def judging_window(self, kind: Kind) -> int:
        """Return the seconds after which an absent vote is waited for no longer."""
        each = judging_time(kind.terms(kind.reward), self.parameters.task_list)
        return self.parameters.chain.vote_commit_window + self.parameters.chain.max_solutions * each


def read_networks() -> tuple[Network, ...]:
    """Return the devnet, and a public network of Ethereum's block time, with their parameter files."""
    presets = read_presets()
    found = []
    for name, chain_id in CHAIN_IDS.items():
        preset = presets[chain_id]
        assert preset.parameters is not None
        parameters = read_parameters(preset.parameters.name)
        found.append(Network(name, round(preset.block_time), GAS_LIMITS[name], parameters))
    return tuple(found)


@cache
def _specification(example: str) -> ModelSpecification:
    return parse_specification((ROOT / "examples" / f"{example}.json").read_bytes())
