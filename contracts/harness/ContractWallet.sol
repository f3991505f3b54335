// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {IPoLeChain} from "../interfaces/IPoLeChain.sol";
import {ITaskList, TaskFiles, TaskTerms} from "../interfaces/ITaskList.sol";

/// @title ContractWallet: a data node that is a contract, whose owner signs for it (EIP-1271).
/// @dev For tests; part of no deployment.
contract ContractWallet is IERC1271 {
    address private immutable _owner;

    constructor(address owner) {
        _owner = owner;
    }

    function post(ITaskList list, TaskTerms calldata terms, TaskFiles calldata files) external payable {
        list.post{value: msg.value}(terms, files);
    }

    function postFunctionalKeys(IPoLeChain chain, uint256 roundId, string calldata cid, bytes32 digest) external {
        chain.postFunctionalKeys(roundId, cid, digest);
    }

    /// @inheritdoc IERC1271
    function isValidSignature(bytes32 hash, bytes calldata signature) external view override returns (bytes4 magic) {
        (address signer, ECDSA.RecoverError error, ) = ECDSA.tryRecover(hash, signature);
        bool isOwner = error == ECDSA.RecoverError.NoError && signer == _owner;
        return isOwner ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }
}
