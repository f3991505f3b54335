// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IRewardReservoir} from "../interfaces/IRewardReservoir.sol";

/// @title ReentrantRecipient: somebody who withdraws again while being paid.
/// @dev For tests; part of no deployment.
contract ReentrantRecipient {
    IRewardReservoir private immutable reservoir;
    bool private isSatisfied;

    constructor(IRewardReservoir reservoir_) {
        reservoir = reservoir_;
    }

    receive() external payable {
        if (isSatisfied) return;
        isSatisfied = true;
        try reservoir.withdraw(payable(address(this))) {} catch {}
    }

    function earn() external payable {
        reservoir.deposit{value: msg.value}(address(this), 0);
        reservoir.credit(0, address(this), msg.value);
    }

    function withdraw() external {
        reservoir.withdraw(payable(address(this)));
    }
}
