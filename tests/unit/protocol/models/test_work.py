"""The work of judging: what small networks take by hand, and that no more of anything takes less."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.unit.protocol.example_rounds import TERMS

from pole.errors import InputError
from pole.protocol.idle.task import idle_specification
from pole.protocol.mapping.kinds import LinearMapping
from pole.protocol.models import layers as kinds
from pole.protocol.models.layers import Layer
from pole.protocol.models.shapes import multiplication_count, output_shape
from pole.protocol.models.specification import ModelSpecification, mlp, parse_specification
from pole.protocol.models.work import (
    MAX_WORK,
    decryption_work,
    evaluation_work,
    judging_work,
    require_declared,
)

EXAMPLES = Path(__file__).parents[4] / "examples"
DECLARED = {
    "breast-cancer-mlp": 622_240,
    "cifar10": 384_757_632,
    "diabetes-mlp": 189_648,
    "digits-mlp": 1_095_936,
    "iris-mlp": 164_080,
    "languages-mlp": 7_390_144,
    "mnist-mlp": 8_854_656,
    "mnist-transformer": 9_625_856,
    "penguins-mlp": 264_480,
}


def network(**changes: Any) -> ModelSpecification:
    plain = {"values": 6, "bits": 8, "queries": 4, "noise": 0, "hidden": (5,), "classes": 3}
    given: dict[str, Any] = {**plain, **changes}
    mapping = LinearMapping(bits=given["bits"], queries=given["queries"], noise=given["noise"])
    return mlp(
        input_shape=(given["values"],),
        input_bits=8,
        mapping=mapping,
        hidden=given["hidden"],
        classes=given["classes"],
    )


def test_a_task_that_declares_less_than_its_specification_takes_is_refused() -> None:
    needed = judging_work(network())
    require_declared(network(), replace(TERMS, work=needed))
    require_declared(network(), replace(TERMS, work=MAX_WORK))
    with pytest.raises(InputError, match=f"declares {needed - 1} multiplications .* takes {needed}"):
        require_declared(network(), replace(TERMS, work=needed - 1))


def test_a_perceptron_by_hand() -> None:
    features = 64 * 4
    hidden = 4 * 5 + 64 * 5 + 64 * 5 + 16 * 5
    logits = 5 * 3 + 64 * 3
    assert evaluation_work(network()) == features + hidden + logits


def test_decryption_by_hand() -> None:
    assert decryption_work(network()) == 4096 * 7 + 128 * 4 * (6 + 128)


def test_a_column_of_noise_is_read_and_weighed_like_any_other() -> None:
    noisy = decryption_work(network(noise=2))
    assert noisy == decryption_work(network()) + 4 * (4096 + 128)


def test_every_window_is_weighed_by_every_query_vector() -> None:
    document = json.loads((EXAMPLES / "mnist-mlp.json").read_text())
    specification = parse_specification(json.dumps(document))
    assert decryption_work(specification) == 4096 * 785 + 128 * 4 * 32 * (196 + 128)


@pytest.mark.parametrize(
    ("layer", "shape", "work"),
    [
        (kinds.Linear(name="a", out_features=3), (4,), 4 * 3 + 16 * 4 * 3),
        (kinds.Linear(name="a", out_features=3), (2, 4), 2 * 4 * 3 + 16 * 4 * 2 * 3),
        (
            kinds.Conv2d(name="a", out_channels=5, kernel_size=3),
            (2, 4, 4),
            2 * 9 * 20 + 16 * (18 * 4 + 4 * 20),
        ),
        # Windows that skip most of their input: all of it, with what pads it, is laid out and looked at.
        (
            kinds.Conv2d(name="a", out_channels=5, kernel_size=2, stride=9, padding=1),
            (2, 8, 8),
            2 * 4 * 5 + 16 * (2 * 100 + 4 * 5),
        ),
        (
            kinds.MaxPool2d(name="a", kernel_size=2, stride=9, padding=1),
            (3, 8, 8),
            16 * (300 + 4 * 3),
        ),
        (kinds.AvgPool2d(name="a", kernel_size=2, stride=9), (3, 8, 8), 16 * (192 + 4 * 3)),
        (kinds.MaxPool2d(name="a", kernel_size=2), (3, 4, 4), 16 * (4 + 4) * 12),
        (kinds.AvgPool2d(name="a", kernel_size=2), (3, 4, 4), 16 * (4 + 4) * 12),
        (
            kinds.MultiheadAttention(name="a", num_heads=2),
            (3, 4),
            4 * 3 * 16 + 2 * 9 * 4 + 16 * (20 * 12 + 8 * 2 * 9),
        ),
        (kinds.LayerNorm(name="a"), (3, 4), 16 * 16 * 12),
        (kinds.BatchNorm1d(name="a"), (4,), 16 * 4 * 4),
        (kinds.BatchNorm2d(name="a"), (2, 3, 3), 16 * 4 * 18),
        (kinds.Position(name="a"), (3, 4), 16 * 4 * 12),
        (kinds.Mean(name="a"), (3, 4), 16 * (12 + 4)),
        (kinds.GELU(name="a"), (4,), 16 * 4 * 4),
        (kinds.Sigmoid(name="a"), (4,), 16 * 4 * 4),
        (kinds.Tanh(name="a"), (4,), 16 * 4 * 4),
        (kinds.LeakyReLU(name="a"), (4,), 16 * 4 * 4),
        (kinds.ReLU(name="a"), (4,), 16 * 4),
        (kinds.Dropout(name="a"), (4,), 16 * 4),
        (kinds.Flatten(name="a"), (2, 3, 3), 16 * 18),
        (kinds.Unflatten(name="a", unflattened_size=(2, 2)), (4,), 16 * 4),
        (kinds.Transpose(name="a"), (3, 4), 16 * 12),
        (kinds.Add(name="a"), (4,), 16 * (8 + 4)),
        (kinds.Concat(name="a"), (4,), 16 * (8 + 8)),
    ],
)
def test_a_layer_by_hand(layer: Layer, shape: tuple[int, ...], work: int) -> None:
    shapes = (shape,) * (2 if isinstance(layer, kinds.Add | kinds.Concat) else 1)
    assert multiplication_count(layer, shapes, output_shape(layer, shapes)) == work


@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.json")))
def test_what_every_example_declares(name: str) -> None:
    specification = parse_specification((EXAMPLES / f"{name}.json").read_bytes())
    assert judging_work(specification) == DECLARED[name]


def test_an_idle_task_takes_no_decryption() -> None:
    specification = idle_specification()
    assert 1 <= evaluation_work(specification) < judging_work(specification)


SIZES = st.fixed_dictionaries(
    {
        "values": st.integers(1, 40),
        "bits": st.just(16),
        "queries": st.integers(1, 16),
        "noise": st.integers(0, 3),
        "hidden": st.lists(st.integers(1, 50), max_size=3).map(tuple),
        "classes": st.integers(2, 20),
    }
)


@given(SIZES, st.sampled_from(["values", "queries", "hidden", "classes"]))
def test_more_of_anything_takes_more(sizes: dict[str, Any], what: str) -> None:
    more = tuple(width + 1 for width in sizes[what] or (0,)) if what == "hidden" else sizes[what] + 1
    assume(what != "hidden" or sizes[what])
    assume(what != "queries" or more <= 16 * sizes["values"])
    less = judging_work(network(**sizes))
    assert 1 <= less < judging_work(network(**sizes | {what: more})) <= MAX_WORK
