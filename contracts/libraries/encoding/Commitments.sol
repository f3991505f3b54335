// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Vote} from "../../interfaces/IVerifierCommittee.sol";
import {Ballots} from "../ballots/Ballots.sol";
import {Domains} from "./Domains.sol";

/// @title Commitments: hashes that bind a hidden payload to chain, contract, round and sender.
/// @dev A copied commitment is worthless to the copier, who is another sender. The salt hides payloads that could be
/// guessed.
library Commitments {
    /// @return hash of a solution's commitment, for the contract that calls
    function solution(
        uint256 roundId,
        address miner,
        bytes32 modelDigest,
        uint32 claimedTrainCorrect,
        bytes32 salt
    ) internal view returns (bytes32 hash) {
        return
            _bind(Domains.SOLUTION, roundId, 0, miner, keccak256(abi.encode(modelDigest, claimedTrainCorrect)), salt);
    }

    /// @return hash of a vote's commitment, for the contract that calls
    function vote(
        uint256 ballotId,
        address verifier,
        Vote[] memory votes,
        bytes32 salt
    ) internal view returns (bytes32 hash) {
        return
            _bind(
                Domains.VOTE,
                Ballots.roundOf(ballotId),
                Ballots.attemptOf(ballotId),
                verifier,
                keccak256(abi.encode(votes)),
                salt
            );
    }

    function _bind(
        bytes32 domain,
        uint256 roundId,
        uint256 attempt,
        address sender,
        bytes32 payload,
        bytes32 salt
    ) private view returns (bytes32) {
        return keccak256(abi.encode(domain, block.chainid, address(this), roundId, attempt, sender, payload, salt));
    }
}
