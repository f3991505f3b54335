"""Correctness and speed of decryption on this machine's NVIDIA GPU.

Claim: an H200 decrypts MNIST (60,000 samples of 784 columns, 4 blocks x 32 queries) in less than 3 s. Builds
the GPU library where that has not been done, compares its results with the processor's bit for bit, then
prints inner products a second for each layer, from 32-byte encodings and from 64-byte affine points: 3-bit
query vectors, 8-bit inputs, discrete logarithms included, medians of repeated runs. A few hundred different
samples are encrypted and then repeated, since the work does not depend on what is in them.

    python benchmarks/encryption/gpu.py [--quick] [--json]

Exits with 3 where there is no GPU, or no nvcc, to measure.
"""

import argparse
import json
import os
import statistics
import sys
import time
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from pole.errors import InputError
from pole.ipfe import backend, scheme
from pole.ipfe.cuda import device
from pole.ipfe.kernel import Bytes, Kernel
from pole.protocol.mapping.plan import QueryPlan

NO_DEVICE = 3
MAX_INPUT = 255
DISTINCT = 256
CHECKED = 96
AIM_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Layer:
    """A mapping layer over so many samples."""

    title: str
    plan: QueryPlan
    dimension: int
    samples: int


@dataclass(frozen=True, slots=True)
class Measurement:
    """One layer from one form of the points: times in seconds, with the spread of the repeats."""

    layer: str
    form: str
    samples: int
    inner_products: int
    prepare_seconds: float
    first_seconds: float
    median_seconds: float
    fastest_seconds: float
    slowest_seconds: float
    inner_products_per_second: float


def vectors(queries: int, length: int) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 8, (queries, length)).astype(np.uint8)


def tiles(windows: int, queries: int) -> QueryPlan:
    columns = np.arange(784, dtype=np.int32).reshape(windows, -1)
    return QueryPlan(columns, vectors(queries, columns.shape[1]))


def convolution(channels: int, side: int, width: int) -> QueryPlan:
    """One filter, valid positions, each channel by itself."""
    places = np.arange(channels * side * side, dtype=np.int32).reshape(channels, side, side)
    windows = np.lib.stride_tricks.sliding_window_view(places, (width, width), axis=(1, 2))
    return QueryPlan(np.ascontiguousarray(windows.reshape(-1, width * width)), vectors(1, width * width))


def layers(scale: int) -> list[Layer]:
    return [
        Layer("MNIST, 4 blocks x 32", tiles(4, 32), 784, 60_000 // scale),
        Layer("linear, D = 784, L = 128", tiles(1, 128), 784, 60_000 // scale),
        Layer("conv, 3 x 32 x 32, one 3 x 3 filter a channel", convolution(3, 32, 3), 3072, 8_192 // scale),
    ]


def encrypt(
    layer: Layer, distinct: int
) -> tuple[scheme.FunctionalKeys, scheme.Ciphertexts, scheme.AffineCiphertexts]:
    msk, _ = scheme.generate_keys(layer.dimension, os.urandom)
    x = np.random.default_rng(2).integers(0, MAX_INPUT + 1, (distinct, layer.dimension)).astype(np.uint8)
    ciphertexts = scheme.encrypt(msk, x, os.urandom, threads=os.cpu_count() or 1)
    return scheme.derive_keys(msk, layer.plan), ciphertexts, scheme.expand(ciphertexts)


def repeated(ciphertexts: scheme.Ciphertexts | scheme.AffineCiphertexts, samples: int) -> tuple[Bytes, Bytes]:
    index = np.arange(samples) % len(ciphertexts)
    return ciphertexts.ct0[index], ciphertexts.ct[index]


def check(gpu: Kernel, processor: Kernel, layer: Layer) -> None:
    """Stop unless both give the same bytes, also of a sample with a broken point."""
    keys, encoded, affine = encrypt(layer, CHECKED)
    bound = scheme.bound_of(layer.plan, MAX_INPUT)
    both = [kernel.decryptor(layer.plan, keys.eta, layer.dimension, bound) for kernel in (gpu, processor)]
    for form in (encoded, affine):
        broken = form.ct.copy()
        broken[CHECKED // 2, 3] = 255
        for ct in (form.ct, broken):
            got, expected = (decryptor.inner_products(form.ct0, ct) for decryptor in both)
            if got.tobytes() != expected.tobytes():
                raise SystemExit(f"{layer.title}: the GPU and the processor differ.")


def measure(gpu: Kernel, layer: Layer, repeats: int) -> list[Measurement]:
    keys, encoded, affine = encrypt(layer, DISTINCT)
    bound, found = scheme.bound_of(layer.plan, MAX_INPUT), []
    for form, ciphertexts in (("encodings", encoded), ("affine", affine)):
        ct0, ct = repeated(ciphertexts, layer.samples)
        start = time.perf_counter()
        decryptor = gpu.decryptor(layer.plan, keys.eta, layer.dimension, bound)
        prepared = time.perf_counter() - start
        times = []
        for _ in range(repeats + 1):
            start = time.perf_counter()
            results = decryptor.inner_products(ct0, ct)
            times.append(time.perf_counter() - start)
        first, rest = times[0], times[1:]
        median = statistics.median(rest)
        found.append(
            Measurement(
                layer.title,
                form,
                layer.samples,
                results.size,
                prepared,
                first,
                median,
                min(rest),
                max(rest),
                results.size / median,
            )
        )
    return found


def report(measurement: Measurement) -> None:
    m = measurement
    print(
        f"{m.layer:<46} {m.form:<10} {m.samples:>7,} samples {m.median_seconds:>7.3f} s "
        f"({m.fastest_seconds:.3f} to {m.slowest_seconds:.3f}, first {m.first_seconds:.3f}, "
        f"prepared in {m.prepare_seconds:.3f}) {m.inner_products_per_second:>13,.0f} ip/s",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="a sixteenth of the samples, one repeat")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    arguments = parser.parse_args()
    scale, repeats = (16, 1) if arguments.quick else (1, 5)
    start = time.perf_counter()
    try:
        gpu, found = backend.choose(backend.CUDA), device.find()
    except InputError as error:
        print(f"Nothing was measured. {error}", file=sys.stderr)
        raise SystemExit(NO_DEVICE) from error
    loaded = time.perf_counter() - start
    processor = backend.choose(backend.available()[0])
    chosen = layers(scale)
    for layer in chosen:
        check(gpu, processor, layer)
    head = {"device": found.name, "architecture": found.architecture, "load_seconds": loaded}
    if not arguments.json:
        print(f"{found.name}, {found.architecture}, library built or loaded in {loaded:.1f} s")
        print(f"same bytes as {processor.name!r} for {CHECKED} samples of every layer, both forms")
    measurements = []
    for layer in chosen:
        for measurement in measure(gpu, layer, repeats):
            measurements.append(measurement)
            if not arguments.json:
                report(measurement)
    if arguments.json:
        print(json.dumps({**head, "measurements": [asdict(each) for each in measurements]}, indent=2))
    elif not arguments.quick:
        met = "met" if measurements[0].median_seconds < AIM_SECONDS else "missed"
        print(f"The aim of {AIM_SECONDS:.0f} s for MNIST is {met}.")


if __name__ == "__main__":
    main()
