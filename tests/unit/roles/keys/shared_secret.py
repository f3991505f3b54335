"""A task on a world of plain Python whose secret is shared, three of five."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from tests.unit.roles.conftest import OWNER, Stage, numbers
from tests.unit.roles.fakes import FakeChain

from pole.errors import IntegrityError
from pole.ipfe.scalars import scalars_of
from pole.ipfe.scheme import derive_keys
from pole.protocol.encoding.hashing import address, keccak256
from pole.protocol.formats.key_sharing import (
    Holder,
    SealedShare,
    Sharing,
    read_share,
    write_share,
    write_sharing,
)
from pole.protocol.formats.keys import read_functional_keys
from pole.protocol.mapping.layer import query_plan
from pole.protocol.state import FileRef, Phase, PostedTask, Round
from pole.roles.keys.combiner import KeyCombiner
from pole.roles.keys.dealing import Dealer, SharingRequest
from pole.roles.keys.sharing import TaskSharing, accept_share, read_task_sharing
from pole.roles.loop import Role
from pole.roles.memory import KeyHolderMemory
from pole.roles.ports import Delegation, Identity
from pole.roles.publishing.task_folder import TaskFolder
from pole.roles.workers import tables
from pole.roles.workers.key_holder.key_holder import KeyHolder
from pole.roles.workers.tables import Worker

HOLDERS = tuple(Holder(address(f"0x{number}{'e' * 39}"), bytes([number]) * 32) for number in range(1, 6))
DELEGATE = HOLDERS[1].address


class LyingChain(FakeChain):
    """A node, or a look-alike deployment, that tells other things about chain and task."""

    def __init__(
        self,
        honest: FakeChain,
        identity: dict[str, Any],
        task: dict[str, Any],
        seed: bytes | None = None,
    ) -> None:
        super().__init__(honest.world, honest.address, honest.receipts)
        self.told_identity, self.told_task, self.told_seed = identity, task, seed

    @property
    def identity(self) -> Identity:
        return replace(super().identity, **self.told_identity)

    def task(self, task_id: int) -> PostedTask:
        return replace(super().task(task_id), **self.told_task)

    def round(self, round_id: int) -> Round:
        told = super().round(round_id)
        return told if self.told_seed is None else replace(told, seed=self.told_seed)


def seal(key: bytes, plaintext: bytes, context: bytes) -> bytes:
    return key + keccak256(context) + plaintext


def opener(key: bytes) -> Callable[[bytes, bytes], bytes]:
    def open_box(box: bytes, context: bytes) -> bytes:
        if box[:64] != key + keccak256(context):
            raise IntegrityError("does not open")
        return box[64:]

    return open_box


@dataclass
class Shared:
    """A task on a stage whose secret 3 of 5 hold; `shares` is what each holder keeps."""

    stage: Stage
    sealed: dict[int, SealedShare] = field(default_factory=dict)
    shares: dict[str, dict[bytes, bytes]] = field(default_factory=dict)

    def deal(self, **changes: Any) -> FileRef:
        task = self.stage.world.tasks[1]
        request = replace(SharingRequest(1, self.stage.specification, HOLDERS, 3, DELEGATE), **changes)
        secret = self.stage.secrets.open(task.files.mpk_digest)
        return self.dealer().deal(request, secret, self._deliver)

    def dealer(self, owner: str = OWNER) -> Dealer:
        home = self.stage.home(owner)
        return Dealer(self.stage.chain(owner), self.stage.store, home, seal, numbers(11))

    def _deliver(self, sealed: Sequence[SealedShare]) -> None:
        self.sealed = {each.index: each for each in sealed}

    def name_sharing(self, sharing: Sharing, task_id: int = 1) -> None:
        """Let a task's owner name a sharing that is another's, or made by hand."""
        content = write_sharing(sharing)
        ref = FileRef(f"bafk{keccak256(content).hex()}", keccak256(content))
        self.stage.store.files[ref.cid] = content
        self.stage.world.delegations[task_id] = Delegation(DELEGATE, ref)

    def accept(self, index: int) -> None:
        holder = HOLDERS[index - 1]
        found = self.found(holder.address)
        share = accept_share(found, self.sealed[index], holder, opener(holder.sealing_key))
        task = found.sharing.task
        content = write_share(share.scalars, task=task, sharing_digest=found.digest, index=index)
        self.shares.setdefault(holder.address, {})[found.digest] = content

    def found(self, holder: str = OWNER) -> TaskSharing:
        folder = self.stage.home(holder) / "files"
        found = read_task_sharing(self.stage.chain(holder), self.stage.store, folder, 1)
        assert found is not None
        return found

    def spoil(self, index: int) -> None:
        """Change a share after it was accepted: its holder lies from now on."""
        ((digest, content),) = self.shares[HOLDERS[index - 1].address].items()
        named: dict[str, Any] = {
            "task": self.found().sharing.task,
            "sharing_digest": digest,
            "index": index,
        }
        scalars = read_share(content, **named, dimension=4).copy()
        scalars[0] = scalars_of([7])[0]
        changed = write_share(scalars, **named)
        self.shares[HOLDERS[index - 1].address] = {digest: changed}

    def holder(self, index: int, **ports: Any) -> Worker[KeyHolder]:
        return self.worker(HOLDERS[index - 1].address, **ports)

    def worker(self, wallet: str, **ports: Any) -> Worker[KeyHolder]:
        chain, store, journal = self.stage._ports(wallet, ports)
        home = self.stage.home(wallet)
        means = KeyHolder(
            chain=chain,
            store=store,
            memory=KeyHolderMemory(journal),
            seeds=self.stage.seeds(wallet),
            home=home,
            settlement=self.stage._settlement(wallet, chain, store, journal),
            combiner=KeyCombiner(chain, store, store, home, numbers(12)),
            open_share=lambda digest: self.shares.get(wallet, {}).get(digest),
            confirmations=self.stage.confirmations,
        )
        return tables.key_holder(means)

    def open_round(self) -> None:
        self.stage.open_round()
        assert self.stage.world.moment().phase is Phase.KEYS

    def let_act(self, *workers: Role, times: int = 3) -> None:
        for _ in range(times):
            for worker in workers:
                worker.step(self.stage.world.moment())

    def issued(self) -> np.ndarray:
        world = self.stage.world
        content = self.stage.store.files[world.keys[1].cid]
        assert keccak256(content) == world.keys[1].digest
        return read_functional_keys(content, round_id=1, seed=world.rounds[1].seed, windows=1, queries=3)

    def expected(self) -> np.ndarray:
        mpk_digest = self.stage.world.tasks[1].files.mpk_digest
        specification = TaskFolder.of(self.stage.home(OWNER), mpk_digest).read_specification()
        plan = query_plan(specification, self.stage.world.rounds[1].seed)
        return derive_keys(self.stage.secrets.open(mpk_digest), plan).eta


def shared_task(stage: Stage) -> Shared:
    """Post a task, share its secret, let everybody take in its share."""
    stage.post()
    shared = Shared(stage)
    shared.deal()
    for index in (1, 2, 3, 4, 5):
        shared.accept(index)
    return shared
