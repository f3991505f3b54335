"""What judging a model takes, in multiplications a sample: it follows from the specification alone.

A multiplication stands for the time that one takes in a large matrix product; the network's layers are
counted so in pole.protocol.models.shapes, and decryption here. How true that is measures
benchmarks/learning/judging.py. docs/model-specification.md, "The work of judging", says it as a table.
"""

from math import prod
from typing import Final

from pole.errors import InputError
from pole.protocol.mapping.kinds import feature_shape, window_count, window_size
from pole.protocol.models.graph import count_multiplications
from pole.protocol.models.shapes import HANDLING, ROUNDED
from pole.protocol.models.specification import ModelSpecification
from pole.protocol.state import TaskTerms

MAX_WORK: Final = 2**40 - 1
DECODING: Final = 4096
"""Multiplications for which an element of a ciphertext is read."""
WEIGHING: Final = 128
"""Multiplications for which an element is weighed by one query vector."""
FINISHING: Final = 128
"""Elements that count as weighed for each inner product: its key's part, and its discrete logarithm."""


def judging_work(specification: ModelSpecification) -> int:
    """Return the multiplications a sample that judging one model of a posted task takes: TaskTerms.work."""
    return min(evaluation_work(specification) + decryption_work(specification), MAX_WORK)


def require_declared(specification: ModelSpecification, terms: TaskTerms) -> None:
    """Raise InputError where a task declares less work than its specification takes."""
    needed = judging_work(specification)
    if terms.work < needed:
        raise InputError(
            f"The task declares {terms.work} multiplications a sample, but judging a model of its "
            f"specification takes {needed}; declare those."
        )


def evaluation_work(specification: ModelSpecification) -> int:
    """Return the part of the canonical evaluation, which is all that an idle task takes."""
    features = prod(feature_shape(specification.mapping, specification.input.shape))
    return ROUNDED * HANDLING * features + count_multiplications(specification.nodes())


def decryption_work(specification: ModelSpecification) -> int:
    """Return the part of decrypting a sample, which counts for each model although all models share it.

    Every element is read once; every inner product weighs a window's positions, and its column of noise.
    """
    mapping, shape = specification.mapping, specification.input.shape
    products = window_count(mapping, shape) * mapping.queries
    noise = specification.columns - specification.dimension
    weighed = products * (window_size(mapping, shape) + FINISHING) + noise
    return DECODING * (specification.columns + 1) + WEIGHING * weighed
