// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Payout, PayoutReason} from "../../interfaces/IPoLeChain.sol";

/// @title Payouts: a list of payouts that grows up to a bound.
library Payouts {
    struct List {
        Payout[] payouts;
        uint256 count;
    }

    /// @return list empty, with room for `most` payouts
    function upTo(uint256 maximum) internal pure returns (List memory list) {
        list.payouts = new Payout[](maximum);
    }

    /// @notice Adds a payout unless it pays nothing or nobody, as an idle task's owner is.
    function add(List memory list, address payee, PayoutReason reason, uint256 amount) internal pure {
        if (amount == 0 || payee == address(0)) return;
        list.payouts[list.count] = Payout(payee, reason, amount);
        ++list.count;
    }

    /// @return payouts in the list
    function all(List memory list) internal pure returns (Payout[] memory payouts) {
        payouts = new Payout[](list.count);
        for (uint256 n = 0; n < list.count; ++n) {
            payouts[n] = list.payouts[n];
        }
    }

    /// @return total amount of the payouts from the `from`th on, in wei
    function totalFrom(List memory list, uint256 from) internal pure returns (uint256 total) {
        for (uint256 n = from; n < list.count; ++n) {
            total += list.payouts[n].amount;
        }
    }
}
