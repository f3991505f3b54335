// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Ballots: how the ballots of a round are numbered, how many members they ask for, and what a challenge costs.
library Ballots {
    /// @notice The last attempt to judge a round; the first is 0.
    uint256 internal constant LAST_ATTEMPT = 2;

    uint256 private constant IDS_A_ROUND = 4;

    /// @return ballotId of a round's attempt
    function idOf(uint256 roundId, uint256 attempt) internal pure returns (uint256 ballotId) {
        return roundId * IDS_A_ROUND + attempt;
    }

    /// @return roundId of a ballot; 0 for what is no ballot
    function roundOf(uint256 ballotId) internal pure returns (uint256 roundId) {
        return ballotId / IDS_A_ROUND;
    }

    /// @return attempt of a ballot
    function attemptOf(uint256 ballotId) internal pure returns (uint256 attempt) {
        return ballotId % IDS_A_ROUND;
    }

    /// @param fewest seats that any reward asks for
    /// @return seats that a reward asks for: one for each part of it that a seat may decide on, rounded up
    function seatsFor(uint256 reward, uint256 rewardPerSeat, uint256 fewest) internal pure returns (uint256 seats) {
        seats = (reward + rewardPerSeat - 1) / rewardPerSeat;
        if (seats < fewest) seats = fewest;
    }

    /// @return votes that must agree among `seats` members: floor(2 seats / 3) + 1
    function quorumOf(uint256 seats) internal pure returns (uint256 votes) {
        return (2 * seats) / 3 + 1;
    }

    /// @param seats that a reward asks for
    /// @param fewest members of any committee
    /// @return members that will do where some of those seats are barred: what a quorum of them has, so that what is
    /// decided on is bounded by the stakes that decide
    function fewestFor(uint256 seats, uint256 fewest) internal pure returns (uint256 members) {
        members = quorumOf(seats);
        if (members < fewest) members = fewest;
    }

    /// @param first seats that the first attempt asks for
    /// @return seats that an attempt asks for: `first`, then twice as many and one, then `maximum`, which none exceeds
    function sizeOf(uint256 attempt, uint256 first, uint256 maximum) internal pure returns (uint256 seats) {
        if (attempt == LAST_ATTEMPT) return maximum;
        seats = attempt == 0 ? first : 2 * first + 1;
        return seats < maximum ? seats : maximum;
    }

    /// @notice What a challenge of an attempt costs: as much for each seat of the next as the fee pays for one of the
    /// first.
    /// @return bond in wei, rounded down
    function bondOf(uint256 attempt, uint256 fee, uint256 first, uint256 maximum) internal pure returns (uint256 bond) {
        return (fee * sizeOf(attempt + 1, first, maximum)) / sizeOf(0, first, maximum);
    }
}
