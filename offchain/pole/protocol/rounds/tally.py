"""What a committee's votes agree on, and what each is worth (twin of contracts/libraries/ballots/Tally.sol).

Votes are given by choice in the order of the ballot; a member that revealed nothing has none. Evaluation is
exact, so honest votes on a model that was had are equal to the bit. A quorum is floor(2n/3) + 1 of the n
seats drawn, absent ones included, so that no two findings on one choice can both have one.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pole.protocol.ballots import quorum
from pole.protocol.state import TRUTHS, Finding, Verdict, Vote

NO_FINDING: Final = Finding(Verdict.NONE, 0, 0, 0)
FINGERPRINT_BYTES: Final = 7


@dataclass(frozen=True, slots=True)
class Worth:
    """What a member's votes are worth, by what was found in the end.

    `right`: how many are for a truth that was found. `is_false`: some vote is for another truth than one that
    its committee, or a later one, found. `is_alone`: some vote is for another truth than more than half of
    all seats cast, where there was no quorum. `has_abstained`: some vote is none where a truth was found.
    """

    right: int
    is_false: bool
    is_alone: bool
    has_abstained: bool


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


def findings(
    before: Sequence[Finding], revealed: Sequence[Sequence[Vote]], *, seats: int, choices: int
) -> tuple[Finding, ...]:
    """Return what stands of each choice once a committee has voted.

    That is what at least a quorum of the members said to the bit, verdict NONE where no quorum agrees.
    `before` is what stood after the committee before, empty where this is the first; `revealed` holds the
    votes of each member that revealed. What stood as a truth stands where this quorum judged nothing, unless
    more than half of all seats cast another truth; then nothing is found. So no abstention undoes a truth.
    """
    leads = [_lead(revealed, choice) for choice in range(choices)]
    found = tuple(leading if support >= quorum(seats) else NO_FINDING for leading, support in leads)
    if not before:
        return found
    judged = majorities(revealed, seats=seats, choices=choices)
    return tuple(_standing(*each) for each in zip(before, found, judged, strict=True))


def majorities(revealed: Sequence[Sequence[Vote]], *, seats: int, choices: int) -> tuple[Finding, ...]:
    """Return of each choice the truth that more than half of all seats cast to the bit, NONE without one."""
    leads = [_lead(revealed, choice) for choice in range(choices)]
    return tuple(
        leading if 2 * support > seats and is_truth(leading) else NO_FINDING for leading, support in leads
    )


def answered(
    later: Sequence[bool], revealed: Sequence[Sequence[Vote]], agreed: Sequence[Finding], *, seats: int
) -> tuple[bool, ...]:
    """Return of each choice whether a committee or a later one found the truth that was found in the end.

    `later` tells it of the later ones; `revealed` are the votes of the committee's members. A committee finds
    what its own quorum says, whatever the fingerprint, which binds to its attempt.
    """
    own = findings((), revealed, seats=seats, choices=len(agreed))
    return tuple(
        is_later or (is_truth(last) and not differs(found, last))
        for is_later, found, last in zip(later, own, agreed, strict=True)
    )


def worth_of(
    votes: Sequence[Vote],
    agreed: Sequence[Finding],
    answers: Sequence[bool],
    leading: Sequence[Finding] | None,
) -> Worth:
    """Return what a member's votes are worth; `agreed` is what was found in the end.

    `answers` are `answered` of the member's committee: where neither it nor a later one found that, the vote
    is not false, for it may be of what an earlier committee was not shown. `leading` are the last committee's
    `majorities` for a member of it, None for one of an earlier committee. A fingerprint binds to its attempt:
    it is compared where the last committee found what was found in the end, and for its own members alone.
    """
    right, is_false, is_alone, has_abstained = 0, False, False, False
    for choice, found in enumerate(agreed):
        cast = said(votes[choice])
        majority = NO_FINDING if leading is None else leading[choice]
        is_own = answers[choice] and leading is not None
        if not is_truth(cast):
            has_abstained |= is_truth(found)
        elif is_truth(found) and (cast == found if is_own else not differs(cast, found)):
            right += 1
        elif answers[choice]:
            is_false = True
        else:
            is_alone |= is_truth(majority) and cast != majority
    return Worth(right, is_false, is_alone, has_abstained)


def is_truth(finding: Finding) -> bool:
    """Return whether a finding is one that everybody with the same files makes, no abstention."""
    return finding.verdict in TRUTHS


def contradict(some: Sequence[Finding], others: Sequence[Finding]) -> bool:
    """Return whether different truths stood about any choice."""
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


def _standing(before: Finding, found: Finding, judged: Finding) -> Finding:
    """Return what stands after a committee whose quorum found `found` and whose majority cast `judged`."""
    if not is_truth(before) or is_truth(found):
        return found
    return NO_FINDING if is_truth(judged) and differs(judged, before) else before
