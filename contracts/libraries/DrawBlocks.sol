// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IPoLeChain} from "../interfaces/IPoLeChain.sol";

/// @title DrawBlocks: randomness from the hash of an Ethereum block that is named before it is mined.
/// @dev Naming and drawing are open to anybody. A hash that was not used within 256 blocks is lost, and only then another block can be
/// named: nobody picks a favourable hash by waiting for less than that.
library DrawBlocks {
    /// @notice How many Ethereum blocks back a block's hash can be had.
    uint64 internal constant HASHES = 256;

    /// @dev Ethereum blocks from naming a block to that block: nobody can know its hash when naming it.
    uint256 private constant DELAY = 2;

    /// @param armed block named before, 0 for none
    /// @return drawBlock the block to come whose hash draws; reverts while the one named before can still draw
    function name(uint256 roundId, uint64 armed) internal view returns (uint64 drawBlock) {
        if (armed != 0 && (block.number <= armed || blockhash(armed) != 0)) {
            revert IPoLeChain.DrawPending(roundId, armed);
        }
        return uint64(block.number + DELAY);
    }

    /// @return hash of the named block; reverts while it is to come, when it is lost, and when none is named
    function hashOf(uint256 roundId, uint64 armed) internal view returns (bytes32 hash) {
        // The hash of a block to come and of one over 256 blocks back is 0.
        hash = armed == 0 ? bytes32(0) : blockhash(armed);
        if (hash == 0) revert IPoLeChain.DrawNotReady(roundId, armed);
    }
}
