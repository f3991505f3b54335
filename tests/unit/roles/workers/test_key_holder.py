"""Keys out of shares: what holders announce, and what the delegate posts."""

import logging
from pathlib import Path

import numpy as np
import pytest
from tests.unit.roles.conftest import MINERS, OWNER, Stage
from tests.unit.roles.deaths import Death, KilledError
from tests.unit.roles.keys.shared_secret import DELEGATE, HOLDERS, Shared, shared_task

from pole.errors import DiskError, JournalError
from pole.protocol.state import FileRef, Phase, VoidReason
from pole.roles.keys.dealing import drop_secret


@pytest.fixture
def shared(stage: Stage) -> Shared:
    return shared_task(stage)


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
    assert sorted(delegate.means.combiner._gathered[0].good) == [1, 2]


def test_strangers_announcements_are_not_looked_at(shared: Shared) -> None:
    shared.open_round()
    shared.stage.world.partial_keys[1] = {MINERS[0]: FileRef("nowhere", bytes(32))}
    shared.let_act(*(shared.holder(index) for index in (2, 4, 5)))
    assert np.array_equal(shared.issued(), shared.expected())


def test_a_data_node_without_its_secret_posts_where_the_delegate_is_away(stage: Stage) -> None:
    stage.post()
    shared = Shared(stage)
    shared.deal(threshold=2, holders=HOLDERS[:3])
    for index in (1, 3):
        shared.accept(index)
    shared.open_round()
    expected = shared.expected()
    drop_secret(stage.chain(OWNER), stage.journal(OWNER), shared.found(), stage.secrets.kept.__delitem__)
    shared.let_act(shared.holder(1), shared.holder(3))
    assert stage.world.keys == {}
    shared.let_act(stage.data_node(), shared.worker(OWNER))
    assert np.array_equal(shared.issued(), expected)


def test_a_data_node_and_its_delegate_post_once(shared: Shared) -> None:
    shared.open_round()
    holders = [shared.holder(index) for index in (1, 2, 3)]
    shared.let_act(shared.worker(OWNER), *holders, shared.worker(OWNER))
    assert np.array_equal(shared.issued(), shared.expected())
    posted = [address for address, intent in shared.stage.world.sent if intent == "keys/1"]
    assert posted in ([OWNER], [DELEGATE])


def test_who_posts_a_tasks_keys_has_them_to_do(shared: Shared) -> None:
    workers = {wallet: shared.worker(wallet) for wallet in (OWNER, DELEGATE, MINERS[0])}
    serving = {wallet for wallet, worker in workers.items() if worker.means.serves(1)}
    assert serving == {OWNER, DELEGATE}


def test_holders_that_are_no_delegate_do_not_post(shared: Shared) -> None:
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
    assert "Keys of another seed" in caplog.text


def test_a_journal_that_fails_for_a_while_does_not_cost_the_round(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared.open_round()
    holder = shared.holder(1)

    def fail(*_: object) -> None:
        raise JournalError("The journal cannot be used (database is locked): make room on the disk.")

    with monkeypatch.context() as patch:
        patch.setattr(holder.means.memory.journal, "get", fail)
        with pytest.raises(JournalError, match="database is locked"):
            holder.step(shared.stage.world.moment())
    assert holder.step(shared.stage.world.moment()) == "partial keys announced"


def test_a_disk_that_is_full_for_a_while_does_not_cost_the_round(shared: Shared) -> None:
    shared.open_round()
    holder, folder = shared.holder(1), shared.stage.seeds(HOLDERS[0].address).folder
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a file where the folder should be")
    with pytest.raises(DiskError, match="make room"):
        holder.step(shared.stage.world.moment())
    assert shared.stage.world.partial_keys == {}
    folder.unlink()
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


def test_a_data_node_without_the_secret_leaves_the_keys_to_its_holders(shared: Shared) -> None:
    stage = shared.stage
    mpk_digest = stage.world.tasks[1].files.mpk_digest
    expected = stage.secrets.open(mpk_digest)
    drop_secret(stage.chain(OWNER), stage.journal(OWNER), shared.found(), stage.secrets.kept.__delitem__)
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
