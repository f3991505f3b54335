// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Solution} from "../../interfaces/IPoLeChain.sol";

/// @title Solutions: the miners' solutions of the newest round of a lane in storage, packed.
/// @dev A place is 1 + a solution's position in the order in which places were first taken. Every round writes over the
/// places of the one before in its lane, which costs less than a quarter of new storage; what older rounds held is in
/// their records.
library Solutions {
    /// @dev Three storage slots. The model digest is another round's until the solution is revealed.
    struct Stored {
        address miner;
        uint32 claimedTrainCorrect;
        uint32 claimedTestCorrect;
        uint24 order;
        bool revealed;
        bytes32 commitment;
        bytes32 modelDigest;
    }

    /// @param latest a miner's last round in the lane and its place in it: roundId * 256 + place
    /// @param stored solutions by place
    struct Register {
        mapping(address miner => uint256) latest;
        mapping(uint256 place => Stored) stored;
    }

    /// @return place of the miner's solution, 0 when it has none in this round; told only for the newest round of the
    /// miner
    function placeOf(Register storage register, uint256 roundId, address miner) internal view returns (uint256 place) {
        uint256 latest = register.latest[miner];
        return latest >> 8 == roundId ? latest & 0xff : 0;
    }

    /// @notice Puts a commitment at a place, new or replaced.
    function put(
        Register storage register,
        uint256 roundId,
        uint256 place,
        uint24 order,
        bytes32 commitment,
        uint32 claimedTrainCorrect
    ) internal {
        Stored storage solution = register.stored[place];
        solution.miner = msg.sender;
        solution.claimedTrainCorrect = claimedTrainCorrect;
        solution.order = order;
        solution.revealed = false;
        solution.commitment = commitment;
        register.latest[msg.sender] = (roundId << 8) | place;
    }

    /// @notice Takes a miner's place, which its next commitment does not find any more.
    function leave(Register storage register, uint256 roundId, address miner) internal {
        register.latest[miner] = roundId << 8;
    }

    /// @param committed places taken, at least 1
    /// @return place of the lowest claim, among equals the one with the highest order
    function lowest(Register storage register, uint256 committed) internal view returns (uint256 place) {
        place = 1;
        for (uint256 other = 2; other <= committed; ++other) {
            if (_isLower(register.stored[other], register.stored[place])) place = other;
        }
    }

    /// @return solutions of the newest round by place, with their choices
    function load(Register storage register, uint256 committed) internal view returns (Solution[] memory solutions) {
        solutions = new Solution[](committed);
        for (uint256 n = 0; n < committed; ++n) {
            Stored memory stored = register.stored[n + 1];
            solutions[n] = Solution({
                miner: stored.miner,
                commitment: stored.commitment,
                modelDigest: stored.revealed ? stored.modelDigest : bytes32(0),
                claimedTrainCorrect: stored.claimedTrainCorrect,
                claimedTestCorrect: stored.revealed ? stored.claimedTestCorrect : 0,
                order: stored.order,
                choice: 0,
                revealed: stored.revealed
            });
        }
        choose(solutions);
    }

    /// @notice Numbers, by place, what a committee judges: every model that was revealed. Equal models are one choice,
    /// and what is found of it holds for all that showed it.
    function choose(Solution[] memory solutions) internal pure {
        uint16 choices = 0;
        for (uint256 n = 0; n < solutions.length; ++n) {
            if (!solutions[n].revealed) continue;
            solutions[n].choice = _choiceOfEqual(solutions, n);
            if (solutions[n].choice == 0) solutions[n].choice = ++choices;
        }
    }

    /// @return count of choices
    function choicesOf(Solution[] memory solutions) internal pure returns (uint256 count) {
        for (uint256 n = 0; n < solutions.length; ++n) {
            if (solutions[n].choice > count) count = solutions[n].choice;
        }
    }

    /// @return judged the solutions that have a choice, by place
    function judgedOf(Solution[] memory solutions) internal pure returns (Solution[] memory judged) {
        uint256 count = 0;
        for (uint256 n = 0; n < solutions.length; ++n) {
            if (solutions[n].choice != 0) ++count;
        }
        judged = new Solution[](count);
        for (uint256 n = solutions.length; n > 0; --n) {
            if (solutions[n - 1].choice != 0) judged[--count] = solutions[n - 1];
        }
    }

    /// @return barred everybody who must not judge: all miners, and the data node
    function barredFrom(Solution[] memory solutions, address dataNode) internal pure returns (address[] memory barred) {
        barred = new address[](solutions.length + 1);
        for (uint256 n = 0; n < solutions.length; ++n) {
            barred[n] = solutions[n].miner;
        }
        barred[solutions.length] = dataNode;
    }

    /// @return choice of an equal model at a place before, 0 where there is none
    function _choiceOfEqual(Solution[] memory solutions, uint256 index) private pure returns (uint16 choice) {
        for (uint256 n = 0; n < index; ++n) {
            bool isEqual = solutions[n].revealed && solutions[n].modelDigest == solutions[index].modelDigest;
            if (isEqual) return solutions[n].choice;
        }
    }

    function _isLower(Stored storage a, Stored storage b) private view returns (bool) {
        if (a.claimedTrainCorrect != b.claimedTrainCorrect) return a.claimedTrainCorrect < b.claimedTrainCorrect;
        return a.order > b.order;
    }
}
