"""What a frozen encoder saves of the budget of keys: python -m benchmarks.learning.encoder.

Prints, for 2 to 16 query vectors, the test accuracy of a linear layer's miner on digits as pixels and as the
32 numbers of the encoder of examples/encoder.py, which was trained on the other half of them. Beside it the
affine rank of either, of which as many vectors as that tell all. Five splits and layers, mean and deviation.
"""

import importlib.util
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from scripts.contracts.sources import ROOT

from pole.cli.common.training import use_threads
from pole.learning.data.datasets import DataSet
from pole.learning.preparing.preparing import Wanted, prepare
from pole.learning.privacy.measure import profile
from pole.learning.training.rehearsal import rehearse
from pole.learning.training.stopping import StopRule
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.mapping.kinds import LinearMapping
from pole.protocol.models.specification import mlp

QUERIES = (2, 4, 8, 16)
SEEDS = 5
SECONDS = 6.0
BITS = 8


def example() -> ModuleType:
    specification = importlib.util.spec_from_file_location("example", ROOT / "examples" / "encoder.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def accuracy(dataset: DataSet, queries: int, seed: int) -> float:
    """Return the share of test samples that a miner's model gets right."""
    specification = mlp(
        input_shape=dataset.input_shape,
        input_bits=BITS,
        mapping=LinearMapping(bits=3, queries=queries),
        hidden=(32,),
        classes=dataset.classes,
    )
    rule = StopRule(len(dataset.x_train), time.monotonic() + SECONDS, time.monotonic, lambda: False)
    layer = keccak256(seed.to_bytes(32, "big"))
    found = rehearse(dataset, specification, rule, seed=layer, random_seed=seed, device=torch.device("cpu"))
    return found.test.correct / len(dataset.x_test)


def rows(folder: Path) -> Iterator[str]:
    made = example()
    made.make(folder)
    encoder = str(folder / made.ENCODER)
    for name, chosen in (("pixels", None), ("encoder", encoder)):
        datasets = [
            prepare(folder / made.DATA, Wanted(seed=seed, encoder=chosen)).dataset for seed in range(SEEDS)
        ]
        rank = profile(datasets[0], BITS).measure.affine_rank
        for queries in QUERIES:
            found = [accuracy(dataset, queries, seed) for seed, dataset in enumerate(datasets)]
            yield f"{name:10}{rank:>6}{queries:>9}{np.mean(found):>10.1%}{np.std(found):>8.1%}"


def main() -> None:
    use_threads(1)
    print(f"{'input':10}{'rank':>6}{'queries':>9}{'accuracy':>10}{'±':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for row in rows(Path(folder)):
            print(row, flush=True)


if __name__ == "__main__":
    main()
