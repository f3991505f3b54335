"""What a committee's votes agree on, and what each of them is worth (twin of contracts/libraries/Tally.sol).

Votes are given by choice in the order of the ballot; a member that revealed nothing has none. Evaluation is
exact, so honest votes on a model that was had are equal to the bit. A quorum is floor(2n/3) + 1 of the n
seats drawn, absent ones included, so that no two findings on one choice can both have one.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pole.protocol.state import TRUTHS, Finding, Verdict, Vote

NO_FINDING: Final = Finding(Verdict.NONE, 0, 0, 0)
FINGERPRINT_BYTES: Final = 7


@dataclass(frozen=True, slots=True)
class Worth:
    """What a member's votes are worth, by what the last committee found.

    `right`: how many are for a truth that was found. `is_false`: some vote is for another truth. `is_alone`:
    some vote is for another truth than more than half of all seats cast, where there was no quorum.
    `has_abstained`: some vote is none where a truth was found.
    """

    right: int
    is_false: bool
    is_alone: bool
    has_abstained: bool


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
    """Return what at least a quorum of the members said to the bit; verdict NONE where no quorum agrees.

    `revealed` holds the votes of each member that revealed. There is one finding per choice.
    """
    leads = [_lead(revealed, choice) for choice in range(choices)]
    return tuple(leading if support >= quorum(seats) else NO_FINDING for leading, support in leads)


def majorities(
    revealed: Sequence[Sequence[Vote]], found: Sequence[Finding], *, seats: int
) -> tuple[Finding, ...]:
    """Return, of each choice without a finding, the truth that more than half of all seats cast to the bit.

    Verdict NONE where there is a finding, or no such truth.
    """
    leads = [_lead(revealed, choice) for choice in range(len(found))]
    return tuple(
        leading
        if finding.verdict is Verdict.NONE and 2 * support > seats and is_truth(leading)
        else NO_FINDING
        for finding, (leading, support) in zip(found, leads, strict=True)
    )


def worth_of(votes: Sequence[Vote], last: Sequence[Finding], leading: Sequence[Finding] | None) -> Worth:
    """Return what a member's votes are worth; `last` is what the last committee found.

    `leading` are the last committee's `majorities` for a member of it. They are None for one of an earlier
    committee, whose fingerprints bind to another attempt and so are not compared.
    """
    right, is_false, is_alone, has_abstained = 0, False, False, False
    for choice, found in enumerate(last):
        cast = said(votes[choice])
        if not is_truth(found):
            is_alone |= leading is not None and _opposes(cast, leading[choice])
        elif not is_truth(cast):
            has_abstained = True
        elif cast == found or (leading is None and not differs(cast, found)):
            right += 1
        else:
            is_false = True
    return Worth(right, is_false, is_alone, has_abstained)


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


def _lead(revealed: Sequence[Sequence[Vote]], choice: int) -> tuple[Finding, int]:
    """Return what most of those that revealed said of a choice, and how many they are."""
    cast = Counter(said(votes[choice]) for votes in revealed)
    return cast.most_common(1)[0] if cast else (NO_FINDING, 0)


def _opposes(cast: Finding, leading: Finding) -> bool:
    return is_truth(cast) and is_truth(leading) and cast != leading
