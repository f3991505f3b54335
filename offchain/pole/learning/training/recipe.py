"""A miner's recipe: how it trains, which the specification leaves to it."""

import difflib
import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Literal, get_args, get_origin

import torch
from torch import Tensor

from pole.errors import InputError
from pole.quoting import quoted, reason

WARM_UP: Final = 0.2
SMALLEST_BATCH: Final = 16
BATCHES_IN_AN_EPOCH: Final = 8


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """The miner's own choices; the defaults suit a hundred samples as well as tens of thousands.

    The first cycle has at least `epochs` epochs and at least `steps` batches. A batch has at most `batch`
    samples, fewer where an epoch would have less than eight batches, and always two: where `batch` is 1 or
    2, an odd number of samples makes one of three. Where the features are vectors, `noise` is the standard
    deviation of the noise added to them once whitened; where they are images, `shift` is by how many pixels
    they are moved at most, each way, `flip` mirrors half of them, and the other half in the next epoch, and
    `cutout` is the side of a square in each that is hidden. These and `label_smoothing` are for the first
    cycle only.

    `optimiser` is AdamW, or stochastic gradient descent with Nesterov's `momentum`, of which `weight_decay`
    holds for weights alone. The rate rises for the part `warm_up` of a cycle, and decays for the rest.
    `averaging` is the decay, for each batch, of an average of the network of which models are made; at 0 they
    are made of the network as it stands.

    `whitening_floor` is the smallest eigenvalue, as a part of the largest, that whitening brings up to
    variance 1. An `eager` training is judged after every epoch and ends with the first model that reaches the
    required accuracy; otherwise it ends with the cycle that does, whose rate has decayed, for more accuracy
    on the test set. Where `mixed_precision` holds networks compute in bfloat16 on a GPU, and those of images
    on a processor that has instructions for it. `compiled` runs them through torch.compile, which takes a
    minute before it gains anything, and gains nothing on a processor that computes in bfloat16.
    """

    epochs: int = 10
    steps: int = 400
    batch: int = 500
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    label_smoothing: float = 0.1
    noise: float = 0.2
    shift: int = 2
    flip: bool = False
    cutout: int = 0
    optimiser: Literal["adamw", "sgd"] = "adamw"
    momentum: float = 0.9
    warm_up: float = WARM_UP
    averaging: float = 0.0
    whitening_floor: float = 1e-3
    eager: bool = False
    mixed_precision: bool = True
    compiled: bool = False


LIMITS: Final[Mapping[str, tuple[float, float]]] = {
    "epochs": (1, 10**9),
    "steps": (1, 10**9),
    "batch": (1, 10**9),
    "learning_rate": (1e-9, 1e3),
    "weight_decay": (0, 1e3),
    "label_smoothing": (0, 0.9),
    "noise": (0, 1e3),
    "shift": (0, 10**4),
    "cutout": (0, 10**4),
    "momentum": (0, 0.9999),
    "warm_up": (0, 0.9),
    "averaging": (0, 0.99999),
    "whitening_floor": (0, 1),
}
"""The smallest and the largest value that a recipe may have of each number."""


def read_recipe(text: str) -> TrainingSettings:
    """Return the settings that a TOML text names, the defaults for the others.

    Raises InputError for text that is no TOML, an unknown name, a value of another type or out of range.
    """
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"It is no TOML: {reason(error)}; correct it.") from error
    types = {field.name: field.type for field in fields(TrainingSettings)}
    return replace(
        TrainingSettings(), **{name: _checked(name, value, types) for name, value in values.items()}
    )


def _checked(name: str, value: object, types: Mapping[str, Any]) -> Any:
    if name not in types:
        nearest = (*difflib.get_close_matches(name, types, 1), None)[0]
        advice = f"use {nearest}" if nearest else f"use one of {', '.join(types)}"
        raise InputError(f"A recipe has no {quoted(name)}: {advice}.")
    wanted = types[name]
    if get_origin(wanted) is Literal:
        return _chosen(name, value, get_args(wanted))
    # 1 is a fine learning rate, but true is no number of epochs.
    if type(value) is not wanted and not (wanted is float and type(value) is int):
        names = {int: "a whole number", float: "a number", bool: "true or false"}
        raise InputError(f"{name} of a recipe is {quoted(value)}; it has to be {names[wanted]}.")
    if name in LIMITS:
        lowest, highest = LIMITS[name]
        if not lowest <= float(str(value)) <= highest:
            raise InputError(
                f"{name} of a recipe is {quoted(value)}; it lies from {lowest:g} to {highest:g}."
            )
    return float(str(value)) if wanted is float else value


def _chosen(name: str, value: object, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise InputError(f"{name} of a recipe is {quoted(value)}; it has to be {' or '.join(choices)}.")
    return str(value)


def rate_factor(progress: float, warm_up: float) -> float:
    """Return the learning rate's factor at a part of a cycle: linear warm-up, then cosine decay."""
    progress = max(progress, 0.0)
    if progress < warm_up:
        return 0.05 + 0.95 * progress / warm_up
    return 0.5 * (1 + math.cos(math.pi * min((progress - warm_up) / (1 - warm_up), 1.0)))


def batch_count(samples: int, largest: int) -> int:
    """Return the number of batches in an epoch of two or more samples, each of which has two or more."""
    size = min(largest, max(SMALLEST_BATCH, samples // BATCHES_IN_AN_EPOCH))
    # BatchNorm cannot learn from a single sample.
    return max(1, min(math.ceil(samples / size), samples // 2))


def shuffled(samples: int, batches: int) -> Iterator[Tensor]:
    """Yield the samples' numbers in random order, batch by batch."""
    # Nearly equal parts: the last batch is no smaller than batch_count means it to be.
    yield from torch.tensor_split(torch.randperm(samples), batches)
