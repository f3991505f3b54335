"""How batches are parted among ranks."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from pole.learning.parallel.ranks import ALONE, part_of, useful_ranks
from pole.learning.training.recipe import batch_count, shuffled


@given(samples=st.integers(2, 3000), largest=st.integers(1, 500), available=st.integers(1, 64))
def test_every_sample_is_learned_once_an_epoch_by_one_rank(
    samples: int, largest: int, available: int
) -> None:
    batches = batch_count(samples, largest)
    ranks = useful_ranks(samples, batches, available)
    epoch = list(shuffled(samples, batches))
    parts = [[part_of(rows, rank, ranks)[0] for rows in epoch] for rank in range(ranks)]
    learned = torch.cat([part for each in parts for part in each])
    assert sorted(learned.tolist()) == list(range(samples))
    # As many batches on every rank, and a sample in each: nobody waits for one that has nothing to do.
    assert {len(each) for each in parts} == {batches}
    assert min(len(part) for each in parts for part in each) >= 1
    assert 1 <= ranks <= available
    for number in range(batches):
        sizes = [len(each[number]) for each in parts]
        assert max(sizes) - min(sizes) <= 1


@given(losses=st.lists(st.floats(0, 100), min_size=1, max_size=40), data=st.data())
def test_the_mean_of_weighted_losses_is_the_batch_s(losses: list[float], data: st.DataObject) -> None:
    ranks = data.draw(st.integers(1, len(losses)))
    values, rows = torch.tensor(losses, dtype=torch.float64), torch.arange(len(losses))
    parts = [part_of(rows, rank, ranks) for rank in range(ranks)]
    mean = sum(weight * float(values[part].mean()) for part, weight in parts) / ranks
    assert math.isclose(mean, float(values.mean()), rel_tol=1e-9, abs_tol=1e-9)


@pytest.mark.parametrize(
    ("samples", "batches", "available", "useful"),
    [(135, 9, 2, 2), (20, 2, 64, 10), (2, 1, 8, 2), (3, 3, 4, 1)],
)
def test_no_more_ranks_than_samples_in_a_batch_are_of_use(
    samples: int, batches: int, available: int, useful: int
) -> None:
    assert useful_ranks(samples, batches, available) == useful


def test_a_rank_that_is_alone_changes_nothing() -> None:
    network, rows = nn.Linear(2, 2), torch.arange(5)
    assert ALONE.join(network, torch.zeros(5, 2), rows, ()) is network
    part, weight = ALONE.part(rows, 0.1, 3)
    assert part is rows
    assert weight == 1
    assert ALONE.mean(rows) is rows
