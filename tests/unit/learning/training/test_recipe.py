"""A recipe from a file: every setting, and what is wrong with it in a sentence."""

import math
from dataclasses import asdict, fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pole.errors import InputError
from pole.learning.training.recipe import TrainingSettings, batch_count, rate_factor, read_recipe, shuffled


def written(value: object) -> str:
    return repr(value) if isinstance(value, str) else str(value).lower()


def test_every_setting_can_be_reached_from_a_file() -> None:
    other = TrainingSettings(
        epochs=3,
        steps=40,
        batch=64,
        learning_rate=1e-2,
        weight_decay=0.0,
        label_smoothing=0.0,
        noise=0.5,
        shift=0,
        flip=True,
        cutout=8,
        optimiser="sgd",
        momentum=0.85,
        warm_up=0.25,
        averaging=0.99,
        whitening_floor=0.01,
        eager=True,
        mixed_precision=False,
        compiled=True,
    )
    assert not any(value == getattr(TrainingSettings(), name) for name, value in asdict(other).items())
    text = "\n".join(f"{name} = {written(value)}" for name, value in asdict(other).items())
    assert read_recipe(text) == other


def test_what_a_file_leaves_out_has_its_default_and_a_whole_number_is_a_number() -> None:
    assert read_recipe("") == TrainingSettings()
    assert read_recipe("learning_rate = 1").learning_rate == 1.0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("learning-rate = 0.1", r"no 'learning-rate': use learning_rate\."),
        ("dropout = 0.9", r"no 'dropout': use one of epochs, steps"),
        ("[training]\nepochs = 3", r"no 'training': use"),
        ("epochs = 2.5", r"epochs of a recipe is 2\.5; it has to be a whole number\."),
        ("epochs = true", "has to be a whole number"),
        ("noise = '0.1'", "has to be a number"),
        ("eager = 1", "has to be true or false"),
        ("epochs = 0", r"epochs of a recipe is 0; it lies from 1 to 1e\+09\."),
        ("learning_rate = nan", "is nan; it lies from"),
        ("weight_decay = inf", "is inf; it lies from"),
        ("label_smoothing = -0.1", "lies from 0 to 0.9"),
        ("optimiser = 'adam'", r"optimiser of a recipe is 'adam'; it has to be adamw or sgd\."),
        ("optimiser = 1", "it has to be adamw or sgd"),
        ("momentum = 1", "lies from 0 to 0.9999"),
        ("averaging = 1.0", "lies from 0 to 0.99999"),
        ("warm_up = 1.0", "lies from 0 to 0.9"),
        ("cutout = -1", r"lies from 0 to 10000\."),
        ("epochs 3", "It is no TOML"),
    ],
)
def test_a_wrong_recipe_is_refused_with_what_to_write(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        read_recipe(text)


@given(
    st.sampled_from([field.name for field in fields(TrainingSettings)]),
    st.one_of(st.integers(), st.floats(), st.booleans(), st.sampled_from(["adamw", "sgd", "other"])),
)
def test_a_recipe_is_read_or_refused_and_nothing_else(name: str, value: object) -> None:
    try:
        found = read_recipe(f"{name} = {written(value)}")
    except InputError:
        return
    assert getattr(found, name) == value


@given(st.floats(-0.1, 1.5), st.floats(0, 0.9))
def test_the_rate_rises_to_its_peak_once_and_decays_to_nothing(progress: float, warm_up: float) -> None:
    factor, later = rate_factor(progress, warm_up), rate_factor(progress + 0.01, warm_up)
    assert 0 <= factor <= rate_factor(warm_up, warm_up) == 1
    assert later >= factor if progress + 0.01 <= warm_up else later <= factor or progress < warm_up
    assert rate_factor(1.0, warm_up) == 0


@given(st.integers(2, 400), st.integers(1, 40))
def test_no_batch_has_a_single_sample_of_which_a_norm_learns_nothing(samples: int, largest: int) -> None:
    assert min(len(rows) for rows in shuffled(samples, batch_count(samples, largest))) >= 2


@given(st.integers(2, 10**6), st.integers(3, 1000))
def test_batches_that_may_have_three_samples_are_as_many_as_ever(samples: int, largest: int) -> None:
    assert batch_count(samples, largest) == math.ceil(samples / min(largest, max(16, samples // 8)))
