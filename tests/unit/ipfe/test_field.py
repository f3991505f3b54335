"""Field arithmetic of each native path against integers, at limbs that random elements hardly ever have."""

import itertools
import random
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from pole.ipfe import backend
from pole.ipfe.group import FIELD_PRIME

HERE = Path(__file__).parent
NATIVE = HERE.parents[2] / "offchain" / "pole" / "ipfe" / "native"
FLAGS = {
    "portable": [],
    "avx2": ["-mavx2"],
    "ifma": ["-mavx512f", "-mavx512dq", "-mavx512vl", "-mavx512ifma"],
}
LIMB = 2**51
# What a function may return: a little more than 51 bits. Headers promise to take it.
LARGEST = LIMB + 2**16
EXTREMES = [
    0,
    1,
    18,
    19,
    2**25,
    2**26 - 1,
    2**26,
    LIMB - 20,
    LIMB - 19,
    LIMB - 18,
    LIMB - 2,
    LIMB - 1,
    LIMB,
    LARGEST,
]
COMPILER = shutil.which("cc") or ""

Limbs = tuple[int, ...]


def value_of(limbs: Limbs) -> int:
    return sum(limb << (51 * i) for i, limb in enumerate(limbs))


def limbs_of(value: int) -> Limbs:
    return tuple(value >> (51 * i) & (LIMB - 1) for i in range(5))


def elements() -> list[Limbs]:
    """Extremes in all limbs, pairs of extremes in turn, the neighbours of p, and random elements."""
    rng = random.Random(1)  # noqa: S311 - test data
    extreme = [(limb,) * 5 for limb in EXTREMES]
    pairs = [(a, b, a, b, a) for a, b in itertools.combinations(EXTREMES[-6:], 2)]
    mixed = [tuple(rng.choice(EXTREMES) for _ in range(5)) for _ in range(150)]
    near_p = [limbs_of(FIELD_PRIME + offset) for offset in range(-20, 19)]
    uniform = [limbs_of(rng.randrange(FIELD_PRIME)) for _ in range(50)]
    return [*extreme, *pairs, *mixed, *near_p, *uniform]


def expected(a: int, b: int, turned: int) -> list[int]:
    results = [a * b, a * a, a + b, a - b, (a + b) * (a - b), (a - b) ** 2, 2 * (a + b) * b]
    results += [turned * b, turned * b * b]
    return [result % FIELD_PRIME for result in results]


@pytest.mark.skipif(not COMPILER, reason="no C compiler")
@pytest.mark.parametrize("name", [name for name in backend.available() if name != "python"])
def test_extreme_limbs_give_the_results_of_integers(name: str, tmp_path: Path) -> None:
    program = tmp_path / "field_check"
    command = [COMPILER, "-O2", "-I", str(NATIVE), f'-DFIELD="field_{name}.h"', *FLAGS[name]]
    subprocess.run([*command, str(HERE / "field_check.c"), "-o", str(program)], check=True)
    rng = random.Random(2)  # noqa: S311 - test data
    first = elements()
    pairs = list(zip(first, rng.sample(first, len(first)), strict=True)) + [(a, a) for a in first]
    pairs += [(a, (LARGEST,) * 5) for a in first]
    pairs += pairs[: -len(pairs) % 8]
    words = np.array([[*a, *b] for a, b in pairs], dtype="<u8")
    output = subprocess.run([program], input=words.tobytes(), stdout=subprocess.PIPE, check=True).stdout
    rows = np.frombuffer(output, dtype="<u8").reshape(len(pairs), 9 * 5 + 2)
    for place, ((a_limbs, b_limbs), row) in enumerate(zip(pairs, rows.tolist(), strict=True)):
        a, b = value_of(a_limbs), value_of(tuple(b_limbs))
        results = [value_of(tuple(row[i : i + 5])) for i in range(0, 45, 5)]
        assert results == expected(a, b, -1 if place % 2 else 1), (a_limbs, b_limbs)
        assert max(row[:45]) < LIMB
        assert row[45:] == [a % FIELD_PRIME == 0, a % FIELD_PRIME % 2], a_limbs
