// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title MemberSet: some members of a ballot, as bits: bit n, from the lowest, for member n.
library MemberSet {
    /// @return set of all members of a ballot of 1 to 64 seats
    function all(uint256 seats) internal pure returns (uint64 set) {
        return type(uint64).max >> (64 - seats);
    }

    function has(uint64 set, uint256 member) internal pure returns (bool) {
        return (set >> member) & 1 == 1;
    }

    /// @return larger the set and the member
    function with(uint64 set, uint256 member) internal pure returns (uint64 larger) {
        return set | uint64(1 << member);
    }

    function size(uint64 set) internal pure returns (uint256 count) {
        for (uint64 rest = set; rest != 0; rest = withoutFirst(rest)) ++count;
    }

    /// @param set that is not empty
    function first(uint64 set) internal pure returns (uint256 member) {
        return Math.log2(set & (~set + 1));
    }

    /// @param set that is not empty
    /// @return smaller the set but for its first member
    function withoutFirst(uint64 set) internal pure returns (uint64 smaller) {
        return set & (set - 1);
    }
}
