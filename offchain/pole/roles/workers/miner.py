"""The miner: trains on the round's features, commits to its best model, reveals it once the test set is out.

Salt, model and claim are on disk before the commitment is sent; a restarted miner takes up where it was and
never trains again for a round it has a solution for.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pole.errors import AbandonedError, NoPlaceError, UnreachableError
from pole.learning.evaluation.arrays import PROCESSOR, Place
from pole.learning.evaluation.fixed_point import MalformedModelError
from pole.protocol.encoding.commitments import SALT_BYTES, solution_commitment
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.rounds.audit_sample import bounds_claims
from pole.protocol.state import FileRef, Phase, Round, Solution
from pole.roles.judging.challenging import JudgedModel, challenge_if_wronged
from pole.roles.judging.evaluation import evaluate_model
from pole.roles.loop import SETTLED
from pole.roles.ports import Chain, Journal, Moment
from pole.roles.receiving.round_data import RoundData
from pole.roles.receiving.task_data import DataFault
from pole.roles.support.events import tell
from pole.roles.support.files import write_durably
from pole.roles.support.patience import LONGEST_PAUSE, PatientStore
from pole.roles.support.round_watch import RoundWatch
from pole.roles.training.learner import Assignment, Learner, Trained
from pole.roles.workers.settlement import Settlement

LOG: Final = logging.getLogger("pole.miner")
DONE: Final = b"done"


@dataclass(frozen=True, slots=True)
class MinerSettings:
    """A miner's own choices.

    Seconds left before a deadline for sending, the least reward in wei, and whether it doubts tallies that
    contradict its own evaluation.
    """

    time_margin: float = 10.0
    least_reward: int = 0
    challenges: bool = True


@dataclass(frozen=True, slots=True)
class Claim:
    """What a miner committed to: the model's digest and its correct predictions on the training set."""

    model_digest: bytes
    train_correct: int


