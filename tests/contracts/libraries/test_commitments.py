"""contracts/libraries/Commitments.sol against pole.protocol.encoding.commitments."""

from brownie import accounts, chain
from brownie.network.contract import ProjectContract
from brownie.test import given
from hypothesis import settings
from hypothesis import strategies as st
from tests.contracts.libraries.conftest import Libraries
from tests.contracts.stage import as_tuples

from pole.protocol.encoding.commitments import solution_commitment, vote_commitment
from pole.protocol.state import Verdict, Vote

words = st.binary(min_size=32, max_size=32)
rounds = st.integers(0, 2**256 - 1)
counts = st.integers(0, 2**32 - 1)
votes = st.lists(st.builds(Vote, st.sampled_from(list(Verdict)), counts, counts, words), max_size=4)


@settings(max_examples=5, deadline=None)
@given(secrets=st.lists(st.tuples(rounds, words, counts, words), min_size=1, max_size=10))
def test_solutions_are_committed_to_as_in_python(
    harness: ProjectContract, libraries: Libraries, secrets: list[tuple[int, bytes, int, bytes]]
) -> None:
    calls = [(round_id, accounts[2], digest, train, salt) for round_id, digest, train, salt in secrets]
    committed = libraries.ask("solutionCommitment", calls)
    assert [bytes(each) for each in committed] == [
        solution_commitment(
            chain_id=chain.id,
            chain_address=harness.address,
            round_id=round_id,
            miner=accounts[2].address,
            model_digest=digest,
            claimed_train_correct=train,
            salt=salt,
        )
        for round_id, digest, train, salt in secrets
    ]


@settings(max_examples=5, deadline=None)
@given(secrets=st.lists(st.tuples(rounds, votes, words), min_size=1, max_size=10))
def test_votes_are_committed_to_as_in_python(
    harness: ProjectContract, libraries: Libraries, secrets: list[tuple[int, list[Vote], bytes]]
) -> None:
    calls = [(ballot_id, accounts[2], as_tuples(own), salt) for ballot_id, own, salt in secrets]
    committed = libraries.ask("voteCommitment", calls)
    assert [bytes(each) for each in committed] == [
        vote_commitment(
            chain_id=chain.id,
            committee_address=harness.address,
            ballot_id=ballot_id,
            verifier=accounts[2].address,
            votes=own,
            salt=salt,
        )
        for ballot_id, own, salt in secrets
    ]
