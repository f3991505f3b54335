// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Cid: what can be asked of an IPFS content identifier without decoding it.
library Cid {
    uint256 private constant LONGEST = 128;

    /// @return fits true when `cid` is neither empty nor longer than 128 bytes
    function fits(string calldata cid) internal pure returns (bool) {
        return bytes(cid).length > 0 && bytes(cid).length <= LONGEST;
    }
}
