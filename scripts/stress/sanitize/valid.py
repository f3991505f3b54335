"""Right calls of the kernel at random, and what they must give."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from random import Random
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pole.ipfe import group
from pole.ipfe.group import BASE, ORDER
from pole.ipfe.kernel import NO_LOGARITHM

# Exponents of points; small ones make inner products that are in range.
EXPONENTS = (*range(10), ORDER - 1, ORDER - 2, ORDER // 2, 2**251, 2**252, 2**200 + 12345)
SCALARS = (0, 1, 2, 31, 32, 33, 2047, 2048, 2049, 2**251, 2**252, ORDER // 2, ORDER - 1, 2**200 + 7)
VALUES = (0, 1, 255, 65535, 2**32 - 1)
NO_POINTS = (b"\xff" * 32, b"\x01" + bytes(31), group.FIELD_PRIME.to_bytes(32, "little"))
TABLES = (0, 1, 6, 99, 1000)
BOUNDS = (0, 7, 100, 5000)

Bytes = NDArray[np.uint8]
Result = Any


@dataclass(frozen=True, slots=True)
class Call:
    """A function of the module with its arguments; `check` raises where the result is not what it must be.

    `outputs` are the places of arguments that are written to, `scalars` of those that hold scalars.
    """

    function: str
    arguments: tuple[Any, ...]
    check: Callable[[Result], None]
    outputs: tuple[int, ...] = ()
    scalars: tuple[int, ...] = ()

    def require_released(self) -> None:
        """Raise BufferError where the call still holds a buffer that it was given."""
        for argument in self.arguments:
            if isinstance(argument, bytearray):
                argument.append(0)
                argument.pop()

    def shown(self) -> str:
        """Return the arguments as text, long ones cut."""
        return ", ".join(repr(argument)[:200] for argument in self.arguments)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule of the module, and what it was made of."""

    capsule: object
    dimension: int
    windows: NDArray[np.int32]
    vectors: NDArray[np.uint16]
    etas: tuple[int, ...]


