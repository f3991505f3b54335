"""A small task on a world of plain Python, and workers for it."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.unit.roles.fake_storage import FakeStore, MemoryJournal
from tests.unit.roles.fakes import FakeChain, World
from tests.unit.roles.results import result_of

from pole.errors import InputError
from pole.ipfe.scheme import MasterSecretKey
from pole.learning.data.datasets import DataSet
from pole.learning.evaluation import model_file
from pole.learning.evaluation.canonical import CanonicalModel, evaluate
from pole.learning.evaluation.features import fit_feature_map, normalised
from pole.learning.evaluation.fixed_point import round_weights
from pole.learning.privacy.rules import Rule
from pole.protocol.encoding.hashing import address
from pole.protocol.mapping.kinds import LinearMapping
from pole.protocol.models.specification import ModelSpecification, mlp
from pole.protocol.models.work import judging_work
from pole.protocol.state import Phase, TaskTerms, Vote
from pole.roles.keys.budget import KeyBudget
from pole.roles.keys.ledger import KeyLedger
from pole.roles.keys.seeds import ServedSeeds
from pole.roles.loop import Role
from pole.roles.memory import DataNodeMemory, MinerMemory, SettlementMemory, VerifierMemory
from pole.roles.models.collecting import Collector
from pole.roles.ports import Chain, Journal, Moment, Store
from pole.roles.publishing.preparation import TaskRequest, Workshop, prepare_task
from pole.roles.receiving.decryption import Means
from pole.roles.receiving.point_cache import PointCache
from pole.roles.receiving.round_data import RoundData
from pole.roles.support.waiting import PatientStore
from pole.roles.training.history.file import NAME, HistoryFile
from pole.roles.training.learner import Assignment, Learner, Trained
from pole.roles.workers import tables
from pole.roles.workers.data_node.collecting import WonModels
from pole.roles.workers.data_node.data_node import DataNode
from pole.roles.workers.keeper import Due, Keeper
from pole.roles.workers.miner.miner import Miner, MinerSettings
from pole.roles.workers.settlement import Settlement
from pole.roles.workers.tables import Worker
from pole.roles.workers.verifier.verifier import Verifier

TRAIN, TEST = 12, 6
OWNER = address("0x" + "a" * 40)
MINERS = ("0x" + "1" * 40, "0x" + "2" * 40)
KEEPER = "0x" + "5" * 40
VERIFIERS = ("0x" + "7" * 40, "0x" + "8" * 40, "0x" + "9" * 40)


class LeastSquaresLearner:
    """Fits one linear layer in closed form: a learner that needs no torch and no time."""

    def __init__(self) -> None:
        self.trainings = 0

    def train(self, assignment: Assignment, *, stop: Callable[[], bool]) -> Trained:
        self.trainings += 1
        samples = assignment.samples
        feature_map = fit_feature_map(samples.features)
        inputs = np.column_stack([normalised(samples.features, feature_map), np.ones(len(samples.labels))])
        goal = np.eye(assignment.specification.classes)[samples.labels]
        # Equal models are judged once: another scale for each, which predicts the same.
        weights = np.linalg.lstsq(inputs, goal, rcond=None)[0].T * (1 + self.trainings / 64)
        tensors = {
            "logits.weight": round_weights(np.ascontiguousarray(weights[:, :-1]), "logits.weight"),
            "logits.bias": round_weights(np.ascontiguousarray(weights[:, -1]), "logits.bias"),
        }
        model = CanonicalModel(assignment.specification, assignment.seed, feature_map, tensors)
        correct = evaluate(model, samples.features, samples.labels).correct
        return Trained(model_file.save(model), correct)


def numbers(seed: int) -> Callable[[int], bytes]:
    """Return a source of bytes that only tests may use."""
    return np.random.default_rng(seed).bytes


def specification(queries: int = 3, *, noise: int = 0) -> ModelSpecification:
    mapping = LinearMapping(bits=3, queries=queries, noise=noise)
    return mlp(input_shape=(4,), input_bits=8, mapping=mapping, hidden=(), classes=3)


def dataset() -> DataSet:
    random = np.random.default_rng(5)
    centres = np.array([[10, 200, 30, 40], [120, 20, 130, 90], [220, 100, 220, 200]])

    def draw(count: int) -> tuple[np.ndarray, np.ndarray]:
        labels = np.arange(count) % 3
        return np.clip(centres[labels] + random.integers(-9, 10, (count, 4)), 0, 255), labels

    return DataSet("blobs", *draw(TRAIN), *draw(TEST), classes=3)


def terms(**changes: int) -> TaskTerms:
    given = {
        "reward": 1000,
        "data_bond": 100,
        "fee": 10,
        "time_limit": 100,
        "min_training_time": 5,
        "min_solutions": 1,
        "required_train_accuracy": 9000,
        "required_test_accuracy": 0,
        "train_count": TRAIN,
        "test_count": TEST,
        "work": judging_work(specification()),
    }
    return TaskTerms(**(given | changes))


class PromptKeeper(Keeper):
    """A keeper that leaves no step to others."""

    def _begin(self, moment: Moment, due: Due | None) -> Any:
        return replace(super()._begin(moment, due), patience=0)


@dataclass
class Secrets:
    """Master secrets by the digest of their public keys."""

    kept: dict[bytes, MasterSecretKey] = field(default_factory=dict)

    def save(self, digest: bytes, secret: MasterSecretKey) -> None:
        self.kept[digest] = secret

    def open(self, digest: bytes) -> MasterSecretKey:
        if digest not in self.kept:
            raise InputError("There is no such secret; make it anew.")
        return self.kept[digest]


@dataclass
class Stage:
    """One task on one world, and the workers around it; a worker made twice is a worker restarted."""

    path: Path
    world: World = field(default_factory=lambda: World(seats=list(VERIFIERS)))
    store: FakeStore = field(default_factory=FakeStore)
    secrets: Secrets = field(default_factory=Secrets)
    chains: dict[str, FakeChain] = field(default_factory=dict)
    journals: dict[str, MemoryJournal] = field(default_factory=dict)
    learner: Learner = field(default_factory=LeastSquaresLearner)
    # Three functions of four values are D - 1.
    may_disclose: Rule | None = Rule.RANK
    specification: ModelSpecification = field(default_factory=specification)
    confirmations: int = 0

    @property
    def budget(self) -> KeyBudget:
        return KeyBudget(KeyLedger(self.home(OWNER) / "key-budget"), nullcontext)

    def seeds(self, address: str) -> ServedSeeds:
        return ServedSeeds(self.home(address) / "served-seeds", nullcontext)

    def chain(self, address: str) -> FakeChain:
        return self.chains.setdefault(address, FakeChain(self.world, address))

    def journal(self, address: str) -> MemoryJournal:
        return self.journals.setdefault(address, MemoryJournal())

    def home(self, address: str) -> Path:
        return self.path / address

    def workshop(self, seed: int = 1, **ports: Any) -> Workshop:
        store = ports.get("store", self.store)
        return Workshop(store, self.home(OWNER), self.secrets.save, self.secrets.open, numbers(seed))

    def post(self, seed: int = 1, **changes: int) -> int:
        """Post the task; the same seed makes the same master key."""
        work = judging_work(self.specification)
        request = TaskRequest(dataset(), self.specification, terms(**({"work": work} | changes)))
        files = prepare_task(request, self.workshop(seed))
        return self.chain(OWNER).post_task(request.terms, files, intent=f"post/{len(self.world.tasks)}")

    def data_node(self, **ports: Any) -> Worker[DataNode]:
        chain, store, journal = self._ports(OWNER, ports)
        settlement = self._settlement(OWNER, chain, store, journal)
        means = DataNode(
            chain,
            store,
            DataNodeMemory(journal),
            self.home(OWNER),
            settlement,
            self.secrets.open,
            self.budget,
            self.seeds(OWNER),
            self.won_models(chain, store, journal),
            may_disclose=self.may_disclose,
            confirmations=self.confirmations,
        )
        return tables.data_node(means)

    def won_models(self, chain: Chain, store: Store, journal: Journal) -> WonModels:
        """Return what the data node keeps of rounds that have ended, below `models` of its folder."""
        patient = PatientStore(store, lambda: float(self.world.now))
        collector = Collector(patient, self.home(OWNER))
        return WonModels(
            DataNodeMemory(journal), patient, collector, lambda round_id: result_of(self.world, round_id)
        )

    def miner(
        self, address: str = MINERS[0], settings: MinerSettings | None = None, **ports: Any
    ) -> Worker[Miner]:
        chain, store, journal = self._patient(address, ports)
        means = Miner(
            chain=chain,
            store=store,
            memory=MinerMemory(journal, numbers(2)),
            data=self._data(address, chain, store),
            learner=self.learner,
            history=self.history(address),
            settlement=self._settlement(address, chain, store, journal),
            settings=settings or MinerSettings(),
            clock=lambda: float(self.world.now),
            stopping=lambda: False,
        )
        return tables.miner(means)

    def history(self, address: str) -> HistoryFile:
        """Return what keeps how a miner's trainings go, in its file."""
        return HistoryFile(
            self.home(address) / "training" / NAME, lambda: float(self.world.now), "a learner of tests"
        )

    def verifier(self, address: str = VERIFIERS[0], **ports: Any) -> Worker[Verifier]:
        chain, store, journal = self._patient(address, ports)
        means = Verifier(
            chain=chain,
            store=store,
            memory=VerifierMemory(journal, numbers(3)),
            data=self._data(address, chain, store),
            settlement=self._settlement(address, chain, store, journal),
            time_margin=10.0,
            clock=lambda: float(self.world.now),
            stopping=lambda: False,
            next_intent=lambda action: f"{action}/{len(self.world.left_at)}",
            confirmations=self.confirmations,
        )
        return tables.verifier(means)

    def keeper(self, address: str = VERIFIERS[0], idle_after: float | None = None) -> Worker[Keeper]:
        return tables.keeper(Keeper(self.chain(address), lambda: float(self.world.now), idle_after))

    def with_lanes(self, lanes: int) -> None:
        """Let the world have so many lanes; before anything is done in it."""
        parameters = self.world.parameters
        self.world.parameters = replace(parameters, committee=replace(parameters.committee, lanes=lanes))

    def with_chain(self, **changes: int) -> None:
        """Change parameters of rounds."""
        parameters = self.world.parameters
        self.world.parameters = replace(parameters, chain=replace(parameters.chain, **changes))

    def open_round(self) -> None:
        """Let anybody open the next round, and draw its seed."""
        keeper = self.keeper(OWNER)
        for _ in range(60):
            if self.world.moment().phase in (Phase.KEYS, Phase.TRAINING):
                return
            keeper.step(self.world.moment())
            self.world.pass_time(1)
        raise AssertionError(f"never opened: {self.world.moment()}")

    def play(self, *until: Phase, workers: Sequence[Role] | None = None) -> None:
        """Let everybody act, second by second, until the round is in one of these phases."""
        everybody: Sequence[Role] = workers or [
            self.data_node(),
            *(self.miner(address) for address in MINERS),
            *(self.verifier(address) for address in VERIFIERS),
        ]
        idle_after = 3.0 if self.world.idle else None
        keeper = PromptKeeper(self.chain(KEEPER), lambda: float(self.world.now), idle_after)
        acting = [*everybody, tables.keeper(keeper)]
        for _ in range(2000):
            if self.world.moment().phase in until:
                return
            for worker in acting:
                if self.world.moment().phase in until:
                    return
                worker.step(self.world.moment())
            self.world.pass_time(1)
        raise AssertionError(f"never came to {until}: {self.world.moment()}")

    def displace(self, address: str, *, claim: int) -> None:
        """Let the second miner take a miner's place with a higher claim, for a model it never shows."""
        places = self.world.solutions[1]
        taken = next(index for index, solution in enumerate(places) if solution.miner == address)
        self.world.displaced.setdefault(1, set()).add(address)
        places[taken] = replace(
            places[taken], miner=MINERS[1], commitment=b"\x0e" * 32, claimed_train_correct=claim
        )

    def hide_solutions(self, address: str, looks: int) -> None:
        """Let a wallet's node show no solutions for so many looks, as one that lags behind does."""
        chain = self.chain(address)
        left = iter(range(looks))
        shown = FakeChain(self.world, address).solutions
        chain.solutions = lambda round_id: () if next(left, None) is not None else shown(round_id)  # type: ignore[method-assign]

    def votes(self, address: str, ballot: int) -> tuple[Vote, ...]:
        """Return the votes that a verifier keeps of a ballot, under the draw that stands."""
        entropy = self.world.rounds[self.world.newest].entropy
        votes = VerifierMemory(self.journal(address), numbers(3)).votes(ballot, entropy)
        assert votes is not None
        return votes

    def voting(self, address: str) -> list[str]:
        """Return what a wallet sent to vote: the intents, without the commitments that they name."""
        return [intent.rpartition("/")[0] for intent in self.sent(address) if "vote/" in intent]

    def sent(self, address: str) -> list[str]:
        return [intent for sender, intent in self.world.sent if sender == address]

    def _ports(self, address: str, given: dict[str, Any]) -> tuple[Chain, Store, Journal]:
        chain = given.get("chain", self.chain(address))
        return chain, given.get("store", self.store), given.get("journal", self.journal(address))

    def _patient(self, address: str, given: dict[str, Any]) -> tuple[Chain, PatientStore, Journal]:
        chain, store, journal = self._ports(address, given)
        return chain, PatientStore(store, lambda: float(self.world.now)), journal

    def _data(self, address: str, chain: Chain, store: Store) -> RoundData:
        means = Means(store, lambda: float(self.world.now), 1, PointCache(self.path / "points", 0))
        return RoundData(
            chain, self.home(address), means, numbers(4), lanes=self.world.lanes, served_as=address
        )

    def _settlement(self, address: str, chain: Chain, store: Store, journal: Journal) -> Settlement:
        def body_of(height: int) -> bytes:
            return f"body {height}".encode()

        memory = SettlementMemory(journal)
        return Settlement(chain, store, memory, self.home(address), body_of, withdraws=True)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)
