"""The verifier: when drawn into a committee, evaluates every judged model, commits its votes, reveals them.

It does so for every committee of a round that it is drawn into, and evaluates once for each draw of the
audit sample. The votes and their salt are on disk before the commitment is sent. What a look did not show is
never kept on disk: a node may lag behind, and a reorganisation draws anew.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pole.errors import AbandonedError, UnreachableError
from pole.learning.evaluation.arrays import PROCESSOR, Place
from pole.learning.threads import Stop
from pole.protocol.encoding.commitments import SALT_BYTES, vote_commitment
from pole.protocol.state import FileRef, Phase, Round, Verdict, Vote
from pole.roles.judging.assessment import (
    Assessment,
    Evidence,
    assess,
    gather,
    read_votes,
    vote_on,
    without_numbers,
    write_votes,
)
from pole.roles.loop import SETTLED
from pole.roles.ports import Chain, Journal, Moment
from pole.roles.receiving.round_data import RoundData
from pole.roles.receiving.task_data import DataFault
from pole.roles.support.events import tell
from pole.roles.support.files import Wanted, fetch
from pole.roles.support.patience import LONGEST_PAUSE, PatientStore
from pole.roles.support.round_watch import RoundWatch
from pole.roles.workers.settlement import Settlement

LOG: Final = logging.getLogger("pole.verifier")
DONE: Final = b"done"
NOT_VOTED: Final = bytes(32)
# Features computed too early serve the vote, later ones nothing.
_PREPARING: Final = frozenset(
    {Phase.TRAINING, Phase.TEST_RELEASE, Phase.REVEAL, Phase.DRAW, Phase.VOTE_COMMIT}
)


@dataclass(slots=True)
class Verifier:
    """Votes whenever its wallet is drawn.

    `time_margin` is how many seconds its transaction needs: so long before the end of the vote, and the
    longest pause between two steps, it votes with what it could get hold of by then. `random_bytes` makes
    salts, `clock` tells seconds of any epoch, `stopping` says whether the process is to end. Models are
    evaluated at `place`.
    """

    chain: Chain
    store: PatientStore
    journal: Journal
    home: Path
    data: RoundData
    settlement: Settlement
    time_margin: float
    random_bytes: Callable[[int], bytes]
    clock: Callable[[], float]
    stopping: Callable[[], bool]
    place: Place = PROCESSOR
    _prepared: tuple[int, Phase] = field(default=(0, Phase.NONE), init=False)
    _not_drawn: tuple[str, int] = field(default=("", 0), init=False)
    _assessments: dict[tuple[bytes, bytes], Assessment] = field(default_factory=dict, init=False)

    def step(self, moment: Moment) -> str | None:
        """Do what the round asks of a verifier now."""
        match moment.phase:
            case Phase.TRAINING | Phase.REVEAL:
                return self._prepare(moment)
            case Phase.VOTE_COMMIT:
                return self._vote(moment)
            case Phase.VOTE_REVEAL:
                return self._reveal(moment)
        if moment.phase in SETTLED:
            self.data.end(moment.round_id)
            self._assessments.clear()
        return self.settlement.step(moment)

    def _prepare(self, moment: Moment) -> str | None:
        """Compute features ahead of the vote; what fails here is tried again when the vote needs it."""
        if self._prepared == (moment.round_id, moment.phase):
            return None
        self._prepared = (moment.round_id, moment.phase)
        open_round, stop = self.chain.round(moment.round_id), self._watch(moment, _PREPARING)
        try:
            with self.store.until(moment.deadline - moment.timestamp):
                if moment.phase is Phase.REVEAL:
                    self.data.test_set(open_round, stop=stop)
                elif open_round.terms.audit_count == 0:
                    self.data.training_set(open_round, stop=stop)
        except (DataFault, UnreachableError, AbandonedError) as error:
            LOG.info("Round %d: cannot prepare its data: %s", moment.round_id, error)
            return None
        return "prepared"

    def _vote(self, moment: Moment) -> str | None:
        ballot_id, open_round = moment.ballot_id, self.chain.round(moment.round_id)
        draw = _draw(ballot_id, open_round)
        if self._not_drawn == (draw, moment.block) or self.journal.get(f"voted/{draw}"):
            return None
        if self.chain.identity.address not in self.chain.ballot(ballot_id).members:
            self._not_drawn = (draw, moment.block)
            return None
        try:
            votes = self._votes(moment, open_round)
        except AbandonedError as error:
            LOG.warning("%s: not voted. %s", _named(moment), error)
            return None
        self.settlement.follow(moment.round_id)
        commitment = self._commitment(ballot_id, votes)
        self.chain.commit_vote(ballot_id, commitment, intent=f"vote/{_sealed(ballot_id, commitment)}")
        self.journal.put(f"voted/{draw}", DONE)
        verdicts = ", ".join(vote.verdict.name for vote in votes)
        told = f"{_named(moment)}: voted {verdicts}."
        tell(LOG, "voted", told, round=moment.round_id, attempt=moment.attempt, verdicts=verdicts)
        return "voted"

    def _reveal(self, moment: Moment) -> str | None:
        ballot_id = moment.ballot_id
        draw = _draw(ballot_id, self.chain.round(moment.round_id))
        kept = self.journal.get(f"votes/{draw}")
        if kept is None or self.journal.get(f"vote-revealed/{draw}"):
            return None
        commitment, revealed = self.chain.vote_state(ballot_id, self.chain.identity.address)
        if commitment == NOT_VOTED:
            return None
        if not revealed:
            intent = f"reveal-vote/{_sealed(ballot_id, commitment)}"
            self.chain.reveal_vote(ballot_id, read_votes(kept), self._salt(ballot_id), intent=intent)
            told = f"{_named(moment)}: revealed its votes."
            tell(LOG, "vote-revealed", told, round=moment.round_id, attempt=moment.attempt)
        self.journal.put(f"vote-revealed/{draw}", DONE)
        return "vote-revealed"

    def _votes(self, moment: Moment, open_round: Round) -> tuple[Vote, ...]:
        """Return the votes in the order of choices; raises UnreachableError while a file may still arrive."""
        key = f"votes/{_draw(moment.ballot_id, open_round)}"
        kept = self.journal.get(key)
        if kept is not None:
            return read_votes(kept)
        left = moment.deadline - moment.timestamp - self.time_margin - LONGEST_PAUSE
        models = self._models(moment.round_id)
        stop = self._watch(moment, frozenset({Phase.VOTE_COMMIT}))
        try:
            with self.store.until(left):
                evidence = self._evidence(open_round, stop, last_chance=left <= 0)
                votes = self._judge(models, (open_round, evidence), moment, stop, last_chance=left <= 0)
        except DataFault as fault:
            LOG.warning("Round %d: its data is faulty: %s", moment.round_id, fault)
            votes = (without_numbers(Verdict.DATA_FAULT),) * len(models)
        self.journal.put(key, write_votes(votes))
        return votes

    def _watch(self, moment: Moment, phases: frozenset[Phase]) -> Stop:
        return RoundWatch(self.chain, moment.round_id, self.clock, self.stopping, phases).over

    def _evidence(self, open_round: Round, stop: Stop, *, last_chance: bool) -> Evidence:
        try:
            return gather(self.data, open_round, stop=stop)
        except UnreachableError as error:
            # An idle round's data comes from no data node: only the chain can be out of reach.
            if last_chance and not open_round.is_idle:
                raise DataFault(f"It cannot be had: {error}") from error
            raise

    def _judge(
        self,
        models: tuple[FileRef, ...],
        by: tuple[Round, Evidence],
        moment: Moment,
        stop: Stop,
        *,
        last_chance: bool,
    ) -> tuple[Vote, ...]:
        """Return the votes; one model that is missing keeps no other from being fetched and evaluated."""
        votes: list[Vote] = []
        missing: UnreachableError | None = None
        for model in models:
            if stop():
                raise AbandonedError("The vote ended while its models were evaluated.")
            try:
                votes.append(vote_on(self._assess(model, *by, stop), moment.attempt))
            except UnreachableError as error:
                missing = error
                votes.append(without_numbers(Verdict.UNAVAILABLE))
        if missing is not None and not last_chance:
            raise missing
        return tuple(votes)

    def _assess(self, model: FileRef, open_round: Round, evidence: Evidence, stop: Stop) -> Assessment:
        # What a model predicts is the same in every ballot of its round, but for an audit sample drawn anew.
        known = (open_round.entropy, model.digest)
        if known not in self._assessments:
            wanted = Wanted(model.cid, model.digest, evidence.specification.max_bytes)
            content = fetch(self.store, wanted, self.data.models(open_round.round_id))
            self._assessments[known] = assess(content, evidence, self.place, stop=stop)
        return self._assessments[known]

    def _models(self, round_id: int) -> tuple[FileRef, ...]:
        judged = sorted((s for s in self.chain.solutions(round_id) if s.choice), key=lambda s: s.choice)
        models = self.chain.models(round_id)
        unseen = [solution.miner for solution in judged if solution.miner not in models]
        if unseen:
            raise UnreachableError(f"The Ethereum node does not show the model of {unseen[0]} yet.")
        return tuple(models[solution.miner] for solution in judged)

    def _commitment(self, ballot_id: int, votes: tuple[Vote, ...]) -> bytes:
        return vote_commitment(
            chain_id=self.chain.identity.chain_id,
            committee_address=self.chain.identity.committee_address,
            ballot_id=ballot_id,
            verifier=self.chain.identity.address,
            votes=votes,
            salt=self._salt(ballot_id),
        )

    def _salt(self, ballot_id: int) -> bytes:
        return self.journal.secret(f"vote-salt/{ballot_id}", lambda: self.random_bytes(SALT_BYTES))


def _draw(ballot_id: int, open_round: Round) -> str:
    """Return the name of a ballot's votes under the entropy that they were found with."""
    return f"{ballot_id}/{open_round.entropy.hex()[:16]}"


def _sealed(ballot_id: int, commitment: bytes) -> str:
    """Return the name of a vote commitment: one that a reorganisation undid is the same when sent again."""
    return f"{ballot_id}/{commitment.hex()[:16]}"


def _named(moment: Moment) -> str:
    """Return how people call the ballot of a moment."""
    again = f", committee {moment.attempt + 1}" if moment.attempt else ""
    return f"Round {moment.round_id}{again}"
