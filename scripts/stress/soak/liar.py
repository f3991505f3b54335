"""A miner that lies: it claims that a model of no weight is always right, and challenges who denies it."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from scripts.demo.cast import Place, Worker

from pole.api.passwords import password_in
from pole.api.session import open_session
from pole.api.settings import Settings
from pole.learning.networks.untrained import untrained_model
from pole.protocol.ballots import challenge_bond
from pole.protocol.encoding.commitments import solution_commitment
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.models.specification import ModelSpecification
from pole.protocol.state import FileRef, Phase
from pole.roles.memory import MinerMemory
from pole.roles.ports import Chain, Moment, Store

COMMIT, REVEAL, CHALLENGE = "commit", "reveal", "challenge"
DUE: Final = {Phase.TRAINING: COMMIT, Phase.REVEAL: REVEAL, Phase.CHALLENGE: CHALLENGE}


@dataclass(slots=True)
class Liar:
    """The liar at work; `lies` are its deeds by round."""

    chain: Chain
    store: Store
    memory: MinerMemory
    specification: ModelSpecification
    folder: Path
    lies: set[tuple[int, str]] = field(default_factory=set)

    def step(self, moment: Moment) -> None:
        """Do what is due in a round; raises what the ports raise."""
        deed = DUE.get(moment.phase)
        if deed is None or (moment.round_id, deed) in self.lies:
            return
        round_id = moment.round_id
        if deed == COMMIT:
            self._commit(round_id)
        elif (round_id, COMMIT) not in self.lies:
            return
        elif deed == REVEAL:
            self._reveal(round_id)
        elif (round_id, REVEAL) in self.lies and moment.attempt == 0:
            self._challenge(round_id, moment.ballot_id)
        self.lies.add((round_id, deed))

    def _commit(self, round_id: int) -> None:
        claimed = self.chain.round(round_id).terms.train_count
        identity = self.chain.identity
        commitment = solution_commitment(
            chain_id=identity.chain_id,
            chain_address=identity.chain_address,
            round_id=round_id,
            miner=identity.address,
            model_digest=keccak256(self._model(round_id)),
            claimed_train_correct=claimed,
            salt=self.memory.salt(round_id),
        )
        self.chain.commit(round_id, commitment, claimed, intent=self.memory.commit_intent(round_id))

    def _reveal(self, round_id: int) -> None:
        model = self._model(round_id)
        file = self.folder / f"{round_id}.model"
        file.write_bytes(model)
        revealed = FileRef(self.store.add(file), keccak256(model))
        claimed = self.chain.round(round_id).terms.test_count
        salt, intent = self.memory.salt(round_id), self.memory.reveal_intent(round_id)
        self.chain.reveal(round_id, revealed, claimed, salt, intent=intent)

    def _challenge(self, round_id: int, ballot: int) -> None:
        reward = self.chain.round(round_id).terms.reward
        bond = challenge_bond(0, reward, self.chain.parameters.chain)
        self.chain.challenge(round_id, bond=bond, intent=self.memory.challenge_intent(ballot))

    def _model(self, round_id: int) -> bytes:
        return untrained_model(self.specification, self.chain.round(round_id).seed)


def open_liar(worker: Worker, place: Place, specification: ModelSpecification) -> Liar:
    """Unlock the liar's wallet; it meets the node as it is."""
    deployment = worker.home / "deployment.json"
    settings = Settings(worker.home, place.rpc, place.ipfs, deployment, worker.password_file)
    session = open_session(settings, worker.name, password_in(worker.password_file, lambda _: None))
    memory = MinerMemory(session.journal, os.urandom)
    return Liar(session.chain, session.store, memory, specification, session.home)
