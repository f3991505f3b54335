"""What nvcc makes of the field's carry chains, interpreted instruction by instruction against integers.

The processor's build of the sources shows that the sequence of operations is right; this shows that the
device code is that sequence, with nothing between two operations that would break a carry.
"""

import random
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.unit.ipfe.test_cuda_build import has_nvcc
from tests.unit.ipfe.test_cuda_field import TOP, elements

from pole.ipfe.cuda import build
from pole.ipfe.group import FIELD_PRIME

HERE = Path(__file__).parent
LOW = np.uint64(2**32 - 1)
SIGN = np.uint64(2**31)
Words = NDArray[np.uint64]

INSTRUCTION = re.compile(r"^\s*(?P<name>[a-z][a-z0-9.]*)\s+(?P<operands>.*);$")
ADDRESS = re.compile(r"^\[(?P<base>\w+|%\w+)(?:\+(?P<offset>\d+))?\]$")


def shift_right_signed(a: Words, b: Words) -> Words:
    return (((a ^ SIGN).astype(np.int64) - 2**31) >> b.astype(np.int64)).astype(np.uint64)


# Without a carry: the low 32 bits of these.
PLAIN: dict[str, Callable[..., Words]] = {
    "mov": lambda a: a,
    "not": lambda a: ~a,
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "shl": lambda a, b: a << b,
    "shr.u32": lambda a, b: a >> b,
    "shr.s32": shift_right_signed,
    "mul.lo": lambda a, b: a * b,
    "mad.lo": lambda a, b, c: a * b + c,
}
# With a carry: 33 bits or a difference, whose upper half is the flag.
CHAINED: dict[str, Callable[..., Words]] = {
    "add": lambda flag, a, b: a + b + flag,
    "sub": lambda flag, a, b: a - b - flag,
    "mad.lo": lambda flag, a, b, c: (a * b & LOW) + c + flag,
    "mad.hi": lambda flag, a, b, c: (a * b >> np.uint64(32)) + c + flag,
}


class Interpreter:
    """One thread for each row of `pairs`, all at once; registers hold 32 bits, addresses name a buffer."""

    def __init__(self, pairs: Words) -> None:
        self.memory = {
            "arithmetic_param_0": pairs,
            "arithmetic_param_1": np.zeros((len(pairs), 40), np.uint64),
        }
        self.registers: dict[str, Words] = {}
        self.pointers: dict[str, str] = {}
        self.flag = np.zeros(len(pairs), np.uint64)

    def value(self, operand: str) -> Words:
        if operand.startswith("%"):
            return self.registers[operand]
        return np.full(len(self.flag), int(operand, 0) % 2**32, np.uint64)

    def place(self, operand: str) -> tuple[str, int]:
        match = ADDRESS.match(operand)
        assert match, operand
        return match["base"], int(match["offset"] or 0) // 4

    def step(self, name: str, operands: list[str]) -> None:
        target, *sources = operands
        if name == "ld.param.u64":
            self.pointers[target] = self.place(sources[0])[0]
        elif name == "cvta.to.global.u64":
            self.pointers[target] = self.pointers[sources[0]]
        elif name == "ld.global.u32":
            base, word = self.place(sources[0])
            self.registers[target] = self.memory[self.pointers[base]][:, word]
        elif name == "st.global.u32":
            base, word = self.place(target)
            self.memory[self.pointers[base]][:, word] = self.value(sources[0])
        else:
            self.registers[target] = self.compute(name, [self.value(source) for source in sources])

    def compute(self, name: str, values: list[Words]) -> Words:
        match = re.match(r"^(add|sub|mad)(c?)((?:\.lo|\.hi)?)((?:\.cc)?)\.u32$", name)
        if match and (match[2] or match[4]):
            before = self.flag if match[2] else np.zeros_like(self.flag)
            result = CHAINED[match[1] + match[3]](before, *values)
            if match[4]:
                self.flag = result >> np.uint64(32) & np.uint64(1)
        else:
            kind = name if name in PLAIN else name.rsplit(".", 1)[0]
            result = PLAIN[kind](*values)
        return result & LOW


def run(ptx: str, pairs: Words) -> Words:
    interpreter = Interpreter(pairs)
    for line in ptx.splitlines():
        match = INSTRUCTION.match(line.replace("\t", " "))
        if match and not line.strip().startswith("."):
            interpreter.step(match["name"], [each.strip() for each in match["operands"].split(",")])
    return interpreter.memory["arithmetic_param_1"]


@pytest.mark.skipif(not has_nvcc(), reason="no nvcc: there is no device code to look at here")
def test_the_device_code_computes_what_integers_say(tmp_path: Path) -> None:
    target = tmp_path / "arithmetic.ptx"
    command = [str(build.compiler()), "-ptx", "-std=c++17", "-O3", "-arch=sm_90", f"-I{build.HERE}"]
    subprocess.run([*command, "-o", str(target), str(HERE / "cuda_arithmetic.cu")], check=True)
    first = elements()
    rng = random.Random(3)  # noqa: S311 - test data
    pairs = [*zip(first, rng.sample(first, len(first)), strict=True), *((a, TOP - 1) for a in first)]
    data = b"".join(a.to_bytes(32, "little") + b.to_bytes(32, "little") for a, b in pairs)
    words = np.frombuffer(data, dtype="<u4").reshape(len(pairs), 16).astype(np.uint64)
    output = run(target.read_text(), words).astype("<u4").tobytes()
    for i, (a, b) in enumerate(pairs):
        row = output[160 * i : 160 * (i + 1)]
        product, square, total, difference, reduced = (
            int.from_bytes(row[place : place + 32], "little") for place in range(0, 160, 32)
        )
        assert (product - a * b) % FIELD_PRIME == 0, (hex(a), hex(b))
        assert (square - a * a) % FIELD_PRIME == 0, hex(a)
        assert (total - a - b) % FIELD_PRIME == 0, (hex(a), hex(b))
        assert (difference - a + b) % FIELD_PRIME == 0, (hex(a), hex(b))
        assert reduced == a % FIELD_PRIME, hex(a)
