import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.protocol.example_rounds import DATA_NODE, MINERS

from pole.errors import IntegrityError
from pole.protocol.formats.leaked_vote import LeakedVote, read_leaked_vote, write_leaked_vote
from pole.protocol.state import Verdict, Vote

VOTE = Vote(Verdict.OK, 90, 9, b"\x66" * 32)
LEAKED = LeakedVote(DATA_NODE, (VOTE, Vote(Verdict.MALFORMED, 0, 0, bytes(32))), b"\x5a" * 32)
hashes = st.binary(min_size=32, max_size=32)
counts = st.integers(0, 2**32 - 1)
verdicts = st.sampled_from([verdict for verdict in Verdict if verdict is not Verdict.NONE])
votes = st.lists(st.builds(Vote, verdicts, counts, counts, hashes), min_size=1, max_size=4).map(tuple)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"OK"', b'"NONE"', "verdict must be one of OK, UNAVAILABLE, MALFORMED, DATA_FAULT"),
        (b'"OK"', b"1", "verdict must be one of"),
        (b'"trainCorrect":90', b'"trainCorrect":-1', "trainCorrect must be a whole number"),
        (b'"testCorrect":9', b'"testCorrect":4294967296', "testCorrect must be a whole number"),
        (b"0x5a", b"0x5", "salt must be 32 bytes"),
        (b"0x66", b"66", "predictions must be 32 bytes"),
        (DATA_NODE.encode(), DATA_NODE.lower().encode(), "EIP-55 checksum"),
        (DATA_NODE.encode(), b"nobody", "verifier must be an address"),
        (b'"trainCorrect":90,', b"", "A vote has missing or unknown fields: 'trainCorrect'"),
        (b'"version":1', b'"version":2', "version 2"),
        (b"pole.leaked-vote", b"pole.proof", "is no pole.leaked-vote file"),
        (b":", b": ", "canonical"),
    ],
)
def test_another_file_is_refused_with_the_field_s_name(old: bytes, new: bytes, message: str) -> None:
    with pytest.raises(IntegrityError, match=message):
        read_leaked_vote(write_leaked_vote(LEAKED).replace(old, new))


def test_no_votes_are_no_leak() -> None:
    with pytest.raises(IntegrityError, match="votes must be a list of 1 to 256"):
        read_leaked_vote(write_leaked_vote(LeakedVote(DATA_NODE, (), bytes(32))))


def test_a_salt_is_not_shown_by_accident() -> None:
    assert "Z" not in repr(LeakedVote(DATA_NODE, (VOTE,), b"Z" * 32))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        read_leaked_vote(data)


@given(st.builds(LeakedVote, st.sampled_from([DATA_NODE, *MINERS]), votes, hashes))
def test_a_leaked_vote_survives_its_file(leaked: LeakedVote) -> None:
    assert read_leaked_vote(write_leaked_vote(leaked)) == leaked
