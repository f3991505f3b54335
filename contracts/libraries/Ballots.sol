// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Ballots: how the ballots of a round are numbered, and how many members they ask for.
library Ballots {
    /// @dev The last attempt to judge a round; the first is 0.
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

    /// @return seats that an attempt asks for: `first`, then twice as many and one, then all; `most` at most
    function sizeOf(uint256 attempt, uint256 first, uint256 maximum) internal pure returns (uint256 seats) {
        if (attempt == LAST_ATTEMPT) return maximum;
        seats = attempt == 0 ? first : 2 * first + 1;
        return seats < maximum ? seats : maximum;
    }
}
