// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IRewardReservoir} from "../interfaces/IRewardReservoir.sol";

/// @title ReentrantRecipient: somebody who withdraws again while being paid.
/// @dev For tests; part of no deployment.
contract ReentrantRecipient {
    IRewardReservoir public immutable reservoir;

    /// @notice True once a withdrawal within a withdrawal went through.
    bool public isPaidTwice;

    constructor(IRewardReservoir reservoir_) {
        reservoir = reservoir_;
    }

    receive() external payable {
        _withdrawAgain();
    }

    function earn() external payable {
        reservoir.deposit{value: msg.value}(address(this), 0);
        reservoir.credit(0, address(this), msg.value);
    }

    function withdraw() external {
        reservoir.withdraw(payable(address(this)));
    }

    function _withdrawAgain() private {
        // It is meant to fail, and to go on afterwards.
        // solhint-disable-next-line avoid-low-level-calls
        (isPaidTwice, ) = address(reservoir).call(abi.encodeCall(IRewardReservoir.withdraw, (payable(address(this)))));
    }
}
