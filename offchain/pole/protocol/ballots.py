"""The ballots of a round: how they are numbered, how many may sit on each, what doubting their tally costs.

Attempt 0 is the first committee's; a challenge calls for the next attempt, on which more members sit.
"""

from collections.abc import Sequence
from typing import Final

from pole.protocol.parameters import ChainParameters
from pole.protocol.state import Finding, Verdict

LAST_ATTEMPT: Final = 2
_IDS_A_ROUND: Final = 4


def ballot_id(round_id: int, attempt: int) -> int:
    """Return the id under which the committee keeps this ballot: round * 4 + attempt."""
    return round_id * _IDS_A_ROUND + attempt


def round_and_attempt(ballot: int) -> tuple[int, int]:
    """Return which round's ballot it is, and of which attempt."""
    return divmod(ballot, _IDS_A_ROUND)


def target_seats(attempt: int, parameters: ChainParameters) -> int:
    """Return how many members an attempt asks for: n, then 2n + 1, then all seats, never above the cap."""
    sizes = (parameters.committee_size, 2 * parameters.committee_size + 1, parameters.max_committee)
    return min(sizes[attempt], parameters.max_committee)


def due_bond(findings: Sequence[Finding], parameters: ChainParameters) -> int:
    """Return what challenging this tally costs, in wei.

    Nothing, when it has a gap and the data is not at fault: a choice without a finding could have won, and
    who kept the others from one would pay nothing for it.
    """
    verdicts = {finding.verdict for finding in findings}
    decided = Verdict.NONE not in verdicts or Verdict.DATA_FAULT in verdicts
    return parameters.challenge_bond if decided else 0
