"""From votes to findings (twin of contracts/libraries/Tally.sol).

Votes are given by choice in the order of the ballot; a member that revealed nothing has none. A quorum is
floor(2n/3) + 1 of the n seats drawn, so that no two findings on one choice can both have one.
"""

from collections.abc import Sequence

from pole.protocol.state import Finding, Verdict, Vote

NO_FINDING = Finding(Verdict.NONE, 0, 0, 0)
FINGERPRINT_BYTES = 7


def quorum(seats: int) -> int:
    """Return how many of `seats` members must agree."""
    return 2 * seats // 3 + 1


def fingerprint(predictions: bytes) -> int:
    """Return what the contract keeps of the predictions' digest: its first seven bytes, big endian."""
    return int.from_bytes(predictions[:FINGERPRINT_BYTES], "big")


def pack(vote: Vote) -> int:
    """Return a vote as the contract stores it: verdict (8 bits), train (32), test (32), fingerprint (56)."""
    return (
        int(vote.verdict) << 120
        | vote.train_correct << 88
        | vote.test_correct << 56
        | fingerprint(vote.predictions)
    )


def findings(
    revealed: Sequence[Sequence[Vote]], *, seats: int, choices: int, tolerance: int
) -> tuple[Finding, ...]:
    """Return what the committee agreed on, one finding per choice.

    `revealed` holds the votes of each member that revealed, in the order of members.
    """
    return tuple(
        finding([votes[choice] for votes in revealed], seats=seats, tolerance=tolerance)
        for choice in range(choices)
    )


def finding(votes: Sequence[Vote], *, seats: int, tolerance: int) -> Finding:
    """Return what the members agreed on for one solution; verdict NONE when no quorum agrees.

    Counts are the lower medians of the votes for OK. Votes within `tolerance` of both medians support them,
    with tolerance 0 only if they also have the fingerprint that the majority has.
    """
    needed = quorum(seats)
    for verdict in (Verdict.UNAVAILABLE, Verdict.MALFORMED, Verdict.DATA_FAULT):
        if sum(vote.verdict is verdict for vote in votes) >= needed:
            return Finding(verdict, 0, 0, 0)
    ok = [vote for vote in votes if vote.verdict is Verdict.OK]
    if len(ok) < needed:
        return NO_FINDING
    agreed = Finding(
        Verdict.OK,
        lower_median([vote.train_correct for vote in ok]),
        lower_median([vote.test_correct for vote in ok]),
        majority([fingerprint(vote.predictions) for vote in ok]) if tolerance == 0 else 0,
    )
    return agreed if sum(agrees(vote, agreed, tolerance) for vote in ok) >= needed else NO_FINDING


def agrees(vote: Vote, agreed: Finding, tolerance: int) -> bool:
    """Return whether a vote says what the finding says: in verdict, counts and, exactly, fingerprint."""
    if agreed.verdict is not Verdict.OK or tolerance > 0:
        return agrees_in_counts(vote, agreed, tolerance)
    return agrees_in_counts(vote, agreed, tolerance) and fingerprint(vote.predictions) == agreed.fingerprint


def agrees_in_counts(vote: Vote, agreed: Finding, tolerance: int) -> bool:
    """Return whether a vote says what the finding says in verdict and counts."""
    if vote.verdict is not agreed.verdict:
        return False
    if agreed.verdict is not Verdict.OK:
        return True
    return (
        abs(vote.train_correct - agreed.train_correct) <= tolerance
        and abs(vote.test_correct - agreed.test_correct) <= tolerance
    )


def is_coherent(
    votes: Sequence[Vote], own: Sequence[Finding], final: Sequence[Finding], tolerance: int
) -> bool:
    """Return whether a member's votes agree with every final finding; the others are slashed.

    `own` holds the findings of the member's own ballot. A fingerprint binds to the ballot it was made for,
    so it is compared with that ballot's where that one found the same.
    """
    return all(
        agrees(vote, mine, tolerance) if not differs(mine, each) else agrees_in_counts(vote, each, tolerance)
        for vote, mine, each in zip(votes, own, final, strict=True)
        if each.verdict is not Verdict.NONE
    )


def differ(some: Sequence[Finding], others: Sequence[Finding]) -> bool:
    """Return whether two committees found different things: another verdict or count for any choice."""
    return any(differs(one, other) for one, other in zip(some, others, strict=True))


def differs(one: Finding, other: Finding) -> bool:
    """Return whether two findings differ in verdict or counts, whatever their fingerprints."""
    return (one.verdict, one.train_correct, one.test_correct) != (
        other.verdict,
        other.train_correct,
        other.test_correct,
    )


def lower_median(values: Sequence[int]) -> int:
    """Return the median, of an even number of values the lower of the two in the middle."""
    return sorted(values)[(len(values) - 1) // 2]


def majority(values: Sequence[int]) -> int:
    """Return the value that more than half of `values` have, if any (Boyer and Moore 1981); else another."""
    candidate = lead = 0
    for value in values:
        if lead == 0:
            candidate, lead = value, 1
        elif value == candidate:
            lead += 1
        else:
            lead -= 1
    return candidate
