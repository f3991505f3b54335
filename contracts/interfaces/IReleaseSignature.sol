// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title ReleaseSignature: whether a data node signed the release of a test set.
/// @notice EIP-712 typed data `TestSetRelease(uint256 roundId,string testCid,bytes32 testDigest,uint64 timestamp)` in
/// the domain of name "PoLe", version "1", the chain's id and the address of the contract that asks: of the PoLeChain
/// that made this contract. Holds nothing and may be asked by anybody.
interface IReleaseSignature {
    /// @notice Reverts NotSignedByDataNode unless `dataNode` signed this release, with its key or, as a contract
    /// wallet, by EIP-1271; and TimestampOutOfTolerance when `timestamp` is further from the block's than the
    /// tolerance.
    function check(
        address dataNode,
        uint256 roundId,
        string calldata testCid,
        bytes32 testDigest,
        uint64 timestamp,
        bytes calldata signature
    ) external view;

    /// @return duration in seconds by which a signed timestamp may differ from the block's
    function tolerance() external pure returns (uint256 duration);
}
