from typing import Any

from hypothesis import strategies as st
from hypothesis.core import given
from tests.parity.conftest import CHAIN_ID
from tests.parity.strategies import addresses, few_trials, ommers, single_votes, trials, whole, words

from pole.protocol.encoding.abi import header_tuple, ommer_tuple, vote_tuple
from pole.protocol.encoding.commitments import solution_commitment, vote_commitment
from pole.protocol.encoding.headers import header_hash, ommers_hash
from pole.protocol.encoding.merkle_body import Body, append, body_of, leaf, root
from pole.protocol.state import Header, Ommer, RecordKind, Vote

headers = st.builds(
    Header,
    whole(256),
    words,
    whole(256),
    whole(256),
    addresses,
    words,
    whole(32),
    whole(32),
    words,
    words,
    whole(64),
)


@given(whole(256), addresses, words, whole(32), words)
@trials
def test_solution_commitments_are_equal(
    harness: Any, round_id: int, miner: str, digest: bytes, train: int, salt: bytes
) -> None:
    twin = solution_commitment(
        chain_id=CHAIN_ID,
        chain_address=harness.address,
        round_id=round_id,
        miner=miner,
        model_digest=digest,
        claimed_train_correct=train,
        salt=salt,
    )
    assert bytes(harness.solutionCommitment(round_id, miner, digest, train, salt)) == twin


@given(whole(256), addresses, st.lists(single_votes, max_size=9), words)
@trials
def test_vote_commitments_are_equal(
    harness: Any, ballot_id: int, verifier: str, votes: list[Vote], salt: bytes
) -> None:
    twin = vote_commitment(
        chain_id=CHAIN_ID,
        committee_address=harness.address,
        ballot_id=ballot_id,
        verifier=verifier,
        votes=votes,
        salt=salt,
    )
    given_votes = [vote_tuple(vote) for vote in votes]
    assert bytes(harness.voteCommitment(ballot_id, verifier, given_votes, salt)) == twin


@given(st.sampled_from(RecordKind), st.binary(max_size=200))
@trials
def test_leaves_are_equal(harness: Any, kind: RecordKind, data: bytes) -> None:
    assert bytes(harness.leafOf(int(kind), data)) == leaf(kind, data)


@given(st.lists(words, max_size=12), st.lists(words, max_size=20))
@few_trials
def test_body_roots_are_equal_after_every_record(
    harness: Any, stale: list[bytes], leaves: list[bytes]
) -> None:
    body = Body(0, body_of(stale).frontier)
    roots = [root(body)]
    for each in leaves:
        body = append(body, each)
        roots.append(root(body))
    assert [bytes(each) for each in harness.bodyRoots(stale, leaves)] == roots


@given(headers)
@trials
def test_header_hashes_are_equal(harness: Any, header: Header) -> None:
    assert bytes(harness.headerHash(header_tuple(header))) == header_hash(header)


@given(st.lists(ommers, max_size=3))
@trials
def test_ommers_hashes_are_equal(harness: Any, listed: list[Ommer]) -> None:
    assert bytes(harness.ommersHash([ommer_tuple(ommer) for ommer in listed])) == ommers_hash(listed)
