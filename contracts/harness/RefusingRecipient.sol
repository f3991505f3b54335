// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IPoLeChain} from "../interfaces/IPoLeChain.sol";
import {IRewardReservoir} from "../interfaces/IRewardReservoir.sol";

/// @title RefusingRecipient: a miner that is a contract and takes no ether.
/// @dev For tests; part of no deployment.
contract RefusingRecipient {
    function commit(
        IPoLeChain chain,
        uint256 roundId,
        bytes32 commitment,
        uint32 claimedTrainCorrect
    ) external payable {
        chain.commit{value: msg.value}(roundId, commitment, claimedTrainCorrect);
    }

    function reveal(
        IPoLeChain chain,
        uint256 roundId,
        string calldata modelCid,
        bytes32 modelDigest,
        uint32 claimedTestCorrect,
        bytes32 salt
    ) external {
        chain.reveal(roundId, modelCid, modelDigest, claimedTestCorrect, salt);
    }

    function withdraw(IRewardReservoir reservoir, address payable recipient) external {
        reservoir.withdraw(recipient);
    }
}
