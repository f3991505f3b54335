"""The ballots of a round: how they are numbered, how many members they ask for, what calling the next costs.

Attempt 0 is the first committee's; a challenge calls for the next attempt, on which more members sit
(twin of contracts/libraries/ballots/Ballots.sol).
"""

from typing import Final

from pole.protocol.parameters import ChainParameters

LAST_ATTEMPT: Final = 2
_IDS_A_ROUND: Final = 4


def ballot_id(round_id: int, attempt: int) -> int:
    """Return the id under which the committee keeps this ballot: round * 4 + attempt."""
    return round_id * _IDS_A_ROUND + attempt


def round_and_attempt(ballot: int) -> tuple[int, int]:
    """Return which round's ballot it is, and of which attempt."""
    return divmod(ballot, _IDS_A_ROUND)


def seats_asked(attempt: int, reward: int, parameters: ChainParameters) -> int:
    """Return how many members an attempt asks for in the round of a task with this reward in wei.

    First as many as bound the reward that they decide on, `committee_size` at least; then 2n + 1; then all,
    never above the cap.
    """
    first = max(parameters.committee_size, _seats_for(reward, parameters))
    sizes = (first, 2 * first + 1, parameters.max_committee)
    return min(sizes[attempt], parameters.max_committee)


def minimum_seats(reward: int, parameters: ChainParameters) -> int:
    """Return how many seats there must be, barred ones included, for any committee to be drawn."""
    return max(parameters.min_committee, _seats_for(reward, parameters))


def quorum(seats: int) -> int:
    """Return how many of `seats` members must agree."""
    return 2 * seats // 3 + 1


def minimum_members(reward: int, parameters: ChainParameters) -> int:
    """Return with how many members a first committee is drawn: a quorum of the seats that there must be."""
    return max(parameters.min_committee, quorum(minimum_seats(reward, parameters)))


def challenge_bond(attempt: int, reward: int, parameters: ChainParameters) -> int:
    """Return what challenging this attempt's tally costs in wei: what the larger committee earns."""
    fee = committee_fee(reward, parameters)
    return fee * seats_asked(attempt + 1, reward, parameters) // seats_asked(0, reward, parameters)


def committee_fee(reward: int, parameters: ChainParameters) -> int:
    """Return the part of a reward in wei that pays the first committee, rounded down."""
    return reward * parameters.verification_fee_bps // 10_000


def _seats_for(reward: int, parameters: ChainParameters) -> int:
    return -(-reward // parameters.reward_per_seat)
