"""The key budget: what adds up, what is refused, and what the ledger keeps."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pole.errors import InputError, IntegrityError
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.mapping.kinds import ConvMapping, LinearMapping
from pole.protocol.models.specification import Input, ModelSpecification, mlp
from pole.roles.keys.budget import BudgetSpentError, KeyBudget, Spending, spending
from pole.roles.keys.ledger import GivenKeys, KeyLedger, LedgerEntry

DATA = keccak256(b"data")


def layer(queries: int, dimension: int = 10) -> ModelSpecification:
    return mlp(
        input_shape=(dimension,),
        input_bits=8,
        mapping=LinearMapping(bits=3, queries=queries),
        hidden=(),
        classes=3,
    )


def entry(number: int, queries: int, **changes: Any) -> LedgerEntry:
    made = LedgerEntry(keccak256(bytes([number])), "blobs", DATA, layer(queries), consent=False, given=None)
    return replace(made, **changes)


def keys(number: int) -> GivenKeys:
    return GivenKeys(keccak256(b"seed" + bytes([number])), number)


@pytest.fixture
def budget(tmp_path: Path) -> KeyBudget:
    return KeyBudget(KeyLedger(tmp_path / "ledger"), nullcontext)


def give(budget: KeyBudget, number: int, queries: int, *, consent: bool = False) -> None:
    made = entry(number, queries)
    budget.give(made.mpk_digest, made.specification, keys(number), consent=consent)


def test_a_task_that_comes_to_one_less_than_all_is_refused(budget: KeyBudget) -> None:
    with pytest.raises(BudgetSpentError, match="from 0 to 9 of 10"):
        budget.check("blobs", layer(9), consent=False)
    budget.check("blobs", layer(8), consent=False)
    budget.check("blobs", layer(9), consent=True)


def test_keys_of_different_master_keys_add_up(budget: KeyBudget) -> None:
    for number in (1, 2):
        budget.reserve(entry(number, 3))
        give(budget, number, 3)
    assert budget.spendings() == (Spending("blobs", 10, given=6, waiting=0, tasks=2),)
    with pytest.raises(BudgetSpentError, match="from 6 to 9 of 10"):
        budget.reserve(entry(3, 3))
    budget.reserve(entry(4, 2))


def test_tasks_that_wait_for_their_round_count(budget: KeyBudget) -> None:
    budget.reserve(entry(1, 5))
    with pytest.raises(BudgetSpentError, match="5 of them wait for their round"):
        budget.reserve(entry(2, 4))
    budget.release(entry(1, 5).mpk_digest)
    budget.reserve(entry(2, 4))


def test_reserving_twice_counts_once(budget: KeyBudget) -> None:
    budget.reserve(entry(1, 6))
    budget.reserve(entry(1, 6))
    assert budget.spendings()[0].waiting == 6


def test_other_data_has_a_budget_of_its_own(budget: KeyBudget) -> None:
    budget.reserve(entry(1, 8))
    budget.reserve(entry(2, 8, data_set="others", data_digest=keccak256(b"others")))
    assert [each.waiting for each in budget.spendings()] == [8, 8]


def test_the_last_line_refuses_keys_that_disclose_with_those_before(budget: KeyBudget) -> None:
    for number in (1, 2):
        budget.ledger.write(entry(number, 5))
    give(budget, 1, 5)
    with pytest.raises(BudgetSpentError, match="With these keys 10 of 10"):
        give(budget, 2, 5)
    assert budget.ledger.read(entry(2, 5).mpk_digest) == entry(2, 5)
    give(budget, 2, 5, consent=True)
    assert budget.spendings()[0].given == 10


def test_a_count_that_looks_too_high_is_settled_by_the_exact_rank(budget: KeyBudget) -> None:
    for number in (1, 2):
        budget.ledger.write(entry(number, 5))
    give(budget, 1, 5)
    second = entry(2, 5)
    budget.give(second.mpk_digest, second.specification, keys(1), consent=False)
    assert budget.spendings()[0].given == 5


def test_consent_at_the_posting_holds_at_the_round(budget: KeyBudget) -> None:
    budget.reserve(entry(1, 10, consent=True))
    give(budget, 1, 10)
    assert budget.spendings()[0].given == 10


def test_keys_of_a_second_seed_are_refused(budget: KeyBudget) -> None:
    give(budget, 1, 3)
    give(budget, 1, 3)
    with pytest.raises(IntegrityError, match="another seed"):
        budget.give(entry(1, 3).mpk_digest, layer(3), keys(2), consent=True)


def test_a_task_that_nobody_entered_is_a_data_set_of_its_own(
    budget: KeyBudget, caplog: pytest.LogCaptureFixture
) -> None:
    give(budget, 1, 3)
    assert budget.spendings()[0].data_set == f"task-{entry(1, 3).mpk_digest.hex()}"
    assert "not in the key ledger" in caplog.text


def test_keys_that_others_issued_are_noted_even_where_they_disclose(budget: KeyBudget) -> None:
    made = entry(1, 10)
    budget.ledger.write(made)
    budget.note(made.mpk_digest, made.specification, keys(1))
    budget.note(made.mpk_digest, made.specification, keys(2))
    assert budget.ledger.read(made.mpk_digest) == replace(made, given=keys(1))


def test_what_is_given_cannot_be_released(budget: KeyBudget) -> None:
    give(budget, 1, 3)
    with pytest.raises(InputError, match="cannot be taken back"):
        budget.release(entry(1, 3).mpk_digest)
    with pytest.raises(InputError, match="has no task"):
        budget.release(entry(2, 3).mpk_digest)


def test_samples_of_another_size_need_another_name(budget: KeyBudget) -> None:
    budget.reserve(entry(1, 3))
    with pytest.raises(InputError, match="give its data another --data-name"):
        budget.check("blobs", layer(3, dimension=11), consent=True)


def test_data_is_known_again_by_its_digest(budget: KeyBudget) -> None:
    assert budget.data_set_of(DATA, title="blobs", name=None) == f"blobs-{DATA.hex()[:8]}"
    budget.reserve(entry(1, 3, data_set="mine"))
    assert budget.data_set_of(DATA, title="blobs", name=None) == "mine"
    assert budget.data_set_of(keccak256(b"subset"), title="blobs", name="mine") == "mine"
    with pytest.raises(InputError, match="in the key ledger as 'mine'"):
        budget.data_set_of(DATA, title="blobs", name="other")


def test_a_ledger_that_changed_during_a_check_is_checked_again(budget: KeyBudget) -> None:
    late = iter([entry(2, 5)])

    def guard() -> nullcontext[None]:
        for other in late:
            budget.ledger.write(other)
        return nullcontext()

    with pytest.raises(BudgetSpentError, match=r"from 5 .* to 10"):
        KeyBudget(budget.ledger, guard).reserve(entry(1, 5))
    assert budget.ledger.read(entry(1, 5).mpk_digest) is None


def test_a_rank_that_is_too_large_to_compute_is_bounded_by_the_count() -> None:
    wide = ModelSpecification.model_construct(
        input=Input(shape=(65, 65), bits=8), mapping=ConvMapping(bits=3, queries=1, kernel=(3, 3))
    )
    found = spending([entry(1, 1, specification=wide, given=keys(1))])
    assert (found.given, found.exact) == (65 * 65, False)


def test_an_entry_reads_back_as_it_was_written(budget: KeyBudget) -> None:
    waiting, given = entry(1, 3), entry(2, 8, given=keys(3), consent=True)
    for each in (waiting, given):
        budget.ledger.write(each)
        assert budget.ledger.read(each.mpk_digest) == each
    assert set(budget.ledger.entries()) == {waiting, given}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"consent":false', b'"consent":1'),
        (b'"given":null', b'"given":7'),
        (b'"dataSet":"blobs"', b'"dataSet":"../x"'),
        (b'"queries":3', b'"queries":0'),
        (b"}", b""),
    ],
)
def test_a_damaged_entry_is_named(budget: KeyBudget, old: bytes, new: bytes) -> None:
    budget.ledger.write(entry(1, 3))
    path = next(budget.ledger.folder.iterdir())
    path.write_bytes(path.read_bytes().replace(old, new))
    with pytest.raises(IntegrityError, match=path.name):
        budget.ledger.entries()
