// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Accounts: the reservoir accounts that PoLe's contracts hold.
/// @dev A round's account (of the chain) and a ballot's (of the committee) are its id as bytes32.
library Accounts {
    /// @notice Rewards and bonds of all waiting tasks, an account of the task list, which books what each task pays.
    bytes32 internal constant TASKS = keccak256("PoLe.tasks.v1");

    /// @notice The system pool, an account of the chain.
    bytes32 internal constant POOL = keccak256("PoLe.pool.v1");

    /// @notice All stakes together, an account of the committee, which books who staked what.
    bytes32 internal constant STAKES = keccak256("PoLe.stakes.v1");
}
