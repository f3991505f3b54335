"""From votes to findings (twin of contracts/libraries/Tally.sol).

Votes are given by choice in the order of the ballot; a member that revealed nothing has none. Evaluation is
exact, so honest votes on a model that was had are equal to the bit. A quorum is floor(2n/3) + 1 of the n seats
drawn, absent ones included, so that no two findings on one choice can both have one.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from pole.protocol.state import TRUTHS, Finding, Verdict, Vote

NO_FINDING: Final = Finding(Verdict.NONE, 0, 0, 0)
FINGERPRINT_BYTES: Final = 7


def quorum(seats: int) -> int:
    """Return how many of `seats` members must agree."""
    return 2 * seats // 3 + 1


def fingerprint(predictions: bytes) -> int:
    """Return what the contract keeps of the predictions' digest: its first seven bytes, big endian."""
    return int.from_bytes(predictions[:FINGERPRINT_BYTES], "big")


def said(vote: Vote) -> Finding:
    """Return what a vote says, as a finding would say it."""
    return Finding(vote.verdict, vote.train_correct, vote.test_correct, fingerprint(vote.predictions))


def pack(vote: Vote) -> int:
    """Return a vote as the contract stores it: verdict (8 bits), train (32), test (32), fingerprint (56)."""
    return (
        int(vote.verdict) << 120
        | vote.train_correct << 88
        | vote.test_correct << 56
        | fingerprint(vote.predictions)
    )


def findings(revealed: Sequence[Sequence[Vote]], *, seats: int, choices: int) -> tuple[Finding, ...]:
    """Return what the committee agreed on, one finding per choice.

    `revealed` holds the votes of each member that revealed, in the order of members.
    """
    return tuple(finding([votes[choice] for votes in revealed], seats=seats) for choice in range(choices))


def finding(votes: Sequence[Vote], *, seats: int) -> Finding:
    """Return what at least a quorum of the members said to the bit; verdict NONE when no quorum agrees."""
    for most, count in Counter(said(vote) for vote in votes).most_common(1):
        if count >= quorum(seats):
            return most
    return NO_FINDING


def main_truth(votes: Sequence[Vote], *, seats: int) -> Finding:
    """Return the truth that more than half of all seats cast to the bit; verdict NONE when there is none."""
    for most, count in Counter(said(vote) for vote in votes).most_common(1):
        if 2 * count > seats and is_truth(most):
            return most
    return NO_FINDING


def is_truth(finding: Finding) -> bool:
    """Return whether a finding is one that everybody with the same files makes, no abstention."""
    return finding.verdict in TRUTHS


def contradict(some: Sequence[Finding], others: Sequence[Finding]) -> bool:
    """Return whether two committees contradict each other: both found a truth of some choice, and another."""
    return any(
        is_truth(one) and is_truth(other) and differs(one, other)
        for one, other in zip(some, others, strict=True)
    )


def differs(one: Finding, other: Finding) -> bool:
    """Return whether two findings differ in verdict or counts, whatever their fingerprints."""
    return (one.verdict, one.train_correct, one.test_correct) != (
        other.verdict,
        other.train_correct,
        other.test_correct,
    )
