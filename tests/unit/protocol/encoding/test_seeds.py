from hypothesis import given
from hypothesis import strategies as st

from pole.protocol.encoding.domains import DRAW_DOMAIN, SEED_DOMAIN, TEST_SEED_DOMAIN
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.encoding.seeds import draw_entropy, round_origin, round_seed
from pole.protocol.encoding.seeds import test_seed as seed_of_test

words = st.binary(min_size=32, max_size=32)
numbers = st.integers(0, 2**64)


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def test_an_origin_is_of_parent_and_body_in_this_order() -> None:
    assert round_origin(b"\x01" * 32, b"\x02" * 32) == keccak256(b"\x01" * 32 + b"\x02" * 32)


@given(words, numbers, words)
def test_a_seed_is_of_origin_round_and_mix(origin: bytes, round_id: int, mix: bytes) -> None:
    entropy = keccak256(SEED_DOMAIN + word(round_id) + mix)
    assert round_seed(origin, round_id, mix) == keccak256(origin + entropy)


@given(numbers, words)
def test_a_test_seed_is_of_round_and_mix(round_id: int, mix: bytes) -> None:
    assert seed_of_test(round_id, mix) == keccak256(TEST_SEED_DOMAIN + word(round_id) + mix)


@given(numbers, st.integers(0, 2), words)
def test_a_committee_s_entropy_is_of_round_attempt_and_mix(round_id: int, attempt: int, mix: bytes) -> None:
    made = keccak256(DRAW_DOMAIN + word(round_id) + word(attempt) + mix)
    assert draw_entropy(round_id, attempt, mix) == made


def test_one_mix_draws_something_else_for_every_round_attempt_and_purpose() -> None:
    mix = b"\x05" * 32
    drawn = [draw_entropy(round_id, attempt, mix) for round_id in (1, 2) for attempt in range(3)]
    drawn += [seed_of_test(round_id, mix) for round_id in (1, 2)]
    drawn += [round_seed(b"\x01" * 32, round_id, mix) for round_id in (1, 2)]
    assert len(set(drawn)) == len(drawn)
