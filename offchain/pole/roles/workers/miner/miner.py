"""What a miner works with, and what all its duties ask of it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pole.learning.evaluation.arrays import PROCESSOR, Place
from pole.protocol.encoding.commitments import solution_commitment
from pole.protocol.state import Solution
from pole.roles.memory import Claim, MinerMemory
from pole.roles.ports import Chain, Moment
from pole.roles.receiving.round_data import RoundData
from pole.roles.support.events import report
from pole.roles.support.waiting import PatientStore, RoundWatch
from pole.roles.training.learner import Learner
from pole.roles.workers.settlement import Settlement

LOG: Final = logging.getLogger("pole.miner")


@dataclass(frozen=True, slots=True)
class MinerSettings:
    """A miner's own choices.

    Seconds left before a deadline for sending, the minimum reward in wei, and whether it doubts tallies that
    contradict its own evaluation.
    """

    time_margin: float = 10.0
    minimum_reward: int = 0
    challenges: bool = True


@dataclass(slots=True)
class Miner:
    """Takes part in every round that pays enough.

    `clock` tells seconds of any epoch, `stopping` says whether the process is to end. Models that are done
    are evaluated at `place`. The newest round that it left alone is `given_up`.
    """

    chain: Chain
    store: PatientStore
    memory: MinerMemory
    data: RoundData
    learner: Learner
    settlement: Settlement
    settings: MinerSettings
    clock: Callable[[], float]
    stopping: Callable[[], bool]
    place: Place = PROCESSOR
    given_up: int = field(default=0, init=False)

    def end_round(self, round_id: int) -> None:
        """Delete what was fetched and kept of a round that has ended."""
        self.data.end(round_id)

    def give_up(self, round_id: int, reason: str) -> str:
        """Leave a round alone until it has ended, and say why."""
        self.given_up = round_id
        report(LOG, "skipped", f"Round {round_id}: not mining, {reason}.", round=round_id)
        return "skipped"

    def watch(self, moment: Moment) -> RoundWatch:
        """Return a watch over the moment's phase, for long work."""
        return RoundWatch(self.chain, moment.round_id, self.clock, self.stopping, frozenset({moment.phase}))

    def commitment(self, round_id: int, claim: Claim) -> bytes:
        """Return the commitment that binds this miner to a claim."""
        return solution_commitment(
            chain_id=self.chain.identity.chain_id,
            chain_address=self.chain.identity.chain_address,
            round_id=round_id,
            miner=self.chain.identity.address,
            model_digest=claim.model_digest,
            claimed_train_correct=claim.train_correct,
            salt=self.memory.salt(round_id),
        )

    def own_solution(self, round_id: int, claim: Claim) -> Solution | None:
        """Return this miner's solution as the chain shows it, None where it shows none."""
        commitment = self.commitment(round_id, claim)
        for solution in self.chain.solutions(round_id):
            if solution.miner == self.chain.identity.address and solution.commitment == commitment:
                return solution
        return None

    def model_path(self, round_id: int, digest: bytes) -> Path:
        """Return where a model of this miner is until its round has ended."""
        return self.data.models(round_id) / f"{digest.hex()}.safetensors"
