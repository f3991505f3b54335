"""What it costs to see what a task gives away, before it is posted: python -m benchmarks.encryption.preview.

Prints the seconds that measuring a data set takes (hull, directions, bits), those of one draw of all attacks,
and both as a part of the encryption that follows, on one thread. Encryption is timed on some samples and
counted for all. Needs MNIST and CIFAR-10 (`pole data fetch mnist cifar10`); says what it leaves out.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from pole.cli.common.training import use_threads
from pole.errors import InputError
from pole.ipfe.group import ORDER
from pole.ipfe.scheme import encrypt, generate_keys
from pole.learning.data.datasets import DataSet, data_directory, load
from pole.learning.privacy.disclosure import reconstruct
from pole.learning.privacy.measure import profile
from pole.learning.privacy.views import View
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.mapping.kinds import BlocksMapping, ConvMapping, LinearMapping, Mapping
from pole.protocol.mapping.layer import data_plan
from pole.protocol.models.specification import Input, ModelSpecification
from pole.roles.keys.preview import known_part

BITS = 8
ENCRYPTED = 512

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Case:
    """A data set and the layer that it is looked at through."""

    data: str
    layer: str
    mapping: Mapping

    def view(self, dataset: DataSet) -> View:
        given = Input(shape=dataset.input_shape, bits=BITS)
        specification = ModelSpecification.model_construct(input=given, mapping=self.mapping)
        return View(data_plan(specification, keccak256(b"seed")))


CASES = (
    Case("digits", "linear 32", LinearMapping(bits=3, queries=32)),
    Case("mnist", "4 blocks x 32", BlocksMapping(bits=3, queries=32, tile=(14, 14))),
    Case("cifar10", "linear 128", LinearMapping(bits=3, queries=128)),
    Case("cifar10", "conv 3x3", ConvMapping(bits=3, queries=1, kernel=(3, 3))),
)


def timed(work: Callable[[], Result]) -> tuple[float, Result]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def encryption_of(dataset: DataSet) -> float:
    """Return the seconds that encrypting all samples takes."""
    dimension = int(np.prod(dataset.input_shape))
    secret, _ = generate_keys(dimension, os.urandom)
    x = np.random.default_rng(1).integers(0, 256, (ENCRYPTED, dimension)).astype(np.uint8)
    seconds, _ = timed(lambda: encrypt(secret, x, os.urandom))
    return seconds * (len(dataset.x_train) + len(dataset.x_test)) / ENCRYPTED


def row(case: Case, dataset: DataSet) -> str:
    view, part = case.view(dataset), known_part(dataset)
    measuring, measured = timed(lambda: profile(dataset, BITS))
    giving, _ = timed(lambda: measured.given_by([view], ORDER))
    attacking, found = timed(lambda: reconstruct(part, [view], bits=BITS))
    encrypting = encryption_of(dataset)
    ratio = (measuring + giving + attacking) / encrypting
    return (
        f"{case.data + ', ' + case.layer:28}{measuring + giving:>8.1f} s{attacking:>8.1f} s"
        f"{encrypting:>11.1f} s{ratio:>8.2f}  left out: {', '.join(found.left_out) or 'nothing'}"
    )


def main() -> None:
    use_threads(1)
    print(f"{'data, layer':28}{'measure':>10}{'attacks':>10}{'encryption':>13}{'ratio':>8}")
    for case in CASES:
        try:
            dataset = load(case.data, data_directory(os.environ, Path.cwd()))
        except InputError as error:
            print(f"{case.data} is left out: {error}")
        else:
            print(row(case, dataset), flush=True)


if __name__ == "__main__":
    main()
