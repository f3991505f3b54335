"""What a miner works with, and what all its duties ask of it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from pole.learning.evaluation.arrays import PROCESSOR, Place
from pole.protocol.encoding.commitments import solution_commitment
from pole.protocol.state import Phase, Solution
from pole.roles.memory import Claim, MinerMemory
from pole.roles.ports import Chain, Moment
from pole.roles.receiving.round_data import RoundData
from pole.roles.support.events import report
from pole.roles.support.urgent import Urgent
from pole.roles.support.waiting import PatientStore, RoundWatch, Sight
from pole.roles.training.history.file import HistoryFile
from pole.roles.training.learner import Learner
from pole.roles.workers.settlement import Settlement

LOG: Final = logging.getLogger("pole.miner")


@dataclass(frozen=True, slots=True)
class MinerSettings:
    """A miner's own choices.

    Seconds left before a deadline for sending, the minimum reward in wei, whether it doubts tallies that
    contradict its own evaluation, in how many lanes it works at once, and how many Ethereum blocks its model
    waits for after the release of the test set. In wei, None for no bound, and for joining a round alone: the
    maximum price of a unit of gas, what may be spent on gas altogether, and the minimum profit to expect.
    """

    time_margin: float = 10.0
    minimum_reward: int = 0
    challenges: bool = True
    lanes: int = 1
    confirmations: int = 0
    maximum_fee: int | None = None
    gas_budget: int | None = None
    minimum_profit: int | None = None


@dataclass(slots=True)
class Miner:
    """Takes part in rounds that pay enough, from one's training to its end.

    `clock` tells seconds of any epoch, `stopping` says whether the process is to end, `draining` whether it
    is to join no more rounds. Models that are done are evaluated at `place`, and how their training went is
    kept in `history`. The rounds that it left alone
    are `given_up`; those whose files it could not get are `postponed`, with the time of the last try. Of
    those `put_off` it said why it does not join them now, of those `joined` what they promise, of those
    `hidden` that the node does not show their commitment.
    """

    chain: Chain
    store: PatientStore
    memory: MinerMemory
    data: RoundData
    learner: Learner
    history: HistoryFile
    settlement: Settlement
    settings: MinerSettings
    clock: Callable[[], float]
    stopping: Callable[[], bool]
    draining: Callable[[], bool] = lambda: False
    place: Place = PROCESSOR
    given_up: set[int] = field(default_factory=set, init=False)
    postponed: dict[int, float] = field(default_factory=dict, init=False)
    put_off: set[int] = field(default_factory=set, init=False)
    joined: set[int] = field(default_factory=set, init=False)
    hidden: set[int] = field(default_factory=set, init=False)
    urgent: Urgent = field(init=False)
    sight: Sight = field(default_factory=Sight, init=False)

    def __post_init__(self) -> None:
        self.urgent = Urgent(self.clock, self.owes)

    def end_round(self, round_id: int) -> None:
        """Delete what was fetched and kept of a round that has ended."""
        self.data.end(round_id)
        self.given_up.discard(round_id)
        self.postponed.pop(round_id, None)
        self.put_off.discard(round_id)
        self.joined.discard(round_id)
        self.hidden.discard(round_id)

    def give_up(self, round_id: int, reason: str) -> str:
        """Leave a round alone until it has ended, and say why."""
        self.given_up.add(round_id)
        report(LOG, "skipped", f"Round {round_id}: not mining, {reason}.", round=round_id)
        return "skipped"

    def watch(self, moment: Moment) -> RoundWatch:
        """Return a watch over the moment's phase, for long work that a reveal or challenge may interrupt."""
        watch = RoundWatch(self.chain, moment.round_id, self.clock, self.stopping, frozenset({moment.phase}))
        watch.meanwhile = partial(self.urgent.interrupt, moment)
        watch.sight = self.sight
        return watch

    def takes_part(self, round_id: int) -> bool:
        """Return whether this miner has begun to work in a round, and nothing has ended that."""
        claims = (self.memory.claim(round_id), self.memory.first_claim(round_id))
        is_over = round_id in self.given_up or self.memory.has_reported_displaced(round_id)
        return any(claim is not None for claim in claims) and not is_over

    def owes(self, moment: Moment) -> bool:
        """Return whether a round asks for what this miner must not miss: its reveal, or its challenge."""
        if moment.phase is Phase.REVEAL:
            return not self.memory.has_revealed(moment.round_id) and self.takes_part(moment.round_id)
        if moment.phase is Phase.CHALLENGE and self.settings.challenges:
            is_done = self.memory.has_considered_tally(moment.ballot_id)
            return not is_done and self.takes_part(moment.round_id)
        return False

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

    def committed(self, round_id: int) -> tuple[Claim, Solution] | None:
        """Return what this miner is committed to as the chain shows it, None where it shows nothing."""
        claims = (self.memory.claim(round_id), self.memory.first_claim(round_id))
        own = {self.commitment(round_id, claim): claim for claim in claims if claim is not None}
        for solution in self.chain.solutions(round_id) if own else ():
            if solution.miner == self.chain.identity.address and solution.commitment in own:
                return own[solution.commitment], solution
        return None

    def model_path(self, round_id: int, digest: bytes) -> Path:
        """Return where a model of this miner is until its round has ended."""
        return self.data.models(round_id) / f"{digest.hex()}.safetensors"
