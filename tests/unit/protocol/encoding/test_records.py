import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.protocol.example_rounds import DATA_NODE, MINERS

from pole.errors import InputError, IntegrityError
from pole.protocol.encoding.records import (
    KIND_OF_NAME,
    CommitteeDrawn,
    DrawArmed,
    KeysPosted,
    Payouts,
    RecordData,
    RoundOpened,
    RoundVoided,
    SeedDrawn,
    SolutionCommitted,
    SolutionRevealed,
    SubmissionsClosed,
    TallyChallenged,
    TaskCancelled,
    TaskPosted,
    TaskReplaced,
    VoteCommitted,
    VoteLeaked,
    VoteRevealed,
    decode_record,
    encode_record,
    kind_name,
    round_of,
)
from pole.protocol.encoding.records import TestSeedDrawn as DrawnTestSeed
from pole.protocol.encoding.records import (
    TestSetReleased as ReleasedTestSet,
)
from pole.protocol.state import Payout, PayoutReason, Record, RecordKind, VoidReason

numbers = st.integers(0, 2**256 - 1)
counts = st.integers(0, 2**32 - 1)
hashes = st.binary(min_size=32, max_size=32)
addresses = st.sampled_from([DATA_NODE, *MINERS])
lists = st.lists(addresses, max_size=4).map(tuple)
cids = st.text(max_size=70)
payouts = st.builds(Payout, addresses, st.sampled_from(PayoutReason), numbers)

records = st.one_of(
    st.builds(TaskPosted, numbers, addresses, hashes, hashes),
    st.builds(TaskCancelled, numbers),
    st.builds(RoundOpened, numbers, numbers, hashes, st.integers(0, 2**64 - 1)),
    st.builds(KeysPosted, numbers, cids, hashes),
    st.builds(SolutionCommitted, numbers, addresses, hashes, counts),
    st.builds(SubmissionsClosed, numbers),
    st.builds(ReleasedTestSet, numbers, cids, hashes),
    st.builds(SolutionRevealed, numbers, addresses, cids, hashes, counts, counts),
    st.builds(DrawArmed, numbers, st.integers(0, 2**64 - 1)),
    st.builds(CommitteeDrawn, numbers, hashes, hashes, lists),
    st.builds(VoteCommitted, numbers, addresses, hashes),
    st.builds(VoteRevealed, numbers, addresses, hashes),
    st.builds(Payouts, numbers, st.lists(payouts, max_size=4).map(tuple)),
    st.builds(RoundVoided, numbers, st.sampled_from(VoidReason)),
    st.builds(TallyChallenged, numbers, st.integers(0, 255), addresses, numbers),
    st.builds(VoteLeaked, numbers, addresses, addresses),
    st.builds(SeedDrawn, numbers, hashes, hashes),
    st.builds(DrawnTestSeed, numbers, hashes, hashes),
    st.builds(TaskReplaced, numbers, numbers),
)


def record(kind: RecordKind, data: bytes) -> Record:
    return Record(3, 7, kind, data)


def test_bytes_of_another_kind_are_refused() -> None:
    _, data = encode_record(KeysPosted(1, "bafy", bytes(32)))
    with pytest.raises(IntegrityError, match="Record 7 at height 3 is no CommitteeDrawn"):
        decode_record(record(RecordKind.COMMITTEE_DRAWN, data))


def test_bytes_behind_the_encoding_are_refused() -> None:
    kind, data = encode_record(TaskCancelled(1))
    with pytest.raises(IntegrityError, match="canonical"):
        decode_record(record(kind, data + bytes(32)))


def test_an_unknown_void_reason_is_refused() -> None:
    data = (1).to_bytes(32, "big") + (10).to_bytes(32, "big")
    with pytest.raises(IntegrityError, match="void reason 10"):
        decode_record(record(RecordKind.ROUND_VOIDED, data))


def test_an_unknown_payout_reason_is_refused() -> None:
    kind, data = encode_record(Payouts(1, (Payout(DATA_NODE, PayoutReason.REWARD_REFUND, 5),)))
    changed = data[:-64] + (11).to_bytes(32, "big") + data[-32:]
    with pytest.raises(IntegrityError, match="reason 11"):
        decode_record(record(kind, changed))


def test_a_value_that_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="Solidity type"):
        encode_record(SolutionCommitted(1, DATA_NODE, bytes(32), 2**32))


@given(st.sampled_from(RecordKind), st.binary(max_size=256))
def test_any_bytes_are_read_or_refused(kind: RecordKind, data: bytes) -> None:
    try:
        decoded = decode_record(record(kind, data))
    except IntegrityError:
        return
    assert encode_record(decoded) == (kind, data)


@given(records)
def test_a_record_survives_its_encoding(data: RecordData) -> None:
    kind, encoded = encode_record(data)
    assert decode_record(record(kind, encoded)) == data


@pytest.mark.parametrize(
    ("data", "round_id"),
    [
        (TaskCancelled(3), None),
        (KeysPosted(3, "bafy", bytes(32)), 3),
        (VoteCommitted(13, DATA_NODE, bytes(32)), 3),
        (VoteLeaked(14, DATA_NODE, MINERS[0]), 3),
        (TallyChallenged(3, 1, DATA_NODE, 5), 3),
    ],
)
def test_a_record_tells_its_round(data: RecordData, round_id: int | None) -> None:
    assert round_of(data) == round_id


def test_every_kind_has_its_solidity_name() -> None:
    assert kind_name(RecordKind.TEST_SET_RELEASED) == "TestSetReleased"
    assert sorted(KIND_OF_NAME.values()) == list(RecordKind)
