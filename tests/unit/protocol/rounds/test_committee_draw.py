from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from pole.protocol.encoding.hashing import keccak256
from pole.protocol.encoding.seeds import draw_entropy
from pole.protocol.rounds.committee_draw import draw, shuffled

SEATS = [f"verifier {i}" for i in range(20)]
entropies = st.binary(min_size=32, max_size=32)


def plain_shuffle(entropy: bytes, total: int, count: int) -> list[int]:
    """Return the start of the shuffle with the whole array at hand."""
    array = list(range(total))
    for step in range(count):
        word = keccak256(entropy + step.to_bytes(32, "big"))
        other = step + int.from_bytes(word, "big") % (total - step)
        array[step], array[other] = array[other], array[step]
    return array[:count]


def test_too_few_eligible_seats_draw_nobody() -> None:
    assert draw(SEATS[:5], bytes(32), size=5, places=5, minimum=4, barred=SEATS[:2]) == ()


def test_barred_seats_count_among_those_that_there_must_be() -> None:
    assert len(draw(SEATS[:5], bytes(32), size=5, places=5, minimum=3, barred=SEATS[:2])) == 3
    assert draw(SEATS[:5], bytes(32), size=5, places=6, minimum=3, barred=[]) == ()


def test_no_seats_draw_nobody() -> None:
    assert draw([], bytes(32), size=3, places=1, minimum=1, barred=[]) == ()


def test_all_eligible_ones_sit_when_there_are_fewer_than_wanted() -> None:
    drawn = draw(SEATS[:5], bytes(32), size=7, places=5, minimum=3, barred=SEATS[:2])
    assert sorted(drawn) == SEATS[2:5]


@given(entropies, st.integers(0, 40), st.data())
def test_the_sparse_shuffle_is_the_plain_one(entropy: bytes, total: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, total))
    assert shuffled(entropy, total=total, count=count) == plain_shuffle(entropy, total, count)


@given(entropies, st.integers(1, 20), st.integers(1, 15), st.sets(st.integers(0, 19), max_size=10))
def test_members_are_distinct_and_not_barred(entropy: bytes, seats: int, size: int, barred: set[int]) -> None:
    drawn = draw(SEATS[:seats], entropy, size=size, places=1, minimum=1, barred=[SEATS[i] for i in barred])
    eligible = {SEATS[i] for i in range(seats) if i not in barred}
    assert len(set(drawn)) == len(drawn) == min(size, len(eligible))
    assert set(drawn) <= eligible


def test_barring_strangers_changes_nothing() -> None:
    plain = draw(SEATS, b"\x01" * 32, size=5, places=1, minimum=1, barred=[])
    assert draw(SEATS, b"\x01" * 32, size=5, places=1, minimum=1, barred=["a stranger"] * 3) == plain


def test_every_seat_is_drawn_about_equally_often() -> None:
    drawn = Counter(
        seat
        for i in range(400)
        for seat in draw(SEATS[:8], draw_entropy(i, 0, bytes(32)), size=4, places=1, minimum=1, barred=[])
    )
    # 400 draws of 4 in 8: 200 times each on average, one sigma is 10.
    assert all(150 <= drawn[seat] <= 250 for seat in SEATS[:8])
