// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Solution} from "../interfaces/IPoLeChain.sol";

/// @title Solutions: the miners' solutions in storage, packed.
/// @dev A place is 1 + a solution's position in the order of first commitments.
library Solutions {
    /// @dev Three storage slots. Revealed solutions are those with a model digest.
    struct Stored {
        address miner;
        uint32 claimedTrainCorrect;
        uint32 claimedTestCorrect;
        uint32 order;
        bytes32 commitment;
        bytes32 modelDigest;
    }

    /// @param latest a miner's last round and its place in it: roundId * 256 + place
    /// @param stored solutions by round and place
    /// @param judged places of a round's judged solutions, one byte each from the top, in the ballot's order of choices
    struct Register {
        mapping(address miner => uint256) latest;
        mapping(uint256 roundId => mapping(uint256 place => Stored)) stored;
        mapping(uint256 roundId => bytes32) judged;
    }

    /// @return place of the miner's solution, 0 when it has none in this round; told only for the newest round of the miner
    function placeOf(Register storage register, uint256 roundId, address miner) internal view returns (uint256 place) {
        uint256 latest = register.latest[miner];
        return latest >> 8 == roundId ? latest & 0xff : 0;
    }

    /// @return solution at a place
    function at(
        Register storage register,
        uint256 roundId,
        uint256 place
    ) internal view returns (Stored storage solution) {
        return register.stored[roundId][place];
    }

    /// @notice Puts a commitment at a place, new or replaced.
    function put(
        Register storage register,
        uint256 roundId,
        uint256 place,
        uint32 order,
        bytes32 commitment,
        uint32 claimedTrainCorrect
    ) internal {
        Stored storage solution = register.stored[roundId][place];
        solution.miner = msg.sender;
        solution.claimedTrainCorrect = claimedTrainCorrect;
        solution.order = order;
        solution.commitment = commitment;
        register.latest[msg.sender] = (roundId << 8) | place;
    }

    /// @return solutions of a round in the order of their first commitments
    function load(
        Register storage register,
        uint256 roundId,
        uint256 committed
    ) internal view returns (Solution[] memory solutions) {
        solutions = new Solution[](committed);
        for (uint256 n = 0; n < committed; ++n) {
            Stored memory stored = register.stored[roundId][n + 1];
            solutions[n] = Solution({
                miner: stored.miner,
                commitment: stored.commitment,
                modelDigest: stored.modelDigest,
                claimedTrainCorrect: stored.claimedTrainCorrect,
                claimedTestCorrect: stored.claimedTestCorrect,
                order: stored.order,
                choice: 0,
                revealed: stored.modelDigest != 0
            });
        }
        bytes32 judged = register.judged[roundId];
        for (uint256 choice = 0; choice < 32 && judged[choice] != 0; ++choice) {
            solutions[uint8(judged[choice]) - 1].choice = uint16(choice + 1);
        }
    }
}
