"""The key budget: what adds up, what is refused, and what the ledger keeps."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pole.errors import InputError, IntegrityError
from pole.learning.privacy.measure import DataMeasure, KeysMeasure
from pole.learning.privacy.rules import Rule
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.mapping.kinds import ConvMapping, LinearMapping
from pole.protocol.models.specification import Input, ModelSpecification, mlp
from pole.roles.keys.budget import BudgetSpentError, KeyBudget, LedgerChangedError, Spending, spending
from pole.roles.keys.ledger import GivenKeys, KeyLedger, LedgerEntry, Measures

DATA = keccak256(b"data")
TEN = DataMeasure(dimension=10, affine_rank=8, numerical_rank=7, bits=50, samples=99, measured=99)


def layer(queries: int, dimension: int = 10) -> ModelSpecification:
    return mlp(
        input_shape=(dimension,),
        input_bits=8,
        mapping=LinearMapping(bits=3, queries=queries),
        hidden=(),
        classes=3,
    )


def entry(number: int, queries: int, **changes: Any) -> LedgerEntry:
    made = LedgerEntry(keccak256(bytes([number])), "blobs", DATA, layer(queries), consent=None, given=None)
    return replace(made, **changes)


def measured(queries: int, *, after: int | None = None, bits: int = 0) -> Measures:
    return Measures(TEN, KeysMeasure(queries, bits), KeysMeasure(after or queries, bits))


def keys(number: int) -> GivenKeys:
    return GivenKeys(keccak256(b"seed" + bytes([number])), number)


@pytest.fixture
def budget(tmp_path: Path) -> KeyBudget:
    return KeyBudget(KeyLedger(tmp_path / "ledger"), nullcontext)


def reserve(budget: KeyBudget, made: LedgerEntry) -> None:
    budget.reserve(made, budget.tasks_of(made.data_set))


def give(budget: KeyBudget, number: int, queries: int, *, consent: Rule | None = None) -> None:
    made = entry(number, queries)
    budget.give(made.mpk_digest, made.specification, keys(number), consent=consent)


def test_keys_of_different_master_keys_add_up(budget: KeyBudget) -> None:
    for number in (1, 2):
        reserve(budget, entry(number, 2, measures=measured(2, after=2 * number, bits=20 * number)))
        give(budget, number, 2)
    reserve(budget, entry(3, 1, measures=measured(1, after=5, bits=45)))
    [found] = budget.spendings()
    assert found == Spending("blobs", 10, given=4, waiting=1, bits=45, tasks=3, data=TEN)


def test_reserving_twice_counts_once(budget: KeyBudget) -> None:
    reserve(budget, entry(1, 6))
    reserve(budget, entry(1, 6))
    assert budget.spendings()[0].waiting == 6


def test_other_data_has_a_budget_of_its_own(budget: KeyBudget) -> None:
    reserve(budget, entry(1, 8))
    reserve(budget, entry(2, 8, data_set="others", data_digest=keccak256(b"others")))
    assert [each.waiting for each in budget.spendings()] == [8, 8]


def test_a_task_that_was_not_measured_beside_another_is_not_reserved(budget: KeyBudget) -> None:
    seen = budget.tasks_of("blobs")
    reserve(budget, entry(1, 3))
    with pytest.raises(LedgerChangedError, match="post this one again"):
        budget.reserve(entry(2, 3), seen)
    assert budget.ledger.read(entry(2, 3).mpk_digest) is None


def test_keys_that_are_given_meanwhile_change_nothing_that_was_measured(budget: KeyBudget) -> None:
    reserve(budget, entry(1, 3))
    seen = budget.tasks_of("blobs")
    give(budget, 1, 3)
    budget.reserve(entry(2, 3), seen)
    assert len(budget.tasks_of("blobs")) == 2


@pytest.mark.parametrize(
    ("measures", "queries", "rule"),
    [
        (measured(7), 7, Rule.RANK),
        (measured(6), 6, Rule.NUMERICAL_RANK),
        (measured(4, bits=48), 4, Rule.ENTROPY),
        (None, 9, Rule.RANK),
    ],
)
def test_the_last_line_refuses_keys_that_break_a_rule(
    budget: KeyBudget, measures: Measures | None, queries: int, rule: Rule
) -> None:
    budget.ledger.write(entry(1, queries, measures=measures))
    with pytest.raises(BudgetSpentError, match=rule.value) as refused:
        give(budget, 1, queries)
    assert refused.value.rule is rule
    assert f"--allow-disclosure {rule.value}" in str(refused.value)
    give(budget, 1, queries, consent=rule)
    assert budget.ledger.read(entry(1, 1).mpk_digest) == entry(1, queries, measures=measures, given=keys(1))


def test_the_last_line_counts_what_was_given_before(budget: KeyBudget) -> None:
    second = entry(2, 4, measures=measured(4, after=8))
    reserve(budget, entry(1, 4, measures=measured(4)))
    reserve(budget, second)
    give(budget, 1, 4)
    with pytest.raises(BudgetSpentError, match="8 independent functions"):
        give(budget, 2, 4)
    assert budget.ledger.read(second.mpk_digest) == second


def test_what_the_posting_found_within_the_rules_is_not_refused_at_the_round(budget: KeyBudget) -> None:
    # Query vectors over columns that never vary are functions of nothing: of 7 the data tell 4.
    reserve(budget, entry(1, 7, measures=measured(4)))
    give(budget, 1, 7)
    assert budget.spendings()[0].given == 4


def test_a_count_that_looks_too_high_is_settled_by_the_exact_rank(budget: KeyBudget) -> None:
    for number in (1, 2):
        budget.ledger.write(entry(number, 5, measures=measured(5)))
    give(budget, 1, 5)
    second = entry(2, 5)
    budget.give(second.mpk_digest, second.specification, keys(1), consent=None)
    assert budget.spendings()[0].given == 5


@pytest.mark.parametrize("consent", [Rule.RANK, Rule.NUMERICAL_RANK])
def test_consent_at_the_posting_holds_at_the_round(budget: KeyBudget, consent: Rule) -> None:
    queries = 10 if consent is Rule.RANK else 6
    reserve(budget, entry(1, queries, consent=consent, measures=measured(queries)))
    give(budget, 1, queries)
    assert budget.spendings()[0].given == min(queries, 8)


def test_consent_to_less_is_none_to_more(budget: KeyBudget) -> None:
    reserve(budget, entry(1, 8, consent=Rule.ENTROPY, measures=measured(8)))
    with pytest.raises(BudgetSpentError, match="'rank'"):
        give(budget, 1, 8)


def test_keys_of_a_second_seed_are_refused(budget: KeyBudget) -> None:
    give(budget, 1, 3)
    give(budget, 1, 3)
    with pytest.raises(IntegrityError, match="another seed"):
        budget.give(entry(1, 3).mpk_digest, layer(3), keys(2), consent=Rule.RANK)


def test_of_two_processes_that_give_at_once_one_seed_is_kept(budget: KeyBudget) -> None:
    budget.ledger.write(entry(1, 3))
    other = iter([entry(1, 3, given=keys(2))])

    def guard() -> nullcontext[None]:
        for each in other:
            budget.ledger.write(each)
        return nullcontext()

    made = entry(1, 3)
    with pytest.raises(IntegrityError, match="another seed"):
        KeyBudget(budget.ledger, guard).give(made.mpk_digest, made.specification, keys(1), consent=None)
    assert budget.ledger.read(made.mpk_digest) == entry(1, 3, given=keys(2))


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


def test_data_is_known_again_by_its_digest(budget: KeyBudget) -> None:
    assert budget.data_set_of(DATA, title="blobs", name=None) == f"blobs-{DATA.hex()[:8]}"
    reserve(budget, entry(1, 3, data_set="mine"))
    assert budget.data_set_of(DATA, title="blobs", name=None) == "mine"
    assert budget.data_set_of(keccak256(b"subset"), title="blobs", name="mine") == "mine"
    with pytest.raises(InputError, match="in the key ledger as 'mine'"):
        budget.data_set_of(DATA, title="blobs", name="other")


def test_a_ledger_that_changed_during_a_check_is_checked_again(budget: KeyBudget) -> None:
    budget.ledger.write(entry(1, 5, measures=measured(5)))
    late = iter([entry(2, 5, given=keys(2))])

    def guard() -> nullcontext[None]:
        for other in late:
            budget.ledger.write(other)
        return nullcontext()

    made = entry(1, 5)
    with pytest.raises(BudgetSpentError, match="8 independent functions"):
        KeyBudget(budget.ledger, guard).give(made.mpk_digest, made.specification, keys(1), consent=None)


def test_a_rank_that_is_too_large_to_compute_is_bounded_by_the_count() -> None:
    wide = ModelSpecification.model_construct(
        input=Input(shape=(65, 65), bits=8), mapping=ConvMapping(bits=3, queries=1, kernel=(3, 3))
    )
    found = spending([entry(1, 1, specification=wide, given=keys(1))])
    assert (found.given, found.exact) == (65 * 65, False)


def test_an_entry_reads_back_as_it_was_written(budget: KeyBudget) -> None:
    waiting, given = entry(1, 3), entry(2, 8, given=keys(3), consent=Rule.ENTROPY, measures=measured(3))
    for each in (waiting, given):
        budget.ledger.write(each)
        assert budget.ledger.read(each.mpk_digest) == each
    assert set(budget.ledger.entries()) == {waiting, given}


@pytest.mark.parametrize(("old", "consent"), [(b"true", Rule.RANK), (b"false", None)])
def test_an_entry_of_the_first_version_is_read(budget: KeyBudget, old: bytes, consent: Rule | None) -> None:
    budget.ledger.write(entry(1, 3, given=keys(1)))
    path = next(budget.ledger.folder.iterdir())
    first = path.read_bytes().replace(b'"consent":null', b'"consent":' + old)
    first = first.replace(b',"measures":null', b"").replace(b'"version":2}', b'"version":1}')
    path.write_bytes(first)
    assert budget.ledger.entries() == (entry(1, 3, given=keys(1), consent=consent),)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"consent":null', b'"consent":1'),
        (b'"consent":null', b'"consent":"all"'),
        (b'"given":null', b'"given":7'),
        (b'"dataSet":"blobs"', b'"dataSet":"../x"'),
        (b'"queries":3', b'"queries":0'),
        (b'"affineRank":8', b'"affineRank":-8'),
        (b'"exact":true', b'"exact":1'),
        (b"}", b""),
    ],
)
def test_a_damaged_entry_is_named(budget: KeyBudget, old: bytes, new: bytes) -> None:
    budget.ledger.write(entry(1, 3, measures=measured(3)))
    path = next(budget.ledger.folder.iterdir())
    path.write_bytes(path.read_bytes().replace(old, new))
    with pytest.raises(IntegrityError, match=path.name):
        budget.ledger.entries()
