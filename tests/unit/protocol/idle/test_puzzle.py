"""The puzzle of an idle round is the same for everybody and unknown to everybody before its seeds are."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pole.protocol.encoding.hashing import keccak256
from pole.protocol.idle import puzzle
from pole.protocol.idle.puzzle import CLASSES, HIDDEN, INPUTS, LARGEST_WEIGHT, SATURATION
from pole.protocol.idle.task import idle_specification

SEED, OTHER = b"\x01" * 32, b"\x02" * 32
TRAIN_INPUTS = "1ecc095fc35d200c462530f7f81d9a99d64a65959424f4813a701ba61e859795"
TRAIN_LABELS = "923ed9b4214e1f4faacd073ba83e2b49e1a45e0bae1bde05466cca94907bf1ad"
TEST_LABELS = "46481b70f8f6e9ca56b056bd3da7d1271e2e6198ab1221867b3cd5e10768d384"
words = st.binary(min_size=32, max_size=32)


def test_the_samples_of_a_seed_are_these_bits_on_every_machine() -> None:
    train = puzzle.training_set(SEED, 1000)
    test = puzzle.test_set(SEED, OTHER, 1000)
    assert keccak256(train.inputs.tobytes()).hex() == TRAIN_INPUTS
    assert keccak256(train.labels.astype("<i8").tobytes()).hex() == TRAIN_LABELS
    assert keccak256(test.labels.astype("<i8").tobytes()).hex() == TEST_LABELS


def product(a: list[int], b: list[int]) -> int:
    return sum(x * y for x, y in zip(a, b, strict=True))


def test_labels_are_those_of_a_teacher_computed_one_by_one() -> None:
    teacher, drawn = puzzle.teacher(SEED), puzzle.training_set(SEED, 50)
    for sample, label in zip(drawn.inputs.tolist(), drawn.labels.tolist(), strict=True):
        centred = [2 * x - 255 for x in sample]
        sums = [product(row, centred) for row in teacher.hidden.tolist()]
        units = [max(-SATURATION, min(SATURATION, each)) for each in sums]
        logits = [product(row, units) for row in teacher.output.tolist()]
        assert label == logits.index(max(logits))


def test_more_samples_begin_with_the_same_ones() -> None:
    few, many = puzzle.training_set(SEED, 10), puzzle.training_set(SEED, 20)
    assert np.array_equal(few.inputs, many.inputs[:10])


def test_test_inputs_are_no_training_inputs_even_for_one_seed() -> None:
    train, test = puzzle.training_set(SEED, 100), puzzle.test_set(SEED, SEED, 100)
    assert not np.array_equal(train.inputs, test.inputs)


@given(words, words)
def test_the_test_seed_changes_the_inputs_and_never_the_teacher(seed: bytes, test_seed: bytes) -> None:
    drawn = puzzle.test_set(seed, test_seed, 20)
    assert np.array_equal(drawn.labels, puzzle.teacher(seed).label(drawn.inputs))
    if test_seed != SEED:
        assert not np.array_equal(drawn.inputs, puzzle.test_set(seed, SEED, 20).inputs)


@given(words)
def test_nothing_comes_near_where_whole_numbers_of_a_machine_end(seed: bytes) -> None:
    teacher = puzzle.teacher(seed)
    assert max(abs(teacher.hidden).max(), abs(teacher.output).max()) <= LARGEST_WEIGHT
    assert LARGEST_WEIGHT * max(255 * INPUTS, SATURATION * HIDDEN) < 2**31


def test_the_specification_is_of_the_puzzles_samples() -> None:
    specification = idle_specification()
    assert specification.input.shape == (INPUTS,)
    assert specification.input.bits == 8
    assert specification.classes == CLASSES
