"""Keys out of shares: what the data node deals, what holders accept and announce, what the delegate posts."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.unit.roles.conftest import MINERS, OWNER, Stage, numbers
from tests.unit.roles.deaths import Death, KilledError

from pole.errors import InputError, IntegrityError, JournalError
from pole.ipfe.scalars import scalars_of
from pole.ipfe.scheme import derive_keys
from pole.protocol.encoding.abi import address
from pole.protocol.encoding.hashing import keccak256
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
from pole.protocol.state import FileRef, Phase, VoidReason
from pole.roles.keys.combiner import KeyCombiner
from pole.roles.keys.sharing import (
    Dealer,
    SharingRequest,
    TaskSharing,
    accept_share,
    drop_secret,
    read_task_sharing,
)
from pole.roles.loop import Role
from pole.roles.memory import KeyHolderMemory
from pole.roles.ports import Delegation
from pole.roles.publishing.task_folder import TaskFolder
from pole.roles.workers import tables
from pole.roles.workers.key_holder.key_holder import KeyHolder
from pole.roles.workers.tables import Worker

HOLDERS = tuple(Holder(address(f"0x{number}{'e' * 39}"), bytes([number]) * 32) for number in range(1, 6))
DELEGATE = HOLDERS[1].address


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
        request = replace(SharingRequest(1, HOLDERS, 3, DELEGATE), **changes)
        secret = self.stage.secrets.open(task.files.mpk_digest)
        return self.dealer().deal(request, secret, self._deliver)

    def dealer(self, owner: str = OWNER) -> Dealer:
        home = self.stage.home(owner)
        return Dealer(self.stage.chain(owner), self.stage.store, home, seal, numbers(11))

    def _deliver(self, sealed: Sequence[SealedShare]) -> None:
        self.sealed = {each.index: each for each in sealed}

    def accept(self, index: int) -> None:
        holder = HOLDERS[index - 1]
        found = self.found(holder.address)
        share = accept_share(found, self.sealed[index], holder, opener(holder.sealing_key))
        content = write_share(share.scalars, sharing_digest=found.digest, index=index)
        self.shares.setdefault(holder.address, {})[found.digest] = content

    def found(self, holder: str = OWNER) -> TaskSharing:
        folder = self.stage.home(holder) / "files"
        found = read_task_sharing(self.stage.chain(holder), self.stage.store, folder, 1)
        assert found is not None
        return found

    def spoil(self, index: int) -> None:
        """Change a share after it was accepted: its holder lies from now on."""
        ((digest, content),) = self.shares[HOLDERS[index - 1].address].items()
        scalars = read_share(content, sharing_digest=digest, index=index, dimension=4).copy()
        scalars[0] = scalars_of([7])[0]
        changed = write_share(scalars, sharing_digest=digest, index=index)
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
            home=home,
            settlement=self.stage._settlement(wallet, chain, store, journal),
            combiner=KeyCombiner(chain, store, store, home, numbers(12)),
            open_share=lambda digest: self.shares.get(wallet, {}).get(digest),
            confirmations=self.stage.confirmations,
        )
        return tables.key_holder(means)

    def open_round(self) -> None:
        self.stage.keeper().step(self.stage.world.moment())
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


@pytest.fixture
def shared(stage: Stage) -> Shared:
    stage.post()
    shared = Shared(stage)
    shared.deal()
    for index in (1, 2, 3, 4, 5):
        shared.accept(index)
    return shared


def test_a_task_of_another_owner_is_not_shared(shared: Shared) -> None:
    secret = next(iter(shared.stage.secrets.kept.values()))
    request = SharingRequest(1, HOLDERS, 3, DELEGATE)
    with pytest.raises(InputError, match="belongs to"):
        shared.dealer(MINERS[0]).deal(request, secret, lambda _: None)


def test_the_secret_of_another_task_is_not_shared(shared: Shared) -> None:
    shared.stage.post(seed=9)
    request = SharingRequest(2, HOLDERS, 3, DELEGATE)
    first = shared.stage.secrets.open(shared.stage.world.tasks[1].files.mpk_digest)
    with pytest.raises(IntegrityError, match="not of the master secret of task 2"):
        shared.dealer().deal(request, first, lambda _: None)
    assert 2 not in shared.stage.world.delegations


def test_a_holder_named_twice_is_refused(shared: Shared) -> None:
    with pytest.raises(InputError, match="named twice"):
        shared.deal(holders=(HOLDERS[0], HOLDERS[0]), threshold=2)


def test_a_sharing_of_another_secret_on_the_chain_is_refused(shared: Shared) -> None:
    commitments = shared.found().sharing.commitments.copy()
    commitments[0] = commitments[1]
    content = write_sharing(Sharing(HOLDERS, commitments))
    shared.stage.store.files["bafkother"] = content
    shared.stage.world.delegations[1] = Delegation(DELEGATE, FileRef("bafkother", keccak256(content)))
    with pytest.raises(IntegrityError, match="cannot make the keys"):
        shared.found()


@pytest.mark.parametrize(
    ("change", "holder", "reason"),
    [
        ({"sharing_digest": bytes(32)}, HOLDERS[1], "another sharing"),
        ({"index": 3}, HOLDERS[1], "for holder 3, but this wallet is holder 2"),
        ({}, Holder(MINERS[0], bytes(32)), "no share for"),
        ({}, replace(HOLDERS[1], sealing_key=bytes(32)), "does not have"),
        ({"box": b"x" * 300}, HOLDERS[1], "does not open"),
    ],
)
def test_a_share_that_is_not_this_holders_is_refused(
    shared: Shared, change: dict[str, Any], holder: Holder, reason: str
) -> None:
    sealed = replace(shared.sealed[2], **change)
    with pytest.raises(IntegrityError, match=reason):
        accept_share(shared.found(), sealed, holder, opener(HOLDERS[1].sealing_key))


def test_a_share_that_the_data_node_dealt_wrongly_is_refused(shared: Shared) -> None:
    wrong = write_share(np.ones((4, 32), np.uint8), sharing_digest=shared.found().digest, index=2)
    with pytest.raises(IntegrityError, match="Share 2 does not fit"):
        accept_share(shared.found(), shared.sealed[2], HOLDERS[1], lambda *_: wrong)


def test_a_new_sharing_makes_the_old_files_useless(shared: Shared) -> None:
    old = shared.sealed[1]
    shared.deal(threshold=2)
    with pytest.raises(IntegrityError, match="ask the data node for the newest file"):
        accept_share(shared.found(), old, HOLDERS[0], opener(HOLDERS[0].sealing_key))


def test_a_task_that_nobody_shared_has_no_sharing(stage: Stage) -> None:
    stage.post()
    assert read_task_sharing(stage.chain(OWNER), stage.store, stage.home(OWNER), 1) is None


def test_holders_do_nothing_for_a_task_that_was_not_shared(stage: Stage) -> None:
    stage.post()
    shared = Shared(stage)
    shared.open_round()
    assert shared.holder(1).step(stage.world.moment()) is None
    assert stage.world.partial_keys == {}


def test_fewer_holders_than_the_threshold_leave_the_round_without_keys(shared: Shared) -> None:
    shared.open_round()
    workers = [shared.holder(index) for index in (1, 2)]
    shared.let_act(*workers)
    assert set(shared.stage.world.partial_keys[1]) == {HOLDERS[0].address, HOLDERS[1].address}
    shared.stage.play(Phase.VOID, workers=workers)
    assert shared.stage.world.rounds[1].void_reason is VoidReason.KEYS_MISSING


def test_a_holder_that_lies_is_named_and_left_out(shared: Shared, caplog: pytest.LogCaptureFixture) -> None:
    shared.spoil(1)
    shared.open_round()
    workers = [shared.holder(index) for index in (1, 2, 3)]
    with caplog.at_level(logging.INFO):
        shared.let_act(*workers)
    assert shared.stage.world.keys == {}
    refusals = [
        vars(r)["details"] for r in caplog.records if getattr(r, "event", "") == "partial-keys-refused"
    ]
    assert [(told["holder"], told["index"]) for told in refusals] == [(HOLDERS[0].address, 1)]
    shared.let_act(shared.holder(4), workers[1])
    assert np.array_equal(shared.issued(), shared.expected())


def test_partial_keys_that_the_store_does_not_have_or_falsifies_wait(shared: Shared) -> None:
    shared.open_round()
    workers = [shared.holder(index) for index in (1, 3)]
    shared.let_act(*workers)
    first, third = (shared.stage.world.partial_keys[1][HOLDERS[i].address].cid for i in (0, 2))
    shared.stage.store.missing.add(first)
    shared.stage.store.lies[third] = b"other bytes"
    delegate = shared.holder(2)
    shared.let_act(delegate)
    assert shared.stage.world.keys == {}
    shared.stage.store.missing.clear()
    shared.stage.store.lies.clear()
    shared.let_act(delegate)
    assert np.array_equal(shared.issued(), shared.expected())


def test_partial_keys_of_another_round_seed_or_holder_are_refused(shared: Shared) -> None:
    shared.open_round()
    workers = [shared.holder(index) for index in (1, 2, 3)]
    shared.let_act(*workers[:1], times=1)
    announced = shared.stage.world.partial_keys[1]
    announced[HOLDERS[2].address] = announced[HOLDERS[0].address]
    delegate = workers[1]
    shared.let_act(delegate)
    assert shared.stage.world.keys == {}
    assert sorted(delegate.means.combiner._good) == [1, 2]


def test_strangers_announcements_are_not_looked_at(shared: Shared) -> None:
    shared.open_round()
    shared.stage.world.partial_keys[1] = {MINERS[0]: FileRef("nowhere", bytes(32))}
    shared.let_act(*(shared.holder(index) for index in (2, 4, 5)))
    assert np.array_equal(shared.issued(), shared.expected())


def test_only_the_delegate_posts(shared: Shared) -> None:
    shared.open_round()
    shared.let_act(*(shared.holder(index) for index in (1, 3, 4, 5)))
    assert shared.stage.world.keys == {}
    shared.let_act(shared.holder(2))
    assert np.array_equal(shared.issued(), shared.expected())


def test_a_delegate_needs_no_share(stage: Stage) -> None:
    stage.post()
    shared = Shared(stage)
    shared.deal(delegate=MINERS[1])
    for index in (1, 2, 3):
        shared.accept(index)
    shared.open_round()
    shared.let_act(*(shared.holder(index) for index in (1, 2, 3)), shared.worker(MINERS[1]))
    assert np.array_equal(shared.issued(), shared.expected())


def test_a_holder_that_accepted_nothing_says_so_once(
    shared: Shared, caplog: pytest.LogCaptureFixture
) -> None:
    shared.shares.clear()
    shared.open_round()
    shared.let_act(shared.holder(1))
    assert [record.message for record in caplog.records if "pole key-holder accept" in record.message] == [
        "Round 1: this wallet is holder 1 of task 1, but its share is not here: take it in with `pole "
        "key-holder accept`."
    ]


def test_a_share_accepted_while_the_round_waits_is_served(shared: Shared) -> None:
    shared.shares.clear()
    shared.open_round()
    holder = shared.holder(1)
    shared.let_act(holder)
    assert shared.stage.world.partial_keys == {}
    shared.accept(1)
    shared.let_act(holder)
    assert set(shared.stage.world.partial_keys[1]) == {HOLDERS[0].address}


def test_a_second_seed_for_the_same_secret_is_refused(
    shared: Shared, caplog: pytest.LogCaptureFixture
) -> None:
    shared.open_round()
    shared.let_act(shared.holder(1))
    shared.stage.world.change(1, seed=bytes(32))
    sent = len(shared.stage.world.sent)
    shared.let_act(shared.holder(1))
    assert len(shared.stage.world.sent) == sent
    assert "Partial keys of another seed" in caplog.text


def test_a_journal_that_fails_for_a_while_does_not_cost_the_round(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared.open_round()
    holder = shared.holder(1)

    def fail(*_: object) -> None:
        raise JournalError("The journal cannot be used (database is locked): make room on the disk.")

    with monkeypatch.context() as patch:
        patch.setattr(holder.means.memory.journal, "secret", fail)
        with pytest.raises(JournalError, match="database is locked"):
            holder.step(shared.stage.world.moment())
    assert holder.step(shared.stage.world.moment()) == "partial keys announced"


def test_a_new_sharing_in_an_open_round_is_served(shared: Shared) -> None:
    shared.open_round()
    workers = [shared.holder(index) for index in (1, 2)]
    shared.let_act(*workers)
    shared.deal(threshold=2, holders=HOLDERS[:2])
    shared.accept(1)
    shared.accept(2)
    shared.let_act(*workers)
    assert np.array_equal(shared.issued(), shared.expected())


def test_a_secret_that_is_not_shared_is_not_dropped(stage: Stage) -> None:
    task_id = stage.post()
    kept = dict(stage.secrets.kept)
    with pytest.raises(InputError, match="shares no secret of task 1"):
        drop_secret(stage.chain(OWNER), stage.journal(OWNER), task_id, stage.secrets.kept.__delitem__)
    assert stage.secrets.kept == kept


def test_a_data_node_without_the_secret_leaves_the_keys_to_its_holders(shared: Shared) -> None:
    stage = shared.stage
    mpk_digest = stage.world.tasks[1].files.mpk_digest
    expected = stage.secrets.open(mpk_digest)
    drop_secret(stage.chain(OWNER), stage.journal(OWNER), 1, stage.secrets.kept.__delitem__)
    shared.open_round()
    data_node = stage.data_node()
    shared.let_act(data_node, shared.holder(1))
    assert stage.world.keys == {}
    shared.let_act(shared.holder(3), shared.holder(2))
    stage.secrets.kept[mpk_digest] = expected
    assert np.array_equal(shared.issued(), shared.expected())
    stage.play(Phase.REVEAL, workers=[data_node, stage.miner()])


def test_a_data_node_that_kept_the_secret_still_issues_keys(shared: Shared) -> None:
    shared.open_round()
    assert shared.stage.data_node().step(shared.stage.world.moment()) == "keys issued"
    assert np.array_equal(shared.issued(), shared.expected())


@pytest.mark.parametrize("after", [False, True])
def test_a_holder_killed_anywhere_goes_on_where_it_was(tmp_path: Path, *, after: bool) -> None:
    at, killed = 0, True
    while killed:
        at += 1
        shared = dealt(tmp_path / str(at))
        shared.let_act(shared.holder(1), shared.holder(3))
        death = Death(at, after=after)
        stage = shared.stage
        chain, store = death.guard(stage.chain(DELEGATE)), death.guard(stage.store)
        journal = death.guard(stage.journal(DELEGATE))
        mortal = shared.holder(2, chain=chain, store=store, journal=journal)
        try:
            shared.let_act(mortal)
            killed = False
        except KilledError:
            shared.let_act(shared.holder(2))
        assert np.array_equal(shared.issued(), shared.expected())
        assert len(stage.sent(DELEGATE)) == 2
    assert at > 10


def dealt(path: Path) -> Shared:
    """A task whose round is open, with three holders that accepted their shares."""
    stage = Stage(path)
    stage.post()
    shared = Shared(stage)
    shared.deal()
    for index in (1, 2, 3):
        shared.accept(index)
    shared.open_round()
    return shared
