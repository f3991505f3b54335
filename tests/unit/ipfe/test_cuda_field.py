"""The device's carry chains against integers, at words that random elements hardly ever have."""

import random
import subprocess
from pathlib import Path

import pytest
from tests.unit.ipfe.cuda_on_cpu import COMPILER, FLAGS, NO_COMPILER

from pole.ipfe.cuda import build
from pole.ipfe.group import FIELD_PRIME

HERE = Path(__file__).parent
TOP = 2**256
ROW = 9 * 32 + 8
# Around a carry, around the fold by 38 and 19, and around half a word.
WORDS = [0, 1, 18, 19, 37, 38, 39, 2**31 - 1, 2**31, *(2**32 - k for k in (39, 38, 37, 20, 19, 2, 1))]

pytestmark = pytest.mark.skipif(not COMPILER, reason=NO_COMPILER)


def elements() -> list[int]:
    """Extremes in all words, mixtures of them, the neighbours of 0, p, 2p and 2^256, and random elements."""
    rng = random.Random(1)  # noqa: S311 - test data
    same = [sum(word << 32 * i for i in range(8)) for word in WORDS]
    mixed = [sum(rng.choice(WORDS) << 32 * i for i in range(8)) for _ in range(1500)]
    edges = [(k * FIELD_PRIME + offset) % TOP for k in range(3) for offset in range(-60, 60)]
    uniform = [rng.randrange(TOP) for _ in range(100)]
    return [*same, *mixed, *edges, *uniform]


def expected(a: int, b: int) -> list[int]:
    results = [a * b, a * a, a + b, a - b, (a + b) * (a - b), (a - b) ** 2, 2 * (a + b) * b]
    return [
        *(result % FIELD_PRIME for result in results),
        pow(a, FIELD_PRIME - 2, FIELD_PRIME),
        a % FIELD_PRIME,
    ]


def test_extreme_words_give_the_results_of_integers(tmp_path: Path) -> None:
    program = tmp_path / "cuda_field_check"
    source = str(HERE / "cuda_field_check.cpp")
    subprocess.run([COMPILER, "-std=c++17", *FLAGS, f"-I{build.HERE}", source, "-o", program], check=True)
    first = elements()
    rng = random.Random(2)  # noqa: S311 - test data
    pairs = [*zip(first, rng.sample(first, len(first)), strict=True), *((a, a) for a in first)]
    pairs += [(a, TOP - 1) for a in first] + [(TOP - 1, a) for a in first]
    data = b"".join(a.to_bytes(32, "little") + b.to_bytes(32, "little") for a, b in pairs)
    output = subprocess.run([program], input=data, stdout=subprocess.PIPE, check=True).stdout
    assert len(output) == ROW * len(pairs)
    for i, (a, b) in enumerate(pairs):
        row = output[ROW * i : ROW * (i + 1)]
        results = [int.from_bytes(row[place : place + 32], "little") for place in range(0, 288, 32)]
        assert results == expected(a, b), (hex(a), hex(b))
        residue = a % FIELD_PRIME
        assert row[288:] == bytes([residue == 0, 0, 0, 0, residue % 2, 0, 0, 0]), hex(a)
