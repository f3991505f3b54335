"""Dealing shares, and leaving the keys to the holders that took them in."""

from dataclasses import replace

import pytest
from tests.unit.roles.conftest import MINERS, OWNER, Stage, specification
from tests.unit.roles.keys.shared_secret import DELEGATE, HOLDERS, Shared, shared_task

from pole.errors import InputError, IntegrityError
from pole.protocol.formats.key_sharing import ShareReceipt
from pole.roles.keys.dealing import SharingRequest, count_receipts, drop_secret


@pytest.fixture
def shared(stage: Stage) -> Shared:
    return shared_task(stage)


def receipts(shared: Shared, *indices: int) -> list[ShareReceipt]:
    found = shared.found()
    return [ShareReceipt(HOLDERS[i - 1].address, found.digest, found.sharing.task) for i in indices]


def test_a_task_of_another_owner_is_not_shared(shared: Shared) -> None:
    secret = next(iter(shared.stage.secrets.kept.values()))
    request = SharingRequest(1, specification(), HOLDERS, 3, DELEGATE)
    with pytest.raises(InputError, match="belongs to"):
        shared.dealer(MINERS[0]).deal(request, secret, lambda _: None)


def test_the_secret_of_another_task_is_not_shared(shared: Shared) -> None:
    shared.stage.post(seed=9)
    request = SharingRequest(2, specification(), HOLDERS, 3, DELEGATE)
    first = shared.stage.secrets.open(shared.stage.world.tasks[1].files.mpk_digest)
    with pytest.raises(IntegrityError, match="not of the master secret of task 2"):
        shared.dealer().deal(request, first, lambda _: None)
    assert 2 not in shared.stage.world.delegations


def test_a_holder_named_twice_is_refused(shared: Shared) -> None:
    with pytest.raises(InputError, match="named twice"):
        shared.deal(holders=(HOLDERS[0], HOLDERS[0]), threshold=2)


def test_nothing_is_shared_where_the_node_names_another_specification(shared: Shared) -> None:
    """A node that lies to the data node would have holders serve a specification that it never posted."""
    before = shared.stage.world.delegations[1]
    with pytest.raises(InputError, match="has another specification than the one posted from here"):
        shared.deal(specification=specification(queries=4))
    assert shared.stage.world.delegations[1] == before


@pytest.mark.parametrize("indices", [(), (1,), (1, 2), (1, 1, 1, 2)])
def test_receipts_of_fewer_holders_than_make_keys_are_refused(
    shared: Shared, indices: tuple[int, ...]
) -> None:
    with pytest.raises(InputError, match=f"receipts of {len(set(indices))} of the 5 holders, but 3 make"):
        count_receipts(shared.found(), receipts(shared, *indices))


def test_a_receipt_of_an_earlier_sharing_is_refused(shared: Shared) -> None:
    old = receipts(shared, 1, 2, 3)
    shared.deal(threshold=2)
    with pytest.raises(InputError, match="not for the sharing that task 1 names now"):
        count_receipts(shared.found(), old)


def test_a_receipt_for_another_task_or_of_a_stranger_is_refused(shared: Shared) -> None:
    good = receipts(shared, 1, 2, 3)
    for bad in (
        replace(good[0], task=replace(good[0].task, key_count=4)),
        replace(good[0], holder=MINERS[0]),
    ):
        with pytest.raises(InputError, match=f"The receipt of {bad.holder} is not for the sharing"):
            count_receipts(shared.found(), [*good, bad])


def test_receipts_of_the_threshold_or_more_are_counted_once_a_holder(shared: Shared) -> None:
    assert count_receipts(shared.found(), receipts(shared, 1, 3, 5)) == 3
    assert count_receipts(shared.found(), receipts(shared, 5, 4, 3, 2, 1, 1)) == 5


def test_the_secret_of_another_owners_task_is_not_dropped(shared: Shared) -> None:
    chain, journal = shared.stage.chain(MINERS[0]), shared.stage.journal(MINERS[0])
    kept = dict(shared.stage.secrets.kept)
    with pytest.raises(InputError, match="belongs to"):
        drop_secret(chain, journal, shared.found(), shared.stage.secrets.kept.__delitem__)
    assert shared.stage.secrets.kept == kept


def test_a_sharing_names_the_task_and_the_number_of_its_keys(shared: Shared) -> None:
    task = shared.found().sharing.task
    assert (task.task_id, task.owner, task.key_count) == (1, OWNER, 3)
    assert task.specification_digest == shared.stage.world.tasks[1].files.spec_digest
