"""What happens when: for every worker, the duty that it has in each phase of a round.

docs/architecture.md shows these tables side by side. A worker settles rounds that have ended in every phase
in which it has no duty; a keeper leaves the round alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic

from pole.protocol.state import ENDED, Phase
from pole.roles.loop import Duty, Means
from pole.roles.ports import Moment
from pole.roles.support.waiting import Sight
from pole.roles.workers import keeper as keeping
from pole.roles.workers.data_node.data_node import DataNode, settle
from pole.roles.workers.data_node.issuing import issue_keys
from pole.roles.workers.data_node.releasing import close_submissions, release_test_set
from pole.roles.workers.keeper import Keeper
from pole.roles.workers.key_holder.contributing import make_keys
from pole.roles.workers.key_holder.key_holder import KeyHolder
from pole.roles.workers.miner.challenging import challenge_tally
from pole.roles.workers.miner.miner import Miner
from pole.roles.workers.miner.revealing import reveal_model
from pole.roles.workers.miner.training import train_and_commit
from pole.roles.workers.stakes import OF_DATA_NODE, OF_KEY_HOLDER, OF_MINER, OF_VERIFIER, Stakes
from pole.roles.workers.verifier.evaluating import prepare_data, prepare_models
from pole.roles.workers.verifier.verifier import Verifier
from pole.roles.workers.verifier.voting import reveal_votes, vote


@dataclass(frozen=True, slots=True)
class Worker(Generic[Means]):
    """What a worker works with, its duty in each phase, the one in all other phases, and what is at stake.

    `sight` is shown what it sees during long work.
    """

    means: Means
    duties: Mapping[Phase, Duty[Means]]
    otherwise: Duty[Means]
    stakes: Stakes[Means] = field(default_factory=Stakes)
    sight: Sight = field(default_factory=Sight)

    def step(self, moment: Moment) -> str | None:
        """Do what is due; return the name of what was done, None when nothing was due."""
        return self.duties.get(moment.phase, self.otherwise)(self.means, moment)

    def at_stake(self, moments: Sequence[Moment]) -> Iterable[str]:
        """See Participant."""
        return self.stakes.at_stake(self.means, moments)

    def owed(self, moments: Sequence[Moment]) -> Iterable[str]:
        """See Participant."""
        return self.stakes.owed(self.means, moments)

    def owes(self, moment: Moment) -> bool:
        """See Participant."""
        return self.stakes.owes(self.means, moment)

    def give_up(self) -> str | None:
        """See Participant."""
        return self.stakes.give_up(self.means)


def end_round(worker: Miner | Verifier, moment: Moment) -> str | None:
    """Delete what was kept of the round, and settle it."""
    worker.end_round(moment.round_id)
    return worker.settlement.step(moment)


def settle_rounds(worker: Verifier | KeyHolder, moment: Moment) -> str | None:
    """Settle rounds that have ended: pin their blocks, fetch what was earned."""
    return worker.settlement.step(moment)


def look_on(miner: Miner, moment: Moment) -> str | None:
    """Settle rounds that have ended; come back to this one, whose block may pay an ommer of the miner's."""
    if moment.phase not in (Phase.NONE, *ENDED):
        miner.settlement.follow(moment.round_id)
    return miner.settlement.step(moment)


MINER: Final[Mapping[Phase, Duty[Miner]]] = {
    Phase.TRAINING: train_and_commit,
    Phase.REVEAL: reveal_model,
    Phase.CHALLENGE: challenge_tally,
    Phase.FINAL: end_round,
    Phase.VOID: end_round,
}

VERIFIER: Final[Mapping[Phase, Duty[Verifier]]] = {
    Phase.TRAINING: prepare_data,
    Phase.REVEAL: prepare_models,
    Phase.DRAW: prepare_models,
    Phase.VOTE_COMMIT: vote,
    Phase.VOTE_REVEAL: reveal_votes,
    Phase.FINAL: end_round,
    Phase.VOID: end_round,
}

DATA_NODE: Final[Mapping[Phase, Duty[DataNode]]] = {
    Phase.KEYS: issue_keys,
    Phase.TRAINING: close_submissions,
    Phase.TEST_RELEASE: release_test_set,
}

KEY_HOLDER: Final[Mapping[Phase, Duty[KeyHolder]]] = {
    Phase.KEYS: make_keys,
}

KEEPER: Final[Mapping[Phase, Duty[Keeper]]] = {
    Phase.NONE: keeping.open_round,
    Phase.SEED: keeping.draw_seed,
    Phase.TEST_RELEASE: keeping.end_training,
    Phase.DRAW: keeping.draw_committee,
    Phase.VOTE_COMMIT: keeping.end_votes,
    Phase.VOTE_REVEAL: keeping.end_votes,
    Phase.CHALLENGE: keeping.finalise_next,
    Phase.SETTLEMENT: keeping.finalise,
    Phase.FINAL: keeping.open_round,
    Phase.VOID: keeping.open_round,
}


def miner(means: Miner) -> Worker[Miner]:
    """Return a miner at work."""
    worker = Worker(means, MINER, look_on, OF_MINER, means.sight)
    means.urgent.duty = worker.step
    return worker


def verifier(means: Verifier) -> Worker[Verifier]:
    """Return a verifier at work."""
    worker = Worker(means, VERIFIER, settle_rounds, OF_VERIFIER, means.sight)
    means.urgent.duty = worker.step
    return worker


def data_node(means: DataNode) -> Worker[DataNode]:
    """Return a data node at work."""
    return Worker(means, DATA_NODE, settle, OF_DATA_NODE)


def key_holder(means: KeyHolder) -> Worker[KeyHolder]:
    """Return a key holder at work."""
    return Worker(means, KEY_HOLDER, settle_rounds, OF_KEY_HOLDER)


def keeper(means: Keeper) -> Worker[Keeper]:
    """Return a keeper at work."""
    return Worker(means, KEEPER, keeping.leave_alone)
