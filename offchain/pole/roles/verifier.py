"""The verifier: when drawn into a committee, evaluates every judged model, commits its votes, reveals them.

It does so for every committee of a round that it is drawn into, and evaluates once. The votes and their salt
are on disk before the commitment is sent.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pole.errors import UnreachableError
from pole.protocol.commitments import SALT_BYTES, vote_commitment
from pole.protocol.state import FileRef, Phase, Round, Verdict, Vote
from pole.roles.events import tell
from pole.roles.files import Wanted, fetch
from pole.roles.judging import (
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
from pole.roles.ports import Chain, Journal, Moment, Store
from pole.roles.round_data import RoundData
from pole.roles.settlement import Settlement
from pole.roles.task_data import DataFault

LOG: Final = logging.getLogger("pole.verifier")
DONE: Final = b"done"
NOT_VOTED: Final = bytes(32)


@dataclass(slots=True)
class Verifier:
    """Votes whenever its wallet is drawn.

    `time_margin` is how many seconds before the end of the vote it votes with what it could get hold of by
    then; `random_bytes` makes salts.
    """

    chain: Chain
    store: Store
    journal: Journal
    home: Path
    data: RoundData
    settlement: Settlement
    time_margin: float
    random_bytes: Callable[[int], bytes]
    _prepared: tuple[int, Phase] = field(default=(0, Phase.NONE), init=False)
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
        open_round = self.chain.round(moment.round_id)
        try:
            if moment.phase is Phase.REVEAL:
                self.data.test_set(open_round)
            elif open_round.terms.audit_count == 0:
                self.data.training_set(open_round)
        except (DataFault, UnreachableError) as error:
            LOG.info("Round %d: cannot prepare its data: %s", moment.round_id, error)
            return None
        return "prepared"

    def _vote(self, moment: Moment) -> str | None:
        ballot_id = moment.ballot_id
        if self.journal.get(f"voted/{ballot_id}"):
            return None
        if self.chain.identity.address not in self.chain.ballot(ballot_id).members:
            self.journal.put(f"voted/{ballot_id}", DONE)
            return None
        votes = self._votes(moment)
        self.settlement.follow(moment.round_id)
        self.chain.commit_vote(ballot_id, self._commitment(ballot_id, votes), intent=f"vote/{ballot_id}")
        self.journal.put(f"voted/{ballot_id}", DONE)
        verdicts = ", ".join(vote.verdict.name for vote in votes)
        told = f"{_named(moment)}: voted {verdicts}."
        tell(LOG, "voted", told, round=moment.round_id, attempt=moment.attempt, verdicts=verdicts)
        return "voted"

    def _reveal(self, moment: Moment) -> str | None:
        ballot_id = moment.ballot_id
        kept = self.journal.get(f"votes/{ballot_id}")
        if kept is None or self.journal.get(f"vote-revealed/{ballot_id}"):
            return None
        commitment, revealed = self.chain.vote_state(ballot_id, self.chain.identity.address)
        if commitment != NOT_VOTED and not revealed:
            salt = self._salt(ballot_id)
            self.chain.reveal_vote(ballot_id, read_votes(kept), salt, intent=f"reveal-vote/{ballot_id}")
            told = f"{_named(moment)}: revealed its votes."
            tell(LOG, "vote-revealed", told, round=moment.round_id, attempt=moment.attempt)
        self.journal.put(f"vote-revealed/{ballot_id}", DONE)
        return "vote-revealed"

    def _votes(self, moment: Moment) -> tuple[Vote, ...]:
        """Return the votes in the order of choices; raises UnreachableError while a file may still arrive."""
        kept = self.journal.get(f"votes/{moment.ballot_id}")
        if kept is not None:
            return read_votes(kept)
        last_chance = moment.deadline - moment.timestamp <= self.time_margin
        models = self._models(moment.round_id)
        try:
            evidence = self._evidence(self.chain.round(moment.round_id), last_chance=last_chance)
            votes = tuple(
                self._judge(model, evidence, moment.attempt, last_chance=last_chance) for model in models
            )
        except DataFault as fault:
            LOG.warning("Round %d: its data is faulty: %s", moment.round_id, fault)
            votes = (without_numbers(Verdict.DATA_FAULT),) * len(models)
        self.journal.put(f"votes/{moment.ballot_id}", write_votes(votes))
        return votes

    def _evidence(self, open_round: Round, *, last_chance: bool) -> Evidence:
        try:
            return gather(self.data, open_round)
        except UnreachableError as error:
            # An idle round's data comes from no data node: only the chain can be out of reach.
            if last_chance and not open_round.is_idle:
                raise DataFault(f"It cannot be had: {error}") from error
            raise

    def _judge(self, model: FileRef, evidence: Evidence, attempt: int, *, last_chance: bool) -> Vote:
        # What a model predicts is the same in every ballot of its round, whose seed is no other round's.
        known = (evidence.seed, model.digest)
        if known not in self._assessments:
            wanted = Wanted(model.cid, model.digest, evidence.specification.max_bytes)
            try:
                content = fetch(self.store, wanted, self.home / "models")
            except UnreachableError:
                if last_chance:
                    return without_numbers(Verdict.UNAVAILABLE)
                raise
            self._assessments[known] = assess(content, evidence)
        return vote_on(self._assessments[known], attempt)

    def _models(self, round_id: int) -> tuple[FileRef, ...]:
        judged = sorted((s for s in self.chain.solutions(round_id) if s.choice), key=lambda s: s.choice)
        models = self.chain.models(round_id)
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


def _named(moment: Moment) -> str:
    """Return how people call the ballot of a moment."""
    again = f", committee {moment.attempt + 1}" if moment.attempt else ""
    return f"Round {moment.round_id}{again}"
