"""What bfloat16, channels last and torch.compile are worth: python -m benchmarks.learning.precision.

Claim: on a processor with instructions for bfloat16 networks of images learn at least twice as fast with both
as in float32 with channels first, and the smallest network of vectors no faster. Samples are random; a step
is forward and backward, without augmentation and optimiser. n: the median of 5 runs in turn, after one that
is not counted; the spread is half the distance between the slowest and the fastest. Processor seconds of one
thread. Hardware: one core of whatever it runs on.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from scripts.contracts.sources import ROOT
from torch import Tensor
from torch.nn import functional

from benchmarks.learning.evaluation import cnn
from pole.cli.common.training import use_threads
from pole.learning.networks.network import Network
from pole.learning.training.optimising.precision import has_bfloat16, laid_out
from pole.protocol.mapping.layer import feature_shape
from pole.protocol.models.specification import ModelSpecification, parse_specification

RUNS = 5
SECONDS = 0.2


def example(name: str) -> ModelSpecification:
    return parse_specification((ROOT / "examples" / f"{name}.json").read_bytes())


CASES = (
    ("iris, MLP", example("iris-mlp"), 16),
    ("mnist, MLP", example("mnist-mlp"), 500),
    ("mnist, CNN", cnn((1, 28, 28)), 250),
    ("cifar10", example("cifar10"), 500),
)


@dataclass(frozen=True, slots=True)
class Way:
    """How a batch is computed."""

    name: str
    numbers: torch.dtype
    lay: Callable[[Tensor], Tensor]
    prepare: Callable[[Network], Callable[[Tensor], Tensor]] = lambda network: network


def as_it_is(inputs: Tensor) -> Tensor:
    return inputs


WAYS = (
    Way("float32", torch.float32, as_it_is),
    Way("float32, channels last", torch.float32, laid_out),
    Way("bfloat16", torch.bfloat16, as_it_is),
    Way("bfloat16, channels last", torch.bfloat16, laid_out),
    Way("the same, compiled", torch.bfloat16, laid_out, torch.compile),
)


def step_of(specification: ModelSpecification, batch: int, way: Way) -> Callable[[], None]:
    network = Network(specification)
    inputs = way.lay(torch.randn(batch, *feature_shape(specification)))
    labels = torch.randint(specification.classes, (batch,))
    compute = way.prepare(network)

    def step() -> None:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=way.numbers is torch.bfloat16):
            logits = compute(inputs)
        functional.cross_entropy(logits.float(), labels).backward()  # type: ignore[no-untyped-call]
        network.zero_grad()

    return step


def speed(step: Callable[[], None], batch: int) -> float:
    """Samples learned in a processor second."""
    begun, steps = time.process_time(), 0
    while steps == 0 or time.process_time() - begun < SECONDS:
        step()
        steps += 1
    return steps * batch / (time.process_time() - begun)


def measure(specification: ModelSpecification, batch: int) -> dict[str, list[float]]:
    images = len(feature_shape(specification)) == 3
    ways = [way for way in WAYS if images or way.lay is as_it_is]
    steps = {way.name: step_of(specification, batch, way) for way in ways}
    for step in steps.values():
        step()
    found: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(RUNS):
        for name, step in steps.items():
            found[name].append(speed(step, batch))
    return found


def main() -> None:
    use_threads(1)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, instructions for bfloat16: {'yes' if has_bfloat16() else 'no'}")
    print(f"{'network':12}  {'way':24} samples a processor second (median of {RUNS})   of float32")
    for name, specification, batch in CASES:
        found = measure(specification, batch)
        plain = statistics.median(found["float32"])
        for way, speeds in found.items():
            middle, spread = statistics.median(speeds), (max(speeds) - min(speeds)) / 2
            print(f"{name:12}  {way:24} {middle:12,.0f} ± {spread:,.0f}   {middle / plain:.2f}", flush=True)


if __name__ == "__main__":
    main()
