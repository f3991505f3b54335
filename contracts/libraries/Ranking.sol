// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Solution} from "../interfaces/IPoLeChain.sol";

/// @title Ranking: which revealed solutions a committee judges.
library Ranking {
    uint256 private constant BPS = 10_000;

    /// @notice The best claims: first those that reach the required training accuracy, which alone can win where one of them is true; among them
    /// by test count where the test set was released and by train count where not; ties go to the lower order.
    /// @param maximum solutions judged at most
    /// @param threshold required training accuracy in basis points, times the training samples
    /// @return best indices into `solutions`, best first
    function rank(
        Solution[] memory solutions,
        uint256 revealed,
        uint256 maximum,
        uint256 threshold,
        bool released
    ) internal pure returns (uint256[] memory best) {
        best = new uint256[](revealed < maximum ? revealed : maximum);
        bool[] memory out = new bool[](solutions.length);
        for (uint256 n = 0; n < solutions.length; ++n) {
            out[n] = !solutions[n].revealed;
        }
        for (uint256 place = 0; place < best.length; ++place) {
            best[place] = _best(solutions, out, threshold, released);
            out[best[place]] = true;
        }
    }

    /// @return places the indices plus one, one byte each from the top
    function pack(uint256[] memory indices) internal pure returns (bytes32 places) {
        for (uint256 n = 0; n < indices.length; ++n) {
            places |= bytes32((indices[n] + 1) << (8 * (31 - n)));
        }
    }

    /// @return judged the solutions that have a choice, in the order of choices
    function judgedOf(Solution[] memory solutions, uint256 choices) internal pure returns (Solution[] memory judged) {
        judged = new Solution[](choices);
        for (uint256 n = 0; n < solutions.length; ++n) {
            if (solutions[n].choice != 0) judged[solutions[n].choice - 1] = solutions[n];
        }
    }

    /// @return miners at the indices
    function minersAt(Solution[] memory solutions, uint256[] memory indices) internal pure returns (address[] memory) {
        address[] memory miners = new address[](indices.length);
        for (uint256 n = 0; n < indices.length; ++n) {
            miners[n] = solutions[indices[n]].miner;
        }
        return miners;
    }

    /// @return barred everybody who must not judge, once: all miners, and the data node
    function barredFrom(Solution[] memory solutions, address dataNode) internal pure returns (address[] memory barred) {
        bool mines = false;
        for (uint256 n = 0; n < solutions.length; ++n) {
            if (solutions[n].miner == dataNode) mines = true;
        }
        barred = new address[](solutions.length + (mines ? 0 : 1));
        for (uint256 n = 0; n < solutions.length; ++n) {
            barred[n] = solutions[n].miner;
        }
        if (!mines) barred[solutions.length] = dataNode;
    }

    /// @dev At least one solution must not be out.
    function _best(
        Solution[] memory solutions,
        bool[] memory out,
        uint256 threshold,
        bool released
    ) private pure returns (uint256 best) {
        bool found = false;
        for (uint256 n = 0; n < solutions.length; ++n) {
            if (out[n]) continue;
            if (!found || _precedes(solutions[n], solutions[best], threshold, released)) (found, best) = (true, n);
        }
    }

    function _precedes(
        Solution memory a,
        Solution memory b,
        uint256 threshold,
        bool released
    ) private pure returns (bool) {
        bool isAble = a.claimedTrainCorrect * BPS >= threshold;
        if (isAble != (b.claimedTrainCorrect * BPS >= threshold)) return isAble;
        uint32 claimOfA = released ? a.claimedTestCorrect : a.claimedTrainCorrect;
        uint32 claimOfB = released ? b.claimedTestCorrect : b.claimedTrainCorrect;
        return claimOfA > claimOfB || (claimOfA == claimOfB && a.order < b.order);
    }
}
