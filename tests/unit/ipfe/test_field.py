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
    "avx2": ["-mavx2", "-mfma"],
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
# Of AVX2's limbs, which are doubles with a sign; among their products are ties between two multiples of 2^51.
REDUCED = 2**50 + 2**13
SIGNED_EXTREMES = [0, 1, 18, 19, 2**26 - 1, 2**26, 2**49, 2**50 - 1, 2**50, 2**50 + 1, REDUCED - 1, REDUCED]
COMPILER = shutil.which("cc") or ""
PATHS = [name for name in backend.available() if name != "python"]
RESULTS = 13

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


def own_words(name: str) -> list[Limbs]:
    """Elements in limbs that no canonical element is loaded with, but functions may return."""
    if name != "avx2":
        return [element for element in elements() if max(element) >= LIMB]
    rng = random.Random(3)  # noqa: S311 - test data
    extremes = [sign * limb for limb in SIGNED_EXTREMES for sign in (1, -1)]
    extreme = [(limb,) * 5 for limb in extremes]
    pairs = [(a, b, a, b, a) for a, b in itertools.combinations(extremes[-8:], 2)]
    return [*extreme, *pairs, *(tuple(rng.choice(extremes) for _ in range(5)) for _ in range(400))]


def written(name: str, limbs: Limbs) -> bytes:
    """Eight words: the limbs as a path keeps them in memory, and nothing."""
    dtype = "<f8" if name == "avx2" else "<u8"
    return np.array([*limbs, 0, 0, 0], dtype=dtype).tobytes()


def pairs_of(first: list[Limbs], largest: int) -> list[tuple[Limbs, Limbs]]:
    """Each with another, with itself, and with the largest limbs; whole vectors of them."""
    rng = random.Random(2)  # noqa: S311 - test data
    pairs = list(zip(first, rng.sample(first, len(first)), strict=True)) + [(a, a) for a in first]
    pairs += [(a, (largest,) * 5) for a in first]
    return pairs + pairs[: -len(pairs) % 8]


def expected(a: int, b: int, turned: int) -> list[int]:
    results = [a * b, a * a, a + b, a - b, (a + b) * (a - b), (a - b) ** 2, 2 * (a + b) * b]
    results += [(a + b) * b, (a - b) * b, (2 * a - b) * b, (2 * a + b) * b]
    results += [turned * b, turned * b * b]
    return [result % FIELD_PRIME for result in results]


def check(program: Path, pairs: list[tuple[Limbs, Limbs]], words: bytes) -> None:
    output = subprocess.run([program], input=words, stdout=subprocess.PIPE, check=True).stdout
    rows = np.frombuffer(output, dtype="<u8").reshape(len(pairs), RESULTS * 5 + 2)
    for place, ((a_limbs, b_limbs), row) in enumerate(zip(pairs, rows.tolist(), strict=True)):
        a, b = value_of(a_limbs), value_of(b_limbs)
        results = [value_of(tuple(row[i : i + 5])) for i in range(0, RESULTS * 5, 5)]
        assert results == expected(a, b, -1 if place % 2 else 1), (a_limbs, b_limbs)
        assert max(row[: RESULTS * 5]) < LIMB
        assert row[RESULTS * 5 :] == [a % FIELD_PRIME == 0, a % FIELD_PRIME % 2], a_limbs


def compiled(name: str, folder: Path, *flags: str) -> Path:
    program = folder / "field_check"
    command = [COMPILER, "-O2", "-I", str(NATIVE), f'-DFIELD="field_{name}.h"', *FLAGS[name], *flags]
    subprocess.run([*command, str(HERE / "field_check.c"), "-o", str(program)], check=True)
    return program


@pytest.mark.skipif(not COMPILER, reason="no C compiler")
@pytest.mark.parametrize("name", PATHS)
def test_extreme_limbs_give_the_results_of_integers(name: str, tmp_path: Path) -> None:
    pairs = pairs_of(elements(), LARGEST)
    words = b"".join(written("limbs", a) + written("limbs", b) for a, b in pairs)
    check(compiled(name, tmp_path), pairs, words)


@pytest.mark.skipif(not COMPILER, reason="no C compiler")
@pytest.mark.parametrize("name", PATHS)
def test_extreme_words_of_its_own_give_the_results_of_integers(name: str, tmp_path: Path) -> None:
    pairs = pairs_of(own_words(name), REDUCED if name == "avx2" else LARGEST)
    words = b"".join(written(name, a) + written(name, b) for a, b in pairs)
    check(compiled(name, tmp_path, "-DWORDS"), pairs, words)
