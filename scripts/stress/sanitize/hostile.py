"""Calls that no caller of ours makes: one or several arguments replaced by what could do harm."""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
from scripts.stress.sanitize.convolutions import Convolver
from scripts.stress.sanitize.valid import Call, Caller, scalars_of

from pole.ipfe.group import ORDER

# None of them would make a call long or large that a kernel has to take.
NUMBERS = (-1, 0, 1, 2, 7, 2**62, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 2**64 + 1, -(2**31), -(2**63), -(2**70))
NO_NUMBERS: tuple[Any, ...] = (None, 1.0, float("nan"), "3", b"3", [], object())
NO_KERNELS = (None, "", "neon", "portable\0", "Portable", "\ud800", b"portable", 3, ("portable",))
NO_CAPSULES = (None, 0, "capsule", b"", object())
NO_BUFFERS = (None, 0, "text", [1, 2], object())


def spoiled(call: Call, caller: Caller | Convolver) -> tuple[Call, bool]:
    """Return a call made hostile, and whether it has to be refused."""
    rng = caller.rng
    if call.scalars and rng.random() < 0.1:
        unreduced = _with_unreduced_scalar(call, rng)
        if unreduced is not None:
            return unreduced, True
    if call.function == "build_schedule" and rng.random() < 0.2:
        return _with_column_beyond(call, rng), True
    if rng.random() < 0.05:
        miscounted = call.arguments[:-1] if rng.random() < 0.5 else (*call.arguments, None)
        return replace(call, arguments=miscounted), True
    arguments = list(call.arguments)
    for _ in range(rng.choice((1, 1, 2, 3))):
        place = rng.randrange(len(arguments))
        arguments[place] = _other(arguments[place], arguments, rng)
    return replace(call, arguments=tuple(arguments)), False


def _other(argument: Any, arguments: list[Any], rng: Random) -> Any:
    """Something in the place of an argument."""
    if rng.random() < 0.05:
        return rng.choice(arguments)
    if isinstance(argument, tuple) and argument:
        numbers = list(argument)
        place = rng.randrange(len(numbers))
        numbers[place] = _other(numbers[place], numbers, rng)
        return tuple(numbers[: rng.choice((-1, len(numbers), len(numbers), len(numbers)))])
    if isinstance(argument, int):
        return rng.choice((*NUMBERS, *NO_NUMBERS, argument + 1, argument - 1))
    if isinstance(argument, str):
        return rng.choice(NO_KERNELS)
    if isinstance(argument, bytes | bytearray | np.ndarray):
        return rng.choice(BUFFERS)(argument, rng)
    return rng.choice(NO_CAPSULES)


def _with_unreduced_scalar(call: Call, rng: Random) -> Call | None:
    arguments, place = list(call.arguments), rng.choice(call.scalars)
    scalars = bytearray(arguments[place])
    if not scalars:
        return None
    at = 32 * rng.randrange(len(scalars) // 32)
    scalars[at : at + 32] = scalars_of([rng.choice((ORDER, ORDER + 1, 2**253, 2**255, 2**256 - 1))])
    arguments[place] = bytes(scalars)
    return replace(call, arguments=tuple(arguments))


def _with_column_beyond(call: Call, rng: Random) -> Call:
    dimension, windows, *rest = call.arguments
    changed = windows.copy()
    changed.flat[rng.randrange(changed.size)] = rng.choice(
        (dimension, dimension + 1, 2**31 - 1, -2, -(2**31))
    )
    return replace(call, arguments=(dimension, changed, *rest))


def _of_another_size(buffer: Any, rng: Random) -> Any:
    content = bytes(buffer)
    size = rng.choice(
        (0, 1, 31, 32, 33, 64, len(content) - 1, len(content) + 1, len(content) // 2, 2 * len(content))
    )
    resized = (content + bytes(max(size, 0)))[: max(size, 0)]
    return bytearray(resized) if rng.random() < 0.5 else resized


def _misaligned(buffer: Any, rng: Random) -> Any:
    content = bytearray(1) + bytearray(buffer)
    return np.frombuffer(content, dtype=np.uint8)[1:]


def _not_contiguous(buffer: Any, rng: Random) -> Any:
    spread = np.zeros(2 * len(bytes(buffer)), dtype=np.uint8)
    return rng.choice((spread[::2], spread.data[::2], spread.reshape(-1, 2).T, spread[::-1]))


def _read_only(buffer: Any, rng: Random) -> Any:
    return rng.choice((bytes(buffer), memoryview(bytes(buffer))))


def _released(buffer: Any, rng: Random) -> Any:
    view = memoryview(bytes(buffer))
    view.release()
    return view


def _no_buffer(buffer: Any, rng: Random) -> Any:
    return rng.choice(NO_BUFFERS)


def _of_random_bytes(buffer: Any, rng: Random) -> Any:
    return bytearray(rng.randbytes(len(bytes(buffer))))


BUFFERS: tuple[Callable[[Any, Random], Any], ...] = (
    _of_another_size,
    _of_another_size,
    _misaligned,
    _not_contiguous,
    _read_only,
    _released,
    _no_buffer,
    _of_random_bytes,
)
