"""The scheme's operations in plain Python, as papers write them: slow, the oracle of the native kernel."""

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pole.ipfe.group import (
    AFFINE_LENGTH,
    BASE,
    IDENTITY,
    ORDER,
    InvalidEncodingError,
    Point,
    add,
    decode,
    encode,
    from_affine,
    linear_combination,
    multiply,
    negate,
    to_affine,
)
from pole.ipfe.kernel import NO_LOGARITHM, Bytes, Decryptor, InvalidKeyPointError
from pole.protocol.mapping.plan import PADDING, QueryPlan

# More baby steps than this cost more memory than the giant steps they save are worth.
MAX_BABY_STEPS = 1 << 16


class ReferenceKernel:
    """The code path "python"."""

    name = "python"

    def base_multiples(self, scalars: Bytes) -> Bytes:
        """See Kernel."""
        return _rows([encode(multiply(k, BASE)) for k in _integers(scalars)])

    def encrypt(self, secret: Bytes, randomness: Bytes, x: NDArray[np.uint32]) -> tuple[Bytes, Bytes]:
        """See Kernel: ct_j = (r s_j + x_j) G."""
        s = _integers(secret)

        def ct(r: int, sample: NDArray[np.uint32]) -> list[Point]:
            return [multiply(r * s_j + int(x_j), BASE) for s_j, x_j in zip(s, sample, strict=True)]

        return _ciphertexts(randomness, x, ct)

    def encrypt_with_public_key(
        self, points: Bytes, randomness: Bytes, x: NDArray[np.uint32]
    ) -> tuple[Bytes, Bytes]:
        """See Kernel: ct_j = r H_j + x_j G."""
        h = _decode_key(points)

        def ct(r: int, sample: NDArray[np.uint32]) -> list[Point]:
            pairs = zip(h, sample, strict=True)
            return [add(multiply(r, h_j), multiply(int(x_j), BASE)) for h_j, x_j in pairs]

        return _ciphertexts(randomness, x, ct)

    def expand(self, ct0: Bytes, ct: Bytes) -> tuple[Bytes, Bytes]:
        """See Kernel."""
        return _expand(ct0), _expand(ct.reshape(-1, 32)).reshape(*ct.shape[:2], AFFINE_LENGTH)

    def linear_combination(self, points: Bytes, scalars: Bytes) -> bytes:
        """See Kernel."""
        return encode(linear_combination(zip(_integers(scalars), _decode_key(points), strict=True)))

    def decryptor(self, plan: QueryPlan, keys: Bytes, dimension: int, bound: int) -> Decryptor:
        """See Kernel."""
        del dimension  # the ciphertexts carry it
        return ReferenceDecryptor(plan, _integers(keys.reshape(-1, 32)), SmallLogarithms.up_to(bound))


@dataclass(frozen=True, slots=True)
class SmallLogarithms:
    """Discrete logarithms in [0, bound] to the base G, by baby steps and giant steps."""

    bound: int
    baby_steps: dict[bytes, int]
    minus_giant_step: Point

    @classmethod
    def up_to(cls, bound: int) -> "SmallLogarithms":
        """Tabulate about sqrt(bound) baby steps."""
        count = min(math.isqrt(bound) + 1, MAX_BABY_STEPS)
        steps, point = {}, IDENTITY
        for m in range(count):
            steps[encode(point)] = m
            point = add(point, BASE)
        return cls(bound, steps, negate(point))

    def of(self, point: Point) -> int:
        """Return m with point = m G, or NO_LOGARITHM if no m in [0, bound] has it."""
        for offset in range(0, self.bound + 1, len(self.baby_steps)):
            m = self.baby_steps.get(encode(point))
            if m is not None:
                return offset + m if offset + m <= self.bound else NO_LOGARITHM
            point = add(point, self.minus_giant_step)
        return NO_LOGARITHM


@dataclass(frozen=True, slots=True)
class ReferenceDecryptor:
    """Decryption as in the paper: sum of z_j CT_j - eta CT_0 = <x, z> G."""

    plan: QueryPlan
    keys: list[int]
    logarithms: SmallLogarithms

    @property
    def shard(self) -> int:
        """See Decryptor."""
        return 1

    def inner_products(self, ct0: Bytes, ct: Bytes) -> NDArray[np.int64]:
        """See Decryptor."""
        shape = (len(ct0), len(self.plan.windows), len(self.plan.vectors))
        out = np.full(shape, NO_LOGARITHM, dtype=np.int64)
        for i in range(len(ct0)):
            points = _points_of_sample(ct0[i], ct[i])
            if points is None:
                continue
            for w, window in enumerate(self.plan.windows):
                for query, vector in enumerate(self.plan.vectors):
                    terms = [(int(z), points[j]) for j, z in zip(window, vector, strict=True) if j != PADDING]
                    eta = self.keys[w * shape[2] + query]
                    total = add(_small_combination(terms), multiply(-eta, points[-1]))
                    out[i, w, query] = self.logarithms.of(total)
        return out


def _small_combination(terms: list[tuple[int, Point]]) -> Point:
    """Sum of weight times point for weights of few bits: Horner's rule over their bits."""
    total = IDENTITY
    for bit in range(max((z for z, _ in terms), default=0).bit_length() - 1, -1, -1):
        total = add(total, total)
        for z, point in terms:
            if z >> bit & 1:
                total = add(total, point)
    return total


def _ciphertexts(
    randomness: Bytes, x: NDArray[np.uint32], ct: Callable[[int, NDArray[np.uint32]], list[Point]]
) -> tuple[Bytes, Bytes]:
    rs = _integers(randomness)
    ct0 = _rows([encode(multiply(r, BASE)) for r in rs])
    rows = [encode(point) for r, sample in zip(rs, x, strict=True) for point in ct(r, sample)]
    return ct0, _rows(rows).reshape(*x.shape, 32)


def _decode_key(points: Bytes) -> list[Point]:
    decoded = []
    for j, row in enumerate(points):
        try:
            decoded.append(decode(row.tobytes()))
        except InvalidEncodingError as error:
            raise InvalidKeyPointError(j) from error
    return decoded


def _points_of_sample(ct0: Bytes, ct: Bytes) -> list[Point] | None:
    """The columns, and behind them ct_0; None where one of them is no point."""
    load = from_affine if len(ct0) == AFFINE_LENGTH else decode
    try:
        return [load(point.tobytes()) for point in (*ct, ct0)]
    except InvalidEncodingError:
        return None


def _expand(encoded: Bytes) -> Bytes:
    rows = np.zeros((len(encoded), AFFINE_LENGTH), dtype=np.uint8)
    for row, point in zip(rows, encoded, strict=True):
        with suppress(InvalidEncodingError):
            row[:] = np.frombuffer(to_affine(decode(point.tobytes())), dtype=np.uint8)
    return rows


def _integers(scalars: Bytes) -> list[int]:
    return [int.from_bytes(row.tobytes(), "little") % ORDER for row in scalars]


def _rows(encodings: list[bytes]) -> Bytes:
    return np.frombuffer(b"".join(encodings), dtype=np.uint8).reshape(-1, 32).copy()
