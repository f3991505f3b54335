// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title OmmerRewards: what a block and its ommer draw from the system pool.
/// @dev The paper's R_r = R_w / ((H_w - H_o) O_num), the distance counted for each lane, with the fraction bar that the
/// printed equation has lost. Divisions round down: the pool gains.
library OmmerRewards {
    /// @notice How old an ommer can be when it is referenced.
    uint256 internal constant MAX_AGE = 6;

    uint256 private constant BPS = 10_000;

    /// @return wei that the winner gets for referencing an ommer
    function inclusion(uint256 blockReward) internal pure returns (uint256) {
        return blockReward / 32;
    }

    /// @notice Heights between an ommer and the block that references it, for each lane, rounded up: with more lanes
    /// heights pass faster.
    function ageOf(uint256 height, uint256 next, uint256 lanes) internal pure returns (uint256 age) {
        return (next - height + lanes - 1) / lanes;
    }

    /// @param age see `ageOf`, at least 1
    /// @param count verified ommers at the ommer's height
    /// @return wei that the ommer gets
    function reward(uint256 blockReward, uint256 age, uint256 count) internal pure returns (uint256) {
        return blockReward / (age * count);
    }

    /// @return wei that a block draws from the pool at most, rounded up
    function largestDraw(uint256 blockReward) internal pure returns (uint256) {
        return (blockReward * 65 + 31) / 32;
    }

    /// @notice Whether a task's fee exceeds by the margin what its block can draw at most: R_w (1 + 1 + 1/32).
    /// @dev Otherwise a data node, who knows its own test set, could farm the pool with trivial tasks.
    function isCovered(uint256 blockReward, uint256 fee, uint256 marginBps) internal pure returns (bool) {
        return fee * BPS * 32 >= (BPS + marginBps) * blockReward * 65;
    }
}
