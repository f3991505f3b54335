"""What a verifier works with, and what all its duties ask of it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pole.learning.evaluation.arrays import PROCESSOR, Place
from pole.protocol.encoding.commitments import vote_commitment
from pole.protocol.state import Phase, Vote
from pole.roles.judging.assessment import Assessment
from pole.roles.memory import VerifierMemory
from pole.roles.ports import Chain, Moment
from pole.roles.receiving.round_data import RoundData
from pole.roles.support.urgent import Urgent
from pole.roles.support.waiting import PatientStore, RoundWatch, Sight, are_commitments_buried
from pole.roles.workers.settlement import Settlement

LOG: Final = logging.getLogger("pole.verifier")


@dataclass(slots=True)
class Verifier:
    """Votes whenever its wallet is drawn.

    `time_margin` is how many seconds its transaction needs: so long before the end of the vote, and the
    longest pause between two steps, it votes with what it could get hold of by then. `clock` tells seconds of
    any epoch, `stopping` says whether the process is to end, `draining` whether it is to give its seat up, by
    a transaction that `next_intent` names. Models are evaluated at `place`, by an `eager` one as soon as they
    are revealed, by others when they are drawn. Votes are shown `confirmations` Ethereum blocks after the end
    of the commitments.

    What a look at the chain showed is in memory alone: the phases that data was `prepared` for, for each
    round the draw and block that did not name it (`not_drawn`), and what models do (`assessments`).
    """

    chain: Chain
    store: PatientStore
    memory: VerifierMemory
    data: RoundData
    settlement: Settlement
    time_margin: float
    clock: Callable[[], float]
    stopping: Callable[[], bool]
    next_intent: Callable[[str], str]
    draining: Callable[[], bool] = lambda: False
    place: Place = PROCESSOR
    eager: bool = False
    confirmations: int = 0
    prepared: set[tuple[int, Phase]] = field(default_factory=set, init=False)
    not_drawn: dict[int, tuple[int, bytes, int]] = field(default_factory=dict, init=False)
    assessments: dict[int, dict[bytes, Assessment]] = field(default_factory=dict, init=False)
    has_tried_to_leave: bool = field(default=False, init=False)
    urgent: Urgent = field(init=False)
    sight: Sight = field(default_factory=Sight, init=False)

    def __post_init__(self) -> None:
        self.urgent = Urgent(self.clock, self.owes)

    def end_round(self, round_id: int) -> None:
        """Delete what was fetched and kept of a round that has ended."""
        self.data.end(round_id)
        self.assessments.pop(round_id, None)
        self.not_drawn.pop(round_id, None)
        self.prepared = {each for each in self.prepared if each[0] != round_id}

    def watch(self, moment: Moment, phases: frozenset[Phase]) -> RoundWatch:
        """Return a watch for long work that ends when the round is in none of `phases` any more."""
        return RoundWatch(self.chain, moment.round_id, self.clock, self.stopping, phases, sight=self.sight)

    def owes(self, moment: Moment) -> bool:
        """Return whether this wallet is drawn into a moment's ballot and has its vote or reveal to send."""
        if moment.phase is Phase.VOTE_COMMIT:
            return self._owes_vote(moment)
        if moment.phase is Phase.VOTE_REVEAL and self._may_show(moment):
            ballot_id, entropy = moment.ballot_id, self.chain.round(moment.round_id).entropy
            is_kept = self.memory.votes(ballot_id, entropy) is not None
            return is_kept and not self.memory.has_revealed(ballot_id, entropy)
        return False

    def _may_show(self, moment: Moment) -> bool:
        """Return whether votes may be shown: before, a reorganisation could open the commitments again."""
        return are_commitments_buried(moment, self.chain.parameters.chain.window_blocks, self.confirmations)

    def is_to_leave(self) -> bool:
        """Return whether it drains, and has not tried yet to give its seat up."""
        return self.draining() and not self.has_tried_to_leave

    def sits(self, moment: Moment) -> bool:
        """Return whether a ballot is open that this wallet was drawn into: a penalty hangs on it."""
        is_open = moment.phase in (Phase.VOTE_COMMIT, Phase.VOTE_REVEAL)
        return is_open and self.chain.identity.address in self.chain.ballot(moment.ballot_id).members

    def _owes_vote(self, moment: Moment) -> bool:
        ballot_id, entropy = moment.ballot_id, self.chain.round(moment.round_id).entropy
        look = (ballot_id, entropy, moment.block)
        if self.not_drawn.get(moment.round_id) == look or self.memory.has_voted(ballot_id, entropy):
            return False
        is_drawn = self.chain.identity.address in self.chain.ballot(ballot_id).members
        if not is_drawn:
            self.not_drawn[moment.round_id] = look
        return is_drawn

    def commitment(self, ballot_id: int, votes: tuple[Vote, ...]) -> bytes:
        """Return the commitment that binds this verifier to votes."""
        return vote_commitment(
            chain_id=self.chain.identity.chain_id,
            committee_address=self.chain.identity.committee_address,
            ballot_id=ballot_id,
            verifier=self.chain.identity.address,
            votes=votes,
            salt=self.memory.salt(ballot_id),
        )


def ballot_name(moment: Moment) -> str:
    """Return how people call the ballot of a moment."""
    again = f", committee {moment.attempt + 1}" if moment.attempt else ""
    return f"Round {moment.round_id}{again}"
