"""The chain of one process has headers that prove its randomness to `Entropy`, as Ethereum has."""

import pytest
from eth_abi.abi import decode
from hypothesis import strategies as st
from hypothesis.core import example, given
from tests.contracts.stateful.evm import (
    HISTORY_SERVE_WINDOW,
    Evm,
    Values,
    block_hash,
    header,
    mix,
)
from tests.contracts.stateful.interface import (
    SELECTOR,
    artifacts,
    constructor_data,
    errors,
    functions,
)

from pole.protocol.encoding.ethereum_headers import mix_of

NOW = 20_000
DEPLOYER = "0x" + "de" * 20
OLDEST = NOW - HISTORY_SERVE_WINDOW
kept = st.integers(OLDEST, NOW - 1)


class Entropy:
    """The contract at block `NOW`."""

    def __init__(self) -> None:
        compiled = artifacts()["Entropy"]
        self._functions, self._errors = functions(compiled.abi), errors([compiled.abi])
        self._evm = Evm(NOW, 10**9)
        self._address = self._evm.create(DEPLOYER, constructor_data(compiled, ()))

    def ask(self, name: str, *arguments: object) -> Values:
        """Return what a function returns, or the name and arguments of the error it reverts with."""
        function = self._functions[name]
        result = self._evm.ask(self._address, function.call_data(arguments))
        if result.succeeded:
            return function.returned(result.data)
        error, types = self._errors[result.data[:SELECTOR]]
        return error, *decode(types, result.data[SELECTOR:])


@pytest.fixture(scope="module")
def entropy() -> Entropy:
    return Entropy()


@given(kept)
@example(OLDEST)
@example(NOW - 1)
def test_a_block_is_proven_for_8191_blocks(entropy: Entropy, number: int) -> None:
    assert entropy.ask("hashOf", number) == (block_hash(number),)
    assert entropy.ask("mixOf", number, header(number)) == (mix(number),)
    assert mix_of(header(number)) == mix(number)


@given(st.one_of(st.integers(0, OLDEST - 1), st.integers(NOW, 2**256 - 1)))
@example(OLDEST - 1)
@example(NOW)
@example(2**256 - 1)
def test_older_blocks_and_those_to_come_are_lost(entropy: Entropy, number: int) -> None:
    assert entropy.ask("hashOf", number) == (bytes(32),)
    assert entropy.ask("mixOf", number, header(number)) == ("HashLost", number)


@given(kept, kept)
def test_the_header_of_another_block_is_refused(entropy: Entropy, number: int, other: int) -> None:
    wanted = (mix(number),) if other == number else ("WrongHeader", number)
    assert entropy.ask("mixOf", number, header(other)) == wanted


@given(kept, st.integers(0, len(header(NOW)) - 1), st.integers(1, 255))
def test_a_header_with_any_byte_changed_is_refused(entropy: Entropy, number: int, at: int, bits: int) -> None:
    changed = bytearray(header(number))
    changed[at] ^= bits
    assert entropy.ask("mixOf", number, bytes(changed)) == ("WrongHeader", number)


@given(kept, st.binary(max_size=700))
@example(NOW - 1, b"")
@example(NOW - 1, header(NOW - 1)[:-1])
@example(NOW - 1, header(NOW - 1) + b"\x00")
def test_other_bytes_than_the_header_are_refused(entropy: Entropy, number: int, forged: bytes) -> None:
    assert entropy.ask("mixOf", number, forged) == ("WrongHeader", number)
