"""Before a task is posted its owner learns what the miners will get, and that is what an attack then gets."""

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from tests.unit.learning.privacy.structures import bits, data_set, layer, low_rank, one_hot

from pole.errors import InputError
from pole.learning.data.datasets import DataSet, load
from pole.learning.privacy.disclosure import reconstruct
from pole.learning.privacy.rules import Rule
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.mapping.kinds import BlocksMapping
from pole.protocol.models.specification import ModelSpecification, mlp
from pole.roles.keys.budget import BudgetSpentError, KeyBudget, views_given
from pole.roles.keys.ledger import GivenKeys, KeyLedger, LedgerEntry
from pole.roles.keys.preview import Preview, known_part, preview


def look(dataset: DataSet, queries: int, *entries: LedgerEntry) -> Preview:
    dimension = int(np.prod(dataset.input_shape))
    return preview(dataset, layer(queries, dimension), entries, data_set="made")


def entry(queries: int, dimension: int, seed: int | None, number: int = 1) -> LedgerEntry:
    given = None if seed is None else GivenKeys(keccak256(bytes([seed])), 1)
    digest = keccak256(bytes([number]))
    return LedgerEntry(digest, "made", digest, layer(queries, dimension), consent=None, given=given)


@pytest.mark.parametrize(
    ("samples", "queries", "rule"),
    [
        (one_hot(700, 3, 6), 15, Rule.RANK),
        (one_hot(700, 3, 6), 3, Rule.ENTROPY),
        (low_rank(700, 12, 6), 6, Rule.NUMERICAL_RANK),
        (bits(700, 20), 3, Rule.ATTACK),
        (low_rank(700, 12, 8), 2, None),
    ],
)
def test_the_rules_are_asked_in_their_order(samples: np.ndarray, queries: int, rule: Rule | None) -> None:
    found = look(data_set(samples), queries)
    assert found.broken is rule
    if rule is not None:
        with pytest.raises(BudgetSpentError, match=f"--allow-disclosure {rule.value}"):
            found.require_consent(None)
        found.require_consent(rule)


MIDDLES_OF_DIGITS = load("digits", None).x_train[:, 1:7, 1:7].reshape(-1, 36).astype(np.uint8)


@pytest.mark.parametrize(
    ("samples", "queries"),
    [
        (one_hot(700, 5, 6), 5),
        (one_hot(700, 3, 4), 2),
        (bits(700, 24), 8),
        (bits(700, 24), 3),
        (low_rank(700, 20, 4), 8),
        (low_rank(700, 20, 15), 5),
        (MIDDLES_OF_DIGITS, 18),
        (np.random.default_rng(5).poisson(1.0, (700, 12)).astype(np.uint8), 6),
        (np.random.default_rng(6).integers(0, 256, (700, 4)).astype(np.uint8), 2),
        (np.sort(np.random.default_rng(7).integers(0, 40, (700, 10)), axis=1).astype(np.uint8), 7),
    ],
)
def test_what_was_said_before_is_what_the_best_attack_gets_after(samples: np.ndarray, queries: int) -> None:
    dataset = data_set(samples)
    said = look(dataset, queries).attack
    issued = views_given([entry(queries, samples.shape[1], seed=77)])
    got = reconstruct(known_part(dataset), issued, bits=8).measure
    assert got.attack.exact <= said.attack.exact + 0.1
    assert got.attack.exact >= said.attack.exact - 0.25
    assert got.attack.whole <= said.attack.whole + 0.15
    assert got.guess == said.guess


def test_tasks_before_it_count_given_or_waiting() -> None:
    dataset = data_set(low_rank(800, 20, 16))
    alone, beside = look(dataset, 4), look(dataset, 4, entry(5, 20, seed=9), entry(6, 20, None, number=2))
    assert (alone.measures.after.functions, beside.measures.after.functions) == (4, 15)
    assert beside.measures.alone == alone.measures.alone
    assert (alone.broken, beside.broken) == (None, Rule.NUMERICAL_RANK)


def test_many_tasks_tell_all_and_cost_no_more_than_those_that_tell_it() -> None:
    dataset, rest = data_set(low_rank(300, 6, 6)), [entry(4, 6, seed, number=seed) for seed in range(1, 61)]
    found = look(dataset, 4, *rest)
    assert (found.broken, found.measures.after.functions, found.attack.attack.whole) == (Rule.RANK, 6, 1.0)
    assert len(found.before) == 60


def test_twins_and_labels_are_in_the_clear() -> None:
    samples = low_rank(200, 8, 6)
    samples[5] = samples[9]
    clear = look(data_set(samples), 2).clear
    assert (clear.samples, clear.shape, clear.bits, clear.classes, clear.equal) == (200, (8,), 8, 2, 2)


def test_samples_of_another_size_are_refused() -> None:
    dataset = data_set(bits(100, 6))
    with pytest.raises(InputError, match="specification's input is"):
        preview(dataset, layer(2, 7), (), data_set="made")
    with pytest.raises(InputError, match="another --data-name"):
        look(dataset, 2, entry(2, 9, seed=1))


BORDERED = np.zeros((600, 4, 4), dtype=np.uint8)
BORDERED[:, 1:3, 1:3] = np.random.default_rng(8).integers(0, 256, (600, 2, 2))
BORDERED[:, 0, 3] = np.arange(600) % 7


def tiled(queries: int) -> ModelSpecification:
    mapping = BlocksMapping(bits=3, queries=queries, tile=(2, 2))
    return mlp(input_shape=(4, 4), input_bits=8, mapping=mapping, hidden=(), classes=2)


@pytest.mark.parametrize(
    ("samples", "specification"),
    [
        (BORDERED, tiled(1)),
        (BORDERED, tiled(2)),
        (one_hot(600, 3, 6), layer(1, 18)),
        (one_hot(600, 3, 6), layer(14, 18)),
        (bits(600, 24), layer(4, 24)),
        (low_rank(600, 12, 8), layer(3, 12)),
        (low_rank(600, 12, 8), layer(7, 12)),
    ],
)
def test_what_was_allowed_at_the_posting_is_issued_at_the_round(
    tmp_path: Path, samples: np.ndarray, specification: ModelSpecification
) -> None:
    found = preview(data_set(samples), specification, (), data_set="made")
    digest = keccak256(b"task")
    entered = LedgerEntry(
        digest, "made", digest, specification, consent=found.broken, measures=found.measures
    )
    for seed in range(20):
        budget = KeyBudget(KeyLedger(tmp_path / str(seed)), nullcontext)
        budget.reserve(entered, ())
        budget.give(digest, specification, GivenKeys(keccak256(bytes([seed])), 1), consent=None)
        assert budget.spendings()[0].given <= found.measures.after.functions
