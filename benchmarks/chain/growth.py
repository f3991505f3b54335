"""Whether memory grows with the rounds that a worker has taken part in: python -m benchmarks.chain.growth.

Claim: after the first twenty rounds a worker's memory grows by 8 MiB at most over 200 rounds, of which a
table of logarithms for another size of bounds takes up to 4; the events of those rounds, which it keeps, take
8 MiB at most beside that. Each round decrypts another set, every second one of points that were decoded
before, and evaluates another model, in threads of its own. n: one process, 200 rounds, then the events of as
many; --plain leaves glibc's malloc as it is. Data and models are random, of 4 to 64 features and 100 to 600
samples. Hardware: whatever it runs on, Linux. The contracts have to be compiled (`tools/brownie compile`).
"""

import argparse
import os
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from benchmarks.common.resident import resident
from pole.adapters.machine.memory import give_back_freed_memory, trim_heap
from pole.ipfe import scheme
from pole.learning.evaluation.canonical import CanonicalModel, evaluate, tensor_shapes
from pole.learning.evaluation.features import FeatureMap
from pole.learning.machine.threads import limit_threads
from pole.protocol.mapping.kinds import LinearMapping
from pole.protocol.mapping.layer import arrange, feature_shape, query_plan
from pole.protocol.models import layers
from pole.protocol.models.specification import (
    MAX_MODEL_BYTES,
    MAX_PARAMETERS,
    Input,
    ModelSpecification,
)

MIB = 2**20
SETTLED = 20
"""Rounds until every kind of work has been done, and every table been built, once."""


def specification(features: int, queries: int, width: int) -> ModelSpecification:
    """Return a task's network of one hidden layer."""
    return ModelSpecification(
        input=Input(shape=(features,), bits=8),
        mapping=LinearMapping(bits=3, queries=queries),
        graph=(
            layers.Linear(name="hidden", out_features=width),
            layers.ReLU(name="relu"),
            layers.Linear(name="logits", out_features=3),
        ),
        classes=3,
        max_parameters=MAX_PARAMETERS,
        max_bytes=MAX_MODEL_BYTES,
    )


def play(random: np.random.Generator) -> int:
    """Take part in a round; return the bound of its inner products."""
    features, samples = int(random.integers(4, 65)), int(random.integers(100, 601))
    wanted = specification(features, int(random.integers(4, 33)), int(random.integers(8, 129)))
    plan = query_plan(wanted, random.bytes(32))
    secret, _ = scheme.generate_keys(features, random.bytes)
    values = random.integers(0, 256, (samples, features)).astype(np.uint8)
    keys, bound = scheme.derive_keys(secret, plan), scheme.bound_of(plan, 255)
    sealed = scheme.encrypt(secret, values, random.bytes)
    # As a worker does it: some threads, which end with the set.
    with ThreadPoolExecutor(4) as threads:
        given = sealed if random.integers(2) else threads.submit(scheme.expand, sealed).result()
        products = threads.submit(scheme.decrypt, given, plan, keys, bound).result()
        model = random_model(wanted, random)
        labels = random.integers(0, 3, samples)
        threads.submit(evaluate, model, arrange(products.values, wanted), labels).result()
    return bound


def random_model(wanted: ModelSpecification, random: np.random.Generator) -> CanonicalModel:
    """Return a model of small weights."""
    count = feature_shape(wanted)[0]
    scaled = FeatureMap(np.zeros(count, dtype=np.int64), np.full(count, 0.01, dtype=np.float32))
    shapes = tensor_shapes(wanted)
    tensors = {name: random.integers(-50, 51, shape).astype(np.int32) for name, shape in shapes.items()}
    return CanonicalModel(wanted, bytes(32), scaled, tensors)


def worked(options: argparse.Namespace) -> float:
    """Play rounds; return the MiB that memory grew by after the first of them."""
    random, found = np.random.default_rng(options.seed), []
    for number in range(1, options.rounds + 1):
        bound = play(random)
        if not options.plain:
            trim_heap()
        found.append(resident(os.getpid()))
        if number in {1, 2, 5, 10} or number % SETTLED == 0:
            print(f"round {number:>4}  bound {bound:>7}  {found[-1] / MIB:>6.1f} MiB", flush=True)
    settled = found[SETTLED - 1 :]
    growth = (max(settled) - settled[0]) / MIB
    print(
        f"after round {SETTLED}: {min(settled) / MIB:.1f} to {max(settled) / MIB:.1f} MiB, {growth:+.1f} MiB"
    )
    return growth


def remembered(rounds: int) -> float:
    """Read the events of some rounds; return the MiB of Python's objects that those after the first take."""
    from benchmarks.chain.past_rounds import PastRounds  # with tests, which have no part in the memory above

    past, kept, found = PastRounds(), 0, []
    tracemalloc.start()
    for _ in range(rounds):
        kept = past.end_round()
        found.append(tracemalloc.get_traced_memory()[0])
    growth = (found[-1] - found[SETTLED - 1]) / MIB
    print(f"events of {rounds} rounds, {kept}: {growth:+.1f} MiB of objects after round {SETTLED}")
    return growth


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plain", action="store_true", help="leave the C library's thresholds as they are")
    options = parser.parse_args()
    if not options.plain:
        give_back_freed_memory()
    limit_threads(1)
    growth, events = worked(options), remembered(options.rounds)
    sys.exit(growth > 8 or events > 8)


if __name__ == "__main__":
    main()