@dataclass(slots=True)
class Miner:
    """Takes part in every round that pays enough.

    `clock` tells seconds of any epoch, `random_bytes` makes salts, `stopping` says whether the process is to
    end. Models that are done are evaluated at `place`.
    """

    chain: Chain
    store: PatientStore
    journal: Journal
    home: Path
    data: RoundData
    learner: Learner
    settlement: Settlement
    settings: MinerSettings
    clock: Callable[[], float]
    random_bytes: Callable[[int], bytes]
    stopping: Callable[[], bool]
    place: Place = PROCESSOR
    _given_up: int = field(default=0, init=False)

    def step(self, moment: Moment) -> str | None:
        """Do what the round asks of a miner now."""
        if moment.phase is Phase.TRAINING and self._given_up != moment.round_id:
            return self._solve(moment)
        if moment.phase is Phase.REVEAL:
            return self._reveal(moment)
        if moment.phase is Phase.CHALLENGE and self.settings.challenges:
            return self._challenge(moment)
        if moment.phase in SETTLED:
            self.data.end(moment.round_id)
        return self.settlement.step(moment)

    def _solve(self, moment: Moment) -> str | None:
        round_id = moment.round_id
        if self.journal.get(f"committed/{round_id}"):
            return self._watch_place(round_id)
        claim = self._claim(round_id)
        if claim is None:
            open_round = self.chain.round(round_id)
            if open_round.terms.reward < self.settings.least_reward:
                return self._give_up(round_id, f"the reward of {open_round.terms.reward} wei is too low")
            trained = self._train(moment, open_round)
            if trained is None:
                return None
            claim = self._keep(round_id, trained)
        return self._commit(round_id, claim)

    def _train(self, moment: Moment, open_round: Round) -> Trained | None:
        read_at = self.clock()
        watch = self._watch(moment)
        try:
            with self.store.until(moment.deadline - moment.timestamp):
                specification, terms = self.data.specification(open_round), open_round.terms
            if not bounds_claims(
                specification.metric, audit_count=terms.audit_count, train_count=terms.train_count
            ):
                self._give_up(moment.round_id, "its audit sample could prove a true claim false")
                return None
            with self.store.until(moment.deadline - moment.timestamp):
                samples = self.data.training_set(open_round, stop=watch.over)
        except DataFault as fault:
            self._give_up(moment.round_id, f"its data is faulty: {str(fault).rstrip('.')}")
            return None
        except AbandonedError:
            return None
        tell(
            LOG,
            "training",
            f"Round {moment.round_id}: training on {len(samples.labels)} samples.",
            round=moment.round_id,
        )
        assignment = Assignment(
            specification=specification,
            seed=open_round.seed,
            samples=samples,
            needed=correct_needed(open_round.terms.required_train_accuracy, open_round.terms.train_count),
            deadline=read_at + moment.deadline - moment.timestamp - self.settings.time_margin,
        )
        trained: Trained | None
        try:
            trained = self.learner.train(assignment, stop=watch.over)
        except MalformedModelError as error:
            self._give_up(moment.round_id, str(error).rstrip("."))
            return None
        except AbandonedError:
            trained = None
        if trained is None or watch.over():
            tell(
                LOG,
                "too-late",
                f"Round {moment.round_id}: training was stopped before it was done.",
                round=moment.round_id,
            )
            return None
        return trained

    def _keep(self, round_id: int, trained: Trained) -> Claim:
        claim = Claim(keccak256(trained.model), trained.train_correct)
        write_durably(self._model_path(round_id, claim.model_digest), trained.model)
        kept = {"modelDigest": claim.model_digest.hex(), "trainCorrect": claim.train_correct}
        self.journal.put(f"claim/{round_id}", json.dumps(kept).encode())
        return claim

    def _commit(self, round_id: int, claim: Claim) -> str | None:
        commitment = self._commitment(round_id, claim)
        self.settlement.follow(round_id)
        try:
            self.chain.commit(round_id, commitment, claim.train_correct, intent=f"commit/{round_id}")
        except NoPlaceError as error:
            # Any other refusal may pass: the loop tries again until the phase is over.
            return self._give_up(round_id, f"the commitment is refused: {str(error).rstrip('.')}")
        self.journal.put(f"committed/{round_id}", DONE)
        sentence = (
            f"Round {round_id}: committed to a model with {claim.train_correct} correct on the training set."
        )
        tell(LOG, "committed", sentence, round=round_id, trainCorrect=claim.train_correct)
        return "committed"

    def _watch_place(self, round_id: int) -> str | None:
        """Say once that this miner's solution is gone, most likely because a higher claim took its place.

        It may be back at the next look: a node that lags behind, or a reorganisation, hides it for a while.
        """
        claim, noticed = self._claim(round_id), f"displaced/{round_id}"
        if claim is None or self.journal.get(noticed) or self._own_solution(round_id, claim):
            return None
        self.journal.put(noticed, DONE)
        sentence = (
            f"Round {round_id}: a higher claim took its place; its bond is credited, nothing to reveal "
            "unless the node shows the solution again."
        )
        tell(LOG, "displaced", sentence, round=round_id, trainCorrect=claim.train_correct)
        return "displaced"

    def _reveal(self, moment: Moment) -> str | None:
        round_id = moment.round_id
        claim = self._claim(round_id)
        if claim is None or self.journal.get(f"revealed/{round_id}"):
            return None
        solution = self._own_solution(round_id, claim)
        if solution is None:
            return self._watch_place(round_id) if self.journal.get(f"committed/{round_id}") else None
        if not solution.revealed:
            try:
                test_correct = self._test_correct(moment, claim)
            except AbandonedError:
                return None
            cid = self.store.add(self._model_path(round_id, claim.model_digest))
            model, salt = FileRef(cid, claim.model_digest), self._salt(round_id)
            self.chain.reveal(round_id, model, test_correct, salt, intent=f"reveal/{round_id}")
            sentence = (
                f"Round {round_id}: revealed its model {cid} with {test_correct} correct on the test set."
            )
            tell(LOG, "revealed", sentence, round=round_id, testCorrect=test_correct, cid=cid)
        self.journal.put(f"revealed/{round_id}", DONE)
        return "revealed"

    def _test_correct(self, moment: Moment, claim: Claim) -> int:
        """Return the count to claim on the test set: 0 where none can be had or used in time.

        A reveal without a test count cannot win against others, but it saves the bond.
        """
        key = f"test-correct/{moment.round_id}"
        kept = self.journal.get(key)
        if kept is not None:
            return int(kept)
        correct = self._count_on_test_set(moment, claim)
        self.journal.put(key, str(correct).encode())
        return correct

    def _count_on_test_set(self, moment: Moment, claim: Claim) -> int:
        open_round, left = self.chain.round(moment.round_id), moment.deadline - moment.timestamp
        margin = self.settings.time_margin
        end = self.clock() + max(left - margin, margin / 2)
        watch = self._watch(moment)

        def stop() -> bool:
            return watch.over() or self.clock() >= end

        try:
            with self.store.until(left - margin - LONGEST_PAUSE):
                samples = self.data.test_set(open_round, stop=stop)
            if samples is None:
                return 0
            by = self.data.specification(open_round), open_round.seed
            model = self._model_path(moment.round_id, claim.model_digest).read_bytes()
            return evaluate_model(model, *by, samples, self.place, stop).correct
        except DataFault as fault:
            LOG.warning(
                "Round %d: the test set is faulty (%s); revealing without a count.", moment.round_id, fault
            )
            return 0
        except UnreachableError:
            if left > margin + LONGEST_PAUSE:
                raise
            return 0
        except AbandonedError:
            if watch.over():
                raise
            LOG.warning("Round %d: no time for the test set; revealing without a count.", moment.round_id)
            return 0

    def _challenge(self, moment: Moment) -> str | None:
        claim, considered = self._claim(moment.round_id), f"tally-considered/{moment.ballot_id}"
        if claim is None or self.journal.get(considered):
            return None
        solution = self._own_solution(moment.round_id, claim)
        if solution is None or not solution.choice:
            return None
        model = self._model_path(moment.round_id, claim.model_digest).read_bytes()
        judged = JudgedModel(solution.choice - 1, model)
        watch = self._watch(moment)
        try:
            with self.store.until(moment.deadline - moment.timestamp):
                done = challenge_if_wronged(
                    self.chain, self.data, moment, judged, stop=watch.over, place=self.place
                )
        except AbandonedError:
            return None
        self.journal.put(considered, DONE)
        return done

    def _watch(self, moment: Moment) -> RoundWatch:
        return RoundWatch(self.chain, moment.round_id, self.clock, self.stopping, frozenset({moment.phase}))

    def _own_solution(self, round_id: int, claim: Claim) -> Solution | None:
        commitment = self._commitment(round_id, claim)
        for solution in self.chain.solutions(round_id):
            if solution.miner == self.chain.identity.address and solution.commitment == commitment:
                return solution
        return None

    def _commitment(self, round_id: int, claim: Claim) -> bytes:
        return solution_commitment(
            chain_id=self.chain.identity.chain_id,
            chain_address=self.chain.identity.chain_address,
            round_id=round_id,
            miner=self.chain.identity.address,
            model_digest=claim.model_digest,
            claimed_train_correct=claim.train_correct,
            salt=self._salt(round_id),
        )

    def _salt(self, round_id: int) -> bytes:
        return self.journal.secret(f"salt/{round_id}", lambda: self.random_bytes(SALT_BYTES))

    def _claim(self, round_id: int) -> Claim | None:
        kept = self.journal.get(f"claim/{round_id}")
        if kept is None:
            return None
        claim = json.loads(kept)
        return Claim(bytes.fromhex(claim["modelDigest"]), claim["trainCorrect"])

    def _model_path(self, round_id: int, digest: bytes) -> Path:
        return self.data.models(round_id) / f"{digest.hex()}.safetensors"

    def _give_up(self, round_id: int, reason: str) -> str:
        self._given_up = round_id
        tell(LOG, "skipped", f"Round {round_id}: not mining, {reason}.", round=round_id)
        return "skipped"


def correct_needed(required_accuracy: int, count: int) -> int:
    """Return the fewest correct predictions of `count` that reach an accuracy in basis points."""
    return -(-required_accuracy * count // 10_000)
