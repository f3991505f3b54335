"""Showing a vote that its member did not keep to itself."""

from pole.errors import IntegrityError
from pole.protocol.encoding.commitments import vote_commitment
from pole.protocol.formats.leaked_vote import LeakedVote
from pole.roles.ports import Chain, Receipt


def leak(chain: Chain, ballot_id: int, leaked: LeakedVote, *, intent: str) -> Receipt:
    """Void a member's vote by showing it, for half of the member's penalty.

    Raises IntegrityError, before anything is sent, when votes and salt do not open what the member committed
    in this ballot, and RefusedError when it is too late.
    """
    identity = chain.identity
    committed, _ = chain.vote_state(ballot_id, leaked.verifier)
    opened = vote_commitment(
        chain_id=identity.chain_id,
        committee_address=identity.committee_address,
        ballot_id=ballot_id,
        verifier=leaked.verifier,
        votes=leaked.votes,
        salt=leaked.salt,
    )
    if opened != committed:
        raise IntegrityError(
            f"These votes and salt do not open what {leaked.verifier} committed (0x{committed.hex()}; zero "
            "when it committed nothing, or its vote was leaked already): check the file and the round."
        )
    return chain.leak(ballot_id, leaked, intent=intent)
