"""The prime-order group ristretto255 (RFC 9496) in plain Python: the readable reference of the native kernel.

Points are cosets of the 4-torsion of the twisted Edwards curve -x^2 + y^2 = 1 + d x^2 y^2 over GF(2^255 -
19), written additively. Nothing here runs in constant time.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pole.errors import IntegrityError

FIELD_PRIME = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
ENCODED_LENGTH = 32
UNIFORM_LENGTH = 64
AFFINE_LENGTH = 64

D = -121665 * pow(121666, -1, FIELD_PRIME) % FIELD_PRIME
SQRT_M1 = pow(2, (FIELD_PRIME - 1) // 4, FIELD_PRIME)


class InvalidEncodingError(IntegrityError):
    """Thirty-two bytes are not the canonical encoding of a group element."""


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """A group element, held as one representative in extended coordinates x = X/Z, y = Y/Z, T = XY/Z.

    `==` compares group elements, not representatives: four curve points stand for the same element.
    """

    x: int
    y: int
    z: int
    t: int

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Point):
            return NotImplemented
        # RFC 9496, section 4.3.3 (a = -1).
        return (self.x * other.y - self.y * other.x) % FIELD_PRIME == 0 or (
            self.y * other.y - self.x * other.x
        ) % FIELD_PRIME == 0

    def __hash__(self) -> int:
        return hash(encode(self))


IDENTITY = Point(0, 1, 1, 0)


def sqrt_ratio(u: int, v: int) -> tuple[bool, int]:
    """Return whether u/v is a square, and the non-negative root of u/v or of sqrt(-1)·u/v (RFC 9496, 4.2)."""
    u, v = u % FIELD_PRIME, v % FIELD_PRIME
    r = u * pow(v, 3, FIELD_PRIME) * pow(u * pow(v, 7, FIELD_PRIME), (FIELD_PRIME - 5) // 8, FIELD_PRIME)
    check = v * r * r % FIELD_PRIME
    was_square = check in (u, -u % FIELD_PRIME)
    if check in (-u % FIELD_PRIME, -u * SQRT_M1 % FIELD_PRIME):
        r *= SQRT_M1
    return was_square, absolute(r)


def absolute(a: int) -> int:
    """Return the one of a and -a whose canonical residue is even (RFC 9496, section 3.1)."""
    a %= FIELD_PRIME
    return FIELD_PRIME - a if a & 1 else a


INVSQRT_A_MINUS_D = sqrt_ratio(1, -1 - D)[1]
SQRT_AD_MINUS_ONE = FIELD_PRIME - sqrt_ratio(-D - 1, 1)[1]  # RFC 9496 fixes the odd root here


def decode(encoded: bytes) -> Point:
    """Return the element that 32 bytes encode (RFC 9496, section 4.3.1).

    Raises InvalidEncodingError for anything but the one canonical encoding of an element.
    """
    if len(encoded) != ENCODED_LENGTH:
        raise InvalidEncodingError(f"A group element has {ENCODED_LENGTH} bytes, not {len(encoded)}.")
    s = int.from_bytes(encoded, "little")
    if s >= FIELD_PRIME or s & 1:
        raise InvalidEncodingError(
            "These bytes are no canonical ristretto255 encoding; fetch the data again."
        )
    u1, u2 = 1 - s * s, 1 + s * s
    v = -(D * u1 * u1) - u2 * u2
    was_square, inverse_root = sqrt_ratio(1, v * u2 * u2)
    x = absolute(2 * s * inverse_root * u2)
    y = u1 * inverse_root * inverse_root * u2 * v % FIELD_PRIME
    t = x * y % FIELD_PRIME
    if not was_square or t & 1 or y == 0:
        raise InvalidEncodingError("These bytes encode no ristretto255 element; fetch the data again.")
    return Point(x, y, 1, t)


def encode(point: Point) -> bytes:
    """Return the canonical 32 bytes of a group element (RFC 9496, section 4.3.2)."""
    x, y, z, t = point.x, point.y, point.z, point.t
    u1, u2 = (z + y) * (z - y) % FIELD_PRIME, x * y % FIELD_PRIME
    inverse_root = sqrt_ratio(1, u1 * u2 * u2)[1]
    den1, den2 = inverse_root * u1 % FIELD_PRIME, inverse_root * u2 % FIELD_PRIME
    z_inverse = den1 * den2 * t % FIELD_PRIME
    den_inverse = den2
    if t * z_inverse % FIELD_PRIME & 1:
        x, y = y * SQRT_M1 % FIELD_PRIME, x * SQRT_M1 % FIELD_PRIME
        den_inverse = den1 * INVSQRT_A_MINUS_D
    if x * z_inverse % FIELD_PRIME & 1:
        y = -y
    return absolute(den_inverse * (z - y)).to_bytes(ENCODED_LENGTH, "little")


def to_affine(point: Point) -> bytes:
    """Return x || y of a point, 32 bytes little-endian each: of this representative, so not an encoding."""
    inverse = pow(point.z, -1, FIELD_PRIME)
    coordinates = (point.x * inverse % FIELD_PRIME, point.y * inverse % FIELD_PRIME)
    return b"".join(c.to_bytes(AFFINE_LENGTH // 2, "little") for c in coordinates)


def from_affine(coordinates: bytes) -> Point:
    """Return the element that a point x || y of the curve stands for.

    The curve's group is that of the elements times a cyclic group of order 8, and the latter's part is taken
    off: so every point of the curve stands for one element, also where it is not twice another point. Raises
    InvalidEncodingError unless both coordinates are reduced and fulfil the curve's equation.
    """
    if len(coordinates) != AFFINE_LENGTH:
        raise InvalidEncodingError(f"An affine point has {AFFINE_LENGTH} bytes, not {len(coordinates)}.")
    x, y = (int.from_bytes(half, "little") for half in (coordinates[:32], coordinates[32:]))
    if max(x, y) >= FIELD_PRIME or (y * y - x * x - 1 - D * x * x * y * y) % FIELD_PRIME:
        raise InvalidEncodingError("These coordinates are no point of the curve; decode the data again.")
    return multiply(8, multiply(pow(8, -1, ORDER), Point(x, y, 1, x * y % FIELD_PRIME)))


def add(p: Point, q: Point) -> Point:
    """Return p + q by the complete formula of Hisil, Wong, Carter and Dawson (2008)."""
    a = (p.y - p.x) * (q.y - q.x)
    b = (p.y + p.x) * (q.y + q.x)
    c = 2 * D * p.t * q.t
    d = 2 * p.z * q.z
    e, f, g, h = b - a, d - c, d + c, b + a
    return Point(e * f % FIELD_PRIME, g * h % FIELD_PRIME, f * g % FIELD_PRIME, e * h % FIELD_PRIME)


def negate(p: Point) -> Point:
    """Return -p."""
    return Point(-p.x % FIELD_PRIME, p.y, p.z, -p.t % FIELD_PRIME)


def multiply(scalar: int, p: Point) -> Point:
    """Return scalar times p; the scalar may be any integer and is reduced modulo the group order."""
    result = IDENTITY
    for bit in bin(scalar % ORDER)[2:]:
        result = add(result, result)
        if bit == "1":
            result = add(result, p)
    return result


def linear_combination(terms: Iterable[tuple[int, Point]]) -> Point:
    """Return the sum of scalar times point over all terms, by buckets of eight bits (Pippenger's method)."""
    reduced = [(scalar % ORDER, point) for scalar, point in terms]
    result = IDENTITY
    for shift in range(248, -8, -8):
        buckets: dict[int, Point] = {}
        for scalar, point in reduced:
            digit = scalar >> shift & 255
            if digit:
                buckets[digit] = add(buckets.get(digit, IDENTITY), point)
        for _ in range(8):
            result = add(result, result)
        running = IDENTITY
        for digit in range(max(buckets, default=0), 0, -1):
            running = add(running, buckets.get(digit, IDENTITY))
            result = add(result, running)
    return result


def from_uniform_bytes(uniform: bytes) -> Point:
    """Return the element that 64 uniform bytes derive, of unknown discrete logarithm (RFC 9496, 4.3.4)."""
    if len(uniform) != UNIFORM_LENGTH:
        raise ValueError(f"expected {UNIFORM_LENGTH} uniform bytes, got {len(uniform)}")
    low = int.from_bytes(uniform[:32], "little") % 2**255
    high = int.from_bytes(uniform[32:], "little") % 2**255
    return add(_elligator(low), _elligator(high))


def _elligator(t: int) -> Point:
    """The map of RFC 9496, section 4.3.4, from a field element to the curve."""
    r = SQRT_M1 * t * t % FIELD_PRIME
    u = (r + 1) * (1 - D * D) % FIELD_PRIME
    v = (-1 - r * D) * (r + D) % FIELD_PRIME
    was_square, s = sqrt_ratio(u, v)
    c = -1
    if not was_square:
        s, c = -absolute(s * t), r
    n = c * (r - 1) * (D - 1) ** 2 - v
    w0, w1 = 2 * s * v, n * SQRT_AD_MINUS_ONE
    w2, w3 = 1 - s * s, 1 + s * s
    return Point(w0 * w3 % FIELD_PRIME, w2 * w1 % FIELD_PRIME, w1 * w3 % FIELD_PRIME, w0 * w2 % FIELD_PRIME)


BASE = decode(bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"))