@dataclass(slots=True)
class Caller:
    """Makes calls of a build of the kernel."""

    native: ModuleType
    rng: Random
    schedule: Schedule | None = field(default=None, init=False)
    tables: list[tuple[object, int]] = field(default_factory=list, init=False)

    def make(self, call: Call) -> Result:
        """Call the module."""
        return getattr(self.native, call.function)(*call.arguments)

    def paths(self) -> list[str]:
        """Return the names of the code paths."""
        return list(self.native.names())

    def any_call(self) -> Call:
        """Return a right call of some function."""
        makers = (
            self._base_multiples,
            self._encrypt,
            self._encrypt_public,
            self._expand,
            self._linear_combination,
            self._build_schedule,
            self._build_logarithms,
            self._decrypt,
            self._decrypt,
        )
        return self.rng.choice(makers)()

    def output(self, count: int) -> Any:
        """Return a place for so many bytes: of numpy, which has no byte to spare, or of Python."""
        return self.rng.choice((lambda: np.full(count, 90, dtype=np.uint8), lambda: bytearray(count)))()

    def _kernel(self) -> str:
        return str(self.rng.choice(self.native.names()))

    def _some(self, pool: Sequence[int], count: int) -> list[int]:
        return [self.rng.choice(pool) for _ in range(count)]

    def _count(self) -> int:
        """A few, now and then more than a batch holds."""
        if self.rng.random() < 0.02:
            return self.rng.randrange(1200)
        return self.rng.choice((0, 1, 3, 4, 5, 8, 9, 17, 40))

    def _base_multiples(self) -> Call:
        ks = self._some(EXPONENTS, self._count())
        out = self.output(32 * len(ks))
        check = _writes(out, b"".join(map(encoded, ks)))
        return Call("base_multiples", (self._kernel(), scalars_of(ks), out), check, (2,), (1,))

    def _encryption(self) -> tuple[list[int], list[int], NDArray[np.uint32], list[Any], bytes]:
        secrets, rs = (
            self._some(SCALARS[:6], self.rng.randint(1, 5)),
            self._some(EXPONENTS[6:14], self._few()),
        )
        x = np.array([self._some(VALUES, len(secrets)) for _ in rs], dtype=np.uint32)
        products = (r * s + int(x[i, j]) for i, r in enumerate(rs) for j, s in enumerate(secrets))
        expected = b"".join(map(encoded, rs)) + b"".join(encoded(k % ORDER) for k in products)
        outputs = [self.output(32 * len(rs)), self.output(32 * x.size)]
        return secrets, rs, x, outputs, expected

    def _few(self) -> int:
        return self.rng.choice((0, 1, 2, 3, 4, 5, 9))

    def _encrypt(self) -> Call:
        secrets, rs, x, outputs, expected = self._encryption()
        arguments = (self._kernel(), scalars_of(secrets), scalars_of(rs), x, *outputs)
        return Call("encrypt", arguments, _writes_both(outputs, expected), (4, 5), (1, 2))

    def _encrypt_public(self) -> Call:
        secrets, rs, x, outputs, expected = self._encryption()
        points, bad = self._spoil([encoded(s) for s in secrets])
        arguments = (self._kernel(), b"".join(points), scalars_of(rs), x, *outputs)
        check = _writes_both(outputs, expected) if bad is None else _returns(bad)
        return Call("encrypt_public", arguments, check, (4, 5), (2,))

    def _expand(self) -> Call:
        ks = self._some(EXPONENTS, self._count())
        wrong = {i for i in range(len(ks)) if self.rng.random() < self.rng.choice((0, 0.2))}
        points = [self.rng.choice(NO_POINTS) if i in wrong else encoded(k) for i, k in enumerate(ks)]
        expected = b"".join(bytes(64) if i in wrong else affine(k) for i, k in enumerate(ks))
        out = self.output(64 * len(ks))
        return Call("expand", (self._kernel(), b"".join(points), out), _writes(out, expected), (2,))

    def _linear_combination(self) -> Call:
        ks = self._some(EXPONENTS, self._few())
        weights = self._some(SCALARS, len(ks))
        points, bad = self._spoil([encoded(k) for k in ks])
        out = self.output(32)
        total = sum(k * weight for k, weight in zip(ks, weights, strict=True)) % ORDER
        check = _writes(out, encoded(total)) if bad is None else _returns(bad)
        arguments = (b"".join(points), scalars_of(weights), out)
        return Call("linear_combination", arguments, check, (2,), (1,))

    def _build_schedule(self) -> Call:
        dimension, length = self.rng.randint(1, 9), self.rng.randint(1, 7)
        shape = self.rng.choice(((1, 1), (1, 5), (3, 2), (2, 9), (24, 1)))
        random = np.random.default_rng(self.rng.getrandbits(32))
        windows = random.integers(-1, dimension, (shape[0], length)).astype(np.int32)
        vectors = random.integers(0, self.rng.choice((2, 8, 256, 65536)), (shape[1], length)).astype(
            np.uint16
        )
        etas = tuple(self._some((0, 0, 1, 2, ORDER - 1, 2**251, ORDER // 2), shape[0] * shape[1]))

        def check(capsule: Result) -> None:
            self.schedule = Schedule(capsule, dimension, windows, vectors, etas)

        arguments = (dimension, windows, len(windows), vectors, len(vectors), scalars_of(etas))
        return Call("build_schedule", arguments, check, scalars=(5,))

    def _build_logarithms(self) -> Call:
        last = self.rng.choice(TABLES)

        def check(capsule: Result) -> None:
            self.tables = [*self.tables[-3:], (capsule, last)]

        return Call("build_logarithms", (self._kernel(), last), check)

    def _decrypt(self) -> Call:
        if self.schedule is None:
            return self._build_schedule()
        if not self.tables:
            return self._build_logarithms()
        plan, (table, last) = self.schedule, self.rng.choice(self.tables)
        # Giant steps from a small table to a high bound take long under the sanitizers.
        bound = self.rng.choice([bound for bound in BOUNDS if bound <= 12 * (last + 1)])
        few = EXPONENTS[: self.rng.choice((3, len(EXPONENTS)))]
        samples = [self._some(few, plan.dimension + 1) for _ in range(self._few())]
        bad = {i for i in range(len(samples)) if self.rng.random() < self.rng.choice((0, 0.3))}
        ct0, ct = self._ciphertexts(samples, bad)
        expected = np.array([inner_products(plan, sample, bound) for sample in samples], dtype=np.int64)
        expected[list(bad)] = NO_LOGARITHM
        out = np.full((len(samples), len(plan.etas)), 7, dtype=np.int64)
        arguments = (self._kernel(), plan.capsule, table, bound, ct0, ct, out)
        return Call("decrypt", arguments, _writes(out, expected.tobytes()), (6,))

    def _ciphertexts(self, samples: list[list[int]], bad: set[int]) -> tuple[bytes, bytes]:
        form, size = self.rng.choice(((encoded, 32), (affine, 64)))
        rows = [[form(k) for k in sample] for sample in samples]
        for i in bad:
            no_point = (
                self.rng.choice(NO_POINTS) if size == 32 else self.rng.choice((bytes(64), b"\xff" * 64))
            )
            rows[i][self.rng.randrange(len(rows[i]))] = no_point
        return b"".join(row[0] for row in rows), b"".join(b"".join(row[1:]) for row in rows)

    def _spoil(self, points: list[bytes]) -> tuple[list[bytes], int | None]:
        """Sometimes make some no points; return which is the first of them."""
        wrong = {i for i in range(len(points)) if self.rng.random() < self.rng.choice((0, 0, 0.3))}
        spoiled = [self.rng.choice(NO_POINTS) if i in wrong else point for i, point in enumerate(points)]
        return spoiled, min(wrong, default=None)


@cache
def encoded(k: int) -> bytes:
    """Return the encoding of k times the generator, by plain Python."""
    return group.encode(group.multiply(k, BASE))


@cache
def affine(k: int) -> bytes:
    """Return the coordinates that this encoding decodes to, by plain Python."""
    return group.to_affine(group.decode(encoded(k)))


def scalars_of(integers: Sequence[int]) -> bytes:
    """Return integers below 2^256 as 32 bytes each."""
    return b"".join(k.to_bytes(32, "little") for k in integers)


def inner_products(plan: Schedule, sample: list[int], bound: int) -> list[int]:
    """Return what the exponents of a sample, ct_0 first, decrypt to."""
    results = []
    for w, window in enumerate(plan.windows):
        for query, vector in enumerate(plan.vectors):
            terms = (int(z) * sample[j + 1] for j, z in zip(window, vector, strict=True) if j >= 0)
            value = (sum(terms) - plan.etas[w * len(plan.vectors) + query] * sample[0]) % ORDER
            results.append(value if value <= bound else NO_LOGARITHM)
    return results


def _writes(out: Any, expected: bytes) -> Callable[[Result], None]:
    def check(result: Result) -> None:
        assert result is None, f"returned {result!r}"
        assert bytes(out) == expected, "wrote other bytes than plain Python"

    return check


def _writes_both(outputs: list[Any], expected: bytes) -> Callable[[Result], None]:
    def check(result: Result) -> None:
        assert result is None, f"returned {result!r}"
        assert b"".join(map(bytes, outputs)) == expected, "wrote other bytes than plain Python"

    return check


def _returns(expected: int) -> Callable[[Result], None]:
    def check(result: Result) -> None:
        assert result == expected, f"named point {result!r} instead of {expected}"

    return check
